// `sup replay`: plays a recording to standard output, with its own timing on a terminal.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "face/cli/verb.h"
#include "face/print.h"
#include "face/say.h"
#include "spec/asciicast.h"
#include "spec/screenstate.h"

namespace sup::cli {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kMaxLine = 64U << 20;      // bytes; a recorder's line is one read, some KiB
constexpr std::size_t kWrite = 4096;             // so that a signal is seen between two of them
constexpr std::int64_t kLateUs =
    200'000;        // behind by more: we were stopped, or the terminal is slow; do not rush after it

// The signals that end a program at a terminal, and the one that stops it, as something to wait for: they are
// taken between two writes, so that what is on the terminal can be undone first. What the caller ignores stays so.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&taken_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) {
      struct sigaction action{};
      if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) ::sigaddset(&taken_, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &taken_, &before_);
    fd_.reset(::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  [[nodiscard]] int fd() const { return fd_.get(); }
  // The next one, 0 when there is none.
  [[nodiscard]] int take() {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo)
                                                                                      : 0;
  }

 private:
  sigset_t taken_{};
  sigset_t before_{};
  Fd fd_;
};

// Holds the keyboard's echo while somebody else's screen is shown, and drops what came in: a terminal answers
// to queries that are in the recording, and the shell would take the answers for typed words.
class QuietKeyboard {
 public:
  QuietKeyboard() {
    // From the background, tcsetattr would stop us.
    if (::tcgetpgrp(1) != ::getpgrp() || ::tcgetattr(1, &before_) < 0) return;
    held_ = true;
    hold();
  }
  QuietKeyboard(const QuietKeyboard&) = delete;
  QuietKeyboard& operator=(const QuietKeyboard&) = delete;
  ~QuietKeyboard() { give_back(); }

  void hold() const {
    if (!held_ || ::tcgetpgrp(1) != ::getpgrp()) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);   // ISIG stays: ctrl-c works
    ::tcsetattr(1, TCSANOW, &quiet);
  }
  void give_back() const {
    if (!held_ || ::tcgetpgrp(1) != ::getpgrp()) return;
    ::tcflush(1, TCIFLUSH);
    ::tcsetattr(1, TCSADRAIN, &before_);
  }

 private:
  termios before_{};
  bool held_ = false;
};

