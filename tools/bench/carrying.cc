#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "carrying.h"
#include "child.h"
#include "measures.h"

namespace bench {

std::uint64_t emitted(std::uint64_t mib, bool crlf) {
  constexpr std::uint64_t kLine = 100;  // floor/emit.cc
  const std::uint64_t lines = (mib << 20) / kLine;
  return lines * (kLine + (crlf ? 1 : 0));
}

Drain::Drain(Sink sink) {
  if (sink == Sink::pipe) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return;
    ours_ = ends[0], theirs_ = ends[1];
    return;
  }
  // Raw: what sup or the floor writes is what is counted.
  winsize size{};
  size.ws_row = 24, size.ws_col = 80;
  termios raw{};
  ::cfmakeraw(&raw);
  raw.c_cflag |= CREAD;
  if (::openpty(&ours_, &theirs_, nullptr, &raw, &size) < 0) {
    ours_ = theirs_ = -1;
    return;
  }
  ::fcntl(ours_, F_SETFD, FD_CLOEXEC);
  ::fcntl(theirs_, F_SETFD, FD_CLOEXEC);
}

Drain::~Drain() {
  give_away();
  if (ours_ >= 0) ::close(ours_);
}

void Drain::give_away() {
  if (theirs_ >= 0) ::close(theirs_);
  theirs_ = -1;
}

bool Drain::until(std::uint64_t bytes) {
  static char buffer[256 * 1024];
  while (got_ < bytes) {
    pollfd fd{.fd = ours_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&fd, 1, 30'000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t n = ::read(ours_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;  // EIO: nobody has the terminal open any more
    if (got_ == 0) first_us_ = now_us();
    got_ += static_cast<std::uint64_t>(n);
  }
  return true;
}

namespace {

// MB/s from the first byte to the end; negative: it did not all arrive, and `why`.
double carry_once(const Words& argv, Sink sink, std::uint64_t expected, std::string& why) {
  Drain drain(sink);
  if (drain.theirs() < 0) {
    why = "no pipe or terminal to be had";
    return -1;
  }
  Child child(argv, {.in = -1, .out = drain.theirs(), .err = -1});
  drain.give_away();
  (void)drain.until(~std::uint64_t{0});
  const double took = now_us() - drain.first_us();
  const int status = child.wait();
  if (status != 0 || drain.got() != expected) {
    why = argv[0] + ": status " + std::to_string(status) + ", " + std::to_string(drain.got()) + " of " +
          std::to_string(expected) + " bytes";
    return -1;
  }
  return static_cast<double>(drain.got()) / took;
}

Row carry(std::string measure, std::string peer, double bar, const Words& ours, const Words& theirs, Sink sink,
          std::uint64_t expected, int rounds) {
  Row row{.measure = std::move(measure),
          .peer = std::move(peer),
          .unit = "MB/s",
          .ours = {},
          .theirs = {},
          .absent = {},
          .failed = {},
          .bar = bar,
          .at_most = false};
  std::vector<double> mine;
  std::vector<double> other;
  for (int i = -1; i < rounds; ++i) {
    double pair[2] = {0, 0};
    for (int k = 0; k < 2; ++k) {
      const int who = (i & 1) != 0 ? 1 - k : k;
      pair[who] = carry_once(who == 0 ? ours : theirs, sink, expected, row.failed);
      if (pair[who] < 0) return row;
    }
    if (i < 0) continue;
    mine.push_back(pair[0]);
    other.push_back(pair[1]);
  }
  row.ours = summarize(std::move(mine));
  row.theirs = summarize(std::move(other));
  return row;
}

}  // namespace

void measure_carrying(const Setting& setting, Report& report) {
  const std::uint64_t mib = setting.quick ? 32 : 256;
  const int rounds = setting.quick ? 3 : 7;
  const std::string emit = setting.floors + "/emit";
  const std::string relay = setting.floors + "/carry";
  const auto command = [&](Words words, std::uint64_t size) {
    words.push_back(emit);
    words.push_back(std::to_string(size));
    return words;
  };
  report.add(carry("output: -t, into a pipe", "floor", 0.9, command({setting.sup, "run", "-t"}, mib),
                   command({relay, "pty"}, mib), Sink::pipe, emitted(mib, false), rounds));
  report.add(carry("output: -t, onto a terminal", "floor", 0.9, command({setting.sup, "run", "-t"}, mib),
                   command({relay, "pty"}, mib), Sink::terminal, emitted(mib, true), rounds));
  // Nothing stands between the command and the pipe, and it is over sooner.
  report.add(carry("output: into a pipe", "no relay", 0.9, command({setting.sup, "run"}, mib * 8), command({}, mib * 8),
                   Sink::pipe, emitted(mib * 8, false), rounds));
  report.add(carry("output: onto a terminal", "floor", 0.9, command({setting.sup, "run"}, mib),
                   command({relay, "pipe"}, mib), Sink::terminal, emitted(mib, false), rounds));
}

}  // namespace bench