// The lines of a file, as they come.
class Lines {
 public:
  explicit Lines(Fd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const { return fd_.get(); }

  struct Line {
    std::string text;
    bool whole = true;   // false: the file ended before the line did
  };
  enum class More { line, wait, end };
  // Takes a line that is there already.
  [[nodiscard]] More next(Line& line) {
    const auto end = buffer_.find('\n', start_);
    if (end != std::string::npos) {
      line = {buffer_.substr(start_, end - start_), true};
      start_ = end + 1;
      return More::line;
    }
    buffer_.erase(0, start_);
    start_ = 0;
    if (!ended_) return More::wait;
    if (buffer_.empty()) return More::end;
    line = {std::move(buffer_), false};
    buffer_.clear();
    return More::line;
  }
  // One read(2).
  [[nodiscard]] Result<void> fill(const std::string& name) {
    if (buffer_.size() > kMaxLine)
      return std::unexpected(Error{
          .code = "E_CAST", .where = "replay", .what = name, .why = "a line is longer than 64 MiB", .path = name});
    char bytes[65536];
    const ssize_t n = ::read(fd_.get(), bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (n < 0)
      return std::unexpected(Error{.code = "E_READ", .where = "replay", .what = name, .err = errno, .path = name});
    if (n == 0) ended_ = true;
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return {};
  }

 private:
  Fd fd_;
  std::string buffer_;
  std::size_t start_ = 0;
  bool ended_ = false;
};

struct Pace {
  bool paced = false;
  double speed = 1;
  std::optional<microseconds> idle_limit;
};

class Player {
 public:
  Player(std::string name, Fd file, const Pace& pace, bool quiet)
      : name_(std::move(name)), lines_(std::move(file)), pace_(pace), quiet_(quiet) {
    if (::isatty(1) == 1) {
      signals_.emplace();
      keyboard_.emplace();
    }
  }

  [[nodiscard]] Result<int> play() {
    auto result = run();
    mend();
    keyboard_.reset();
    signals_.reset();
    if (deadly_ != 0) {
      // As if we had never been in the way: the shell sees which signal it was.
      ::signal(deadly_, SIG_DFL);
      ::raise(deadly_);
      return 128 + deadly_;   // only where it is blocked
    }
    if (reader_gone_) return 0;
    return result;
  }

 private:
  [[nodiscard]] bool over() const { return deadly_ != 0 || reader_gone_; }

  [[nodiscard]] Result<int> run() {
    Lines::Line line;
    std::optional<Error> held;   // a bad line is only forgiven when nothing comes after it
    for (;;) {
      const auto more = lines_.next(line);
      if (more == Lines::More::wait) {
        wait_for(lines_.fd(), POLLIN, std::nullopt);
        if (over()) return 0;
        if (auto filled = lines_.fill(name_); !filled) return std::unexpected(filled.error());
        continue;
      }
      if (more == Lines::More::end) break;
      auto event = reader_.line(line.text);
      if (!event) {
        Error error = event.error();
        error.where = "replay";
        error.what = (name_ == "-" ? "standard input" : name_) + ", " + error.what;
        error.path = name_;
        // The recorder was killed in the middle of a line: everything before it is good.
        if (!line.whole && reader_.have_header()) {
          held = std::move(error);
          break;
        }
        return std::unexpected(std::move(error));
      }
      if (!*event) continue;
      if (auto shown = show(**event); !shown) return std::unexpected(shown.error());
      if (over()) return 0;
    }
    if (!reader_.have_header()) {
      return std::unexpected(Error{.code = "E_CAST",
                                   .where = "replay",
                                   .what = name_ == "-" ? "standard input" : name_,
                                   .why = "is empty, not a recording",
                                   .hint = "record one with: sup run -ti --record FILE COMMAND",
                                   .path = name_});
    }
    if (held) {
      mend();
      if (!quiet_) say("replay: " + printable(held->what) + ": cut off, the recorder ended in the middle of it");
    }
    return 0;
  }

  [[nodiscard]] Result<void> show(const CastEvent& event) {
    if (pace_.paced) {
      auto gap = std::chrono::duration_cast<microseconds>(event.at - last_);
      if (pace_.idle_limit) gap = std::min(gap, *pace_.idle_limit);
      last_ = event.at;
      const std::int64_t now = now_us();
      if (due_ == 0 || now - due_ > kLateUs) due_ = now;
      due_ += std::llround(static_cast<double>(gap.count()) / pace_.speed);
      if (event.code == 'o') wait_for(-1, 0, due_);
    }
    if (event.code != 'o' || over()) return {};
    if (::isatty(1) != 1) {
      if (!pace_.paced) return put_all(event.data);
    }
    for (std::string_view rest = event.data; !rest.empty() && !over();) {
      const std::string_view part = rest.substr(0, kWrite);
      wait_for(1, POLLOUT, std::nullopt);
      if (over()) break;
      const ssize_t n = ::write(1, part.data(), part.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n < 0) return failed(errno);
      screen_.feed(part.substr(0, static_cast<std::size_t>(n)));
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  [[nodiscard]] Result<void> put_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(1, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) {
        wait_for(1, POLLOUT, std::nullopt);
        continue;
      }
      if (n < 0) return failed(errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  [[nodiscard]] Result<void> failed(int err) {
    // A reader who has seen enough (head), or a terminal that is gone.
    if (err == EPIPE || (err == EIO && ::isatty(1) != 1)) {
      reader_gone_ = true;
      return {};
    }
    return std::unexpected(Error{.code = "E_OUTPUT", .where = "replay", .what = "standard output", .err = err});
  }

  // Until the descriptor is ready (-1: none), the time has come, or a signal ends the play.
  void wait_for(int fd, short events, std::optional<std::int64_t> until) {
    for (;;) {
      std::array<pollfd, 2> set{{{signals_ ? signals_->fd() : -1, POLLIN, 0}, {fd, events, 0}}};
      timespec left{};
      if (until) {
        const std::int64_t us = *until - now_us();
        if (us <= 0 && fd < 0) return;
        left.tv_sec = us / 1'000'000;
        left.tv_nsec = us % 1'000'000 * 1000;
      }
      const int ready = ::ppoll(set.data(), set.size(), until ? &left : nullptr, nullptr);
      if (ready < 0 && errno != EINTR) return;
      if (ready > 0 && set[0].revents != 0 && handle_signal()) return;
      if (ready > 0 && set[1].revents != 0) return;
    }
  }

  // True when it ends the play.
  bool handle_signal() {
    const int number = signals_->take();
    if (number == 0) return false;
    if (number == SIGTSTP) {
      mend();
      keyboard_->give_back();
      ::raise(SIGSTOP);
      keyboard_->hold();
      due_ = 0;   // the pause does not count
      return false;
    }
    deadly_ = number;
    return true;
  }

  void mend() {
    if (::isatty(1) != 1) return;
    const std::string bytes = screen_.mend();
    screen_ = ScreenState();
    if (bytes.empty()) return;
    // A terminal that takes nothing (ctrl-s) does not keep us for ever.
    pollfd wait{1, POLLOUT, 0};
    if (::poll(&wait, 1, 500) == 1 && (wait.revents & POLLOUT) != 0) (void)!::write(1, bytes.data(), bytes.size());
  }

  std::string name_;
  Lines lines_;
  Pace pace_;
  bool quiet_ = false;
  std::optional<Signals> signals_;
  std::optional<QuietKeyboard> keyboard_;
  CastReader reader_;
  ScreenState screen_;
  std::chrono::nanoseconds last_{};
  std::int64_t due_ = 0;       // when the next event is to be shown, as now_us() counts
  int deadly_ = 0;
  bool reader_gone_ = false;
};

class ReplayVerb : public Verb {
 public:
  std::vector<Option> options() override {
    return {
        {0, "speed", "X", "play X times as fast; also keeps the timing where the output is no terminal", "1",
         [this](std::string_view value) -> Result<void> {
           double speed = 0;
           const char* end = value.data() + value.size();
           const auto [stop, error] = std::from_chars(value.data(), end, speed, std::chars_format::fixed);
           if (error != std::errc{} || stop != end || !(speed >= 0.001 && speed <= 1'000'000)) {
             return usage("--speed", printable(value) + " is not a speed",
                          "a number from 0.001 to 1000000, 2 is twice as fast");
           }
           speed_ = speed;
           return {};
         }},
        {0, "idle-limit", "SEC", "let no pause be longer than this", "",
         [this](std::string_view value) -> Result<void> {
           const auto limit = parse_duration(value, "--idle-limit");
           if (!limit) return std::unexpected(limit.error());
           idle_limit_ = *limit;
           return {};
         }},
    };
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (operands.size() != 1)
      return usage("replay", operands.empty() ? "no recording given" : "one recording at a time",
                   "sup replay FILE; - is standard input");
    const std::string& name = operands.front();
    Fd file(name == "-" ? ::fcntl(0, F_DUPFD_CLOEXEC, 3) : ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
      return std::unexpected(Error{.code = "E_READ", .where = "replay", .what = name, .err = errno, .path = name});
    Pace pace;
    pace.paced = speed_.has_value() || ::isatty(1) == 1;
    pace.speed = speed_.value_or(1);
    if (idle_limit_) pace.idle_limit = *idle_limit_;
    return Player(name, std::move(file), pace, globals.quiet).play();
  }

 private:
  std::optional<double> speed_;
  std::optional<std::chrono::milliseconds> idle_limit_;
};

}  // namespace

std::unique_ptr<Verb> make_replay() { return std::make_unique<ReplayVerb>(); }

}  // namespace sup::cli
