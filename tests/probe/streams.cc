// Reading and writing: patterns, raw terminals, what kind of thing 0, 1 and 2 are.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

#include "pattern.h"
#include "probe.h"

namespace probe {
namespace {

using sup::test::Pattern;

// write N [FD] [text|binary]
int write_pattern(int argc, char** argv) {
  long left = number(argc, argv, 0, 0);
  const int fd = static_cast<int>(number(argc, argv, 1, 1));
  Pattern pattern(argc > 2 && std::strcmp(argv[2], "binary") == 0 ? Pattern::Kind::binary : Pattern::Kind::text);
  std::vector<char> buffer(65536);
  while (left > 0) {
    const auto part = static_cast<std::size_t>(left < 65536 ? left : 65536);
    pattern.fill(buffer.data(), part);
    if (!write_all(fd, buffer.data(), part)) return 1;
    left -= static_cast<long>(part);
  }
  return 0;
}

const char* kind_of(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return "closed";
  if (::isatty(fd) == 1) return "tty";
  if (S_ISFIFO(facts.st_mode)) return "pipe";
  if (S_ISSOCK(facts.st_mode)) return "socket";
  if (S_ISREG(facts.st_mode)) return "file";
  if (S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 3)) return "null";
  return "other";
}

int streams(int, char**) {
  struct stat facts[3]{};
  for (int fd = 0; fd < 3; ++fd) {
    ::fstat(fd, &facts[fd]);
    say("stream %d %s", fd, kind_of(fd));
  }
  say("same12 %d", facts[1].st_ino == facts[2].st_ino && facts[1].st_dev == facts[2].st_dev ? 1 : 0);
  const int tty = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  say("ctty %s", tty >= 0 ? "yes" : std::strerror(errno));
  return 0;
}

// read: counts and checks what comes on 0 until the end.  read [text|binary] [N: stop after N bytes]
int read_pattern(int argc, char** argv) {
  Pattern pattern(argc > 0 && std::strcmp(argv[0], "binary") == 0 ? Pattern::Kind::binary : Pattern::Kind::text);
  const long limit = number(argc, argv, 1, -1);
  std::vector<char> buffer(65536);
  bool good = true;
  long total = 0;
  while (limit < 0 || total < limit) {
    const ssize_t n = ::read(0, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    total += n;
    if (good && !pattern.check(buffer.data(), static_cast<std::size_t>(n))) good = false;
  }
  if (good)
    say("read %ld ok", total);
  else
    say("read %ld bad at %llu", total, static_cast<unsigned long long>(pattern.bad_at()));
  return good ? 0 : 1;
}

bool make_raw() {
  termios mode{};
  if (::tcgetattr(0, &mode) != 0) return false;
  ::cfmakeraw(&mode);
  return ::tcsetattr(0, TCSANOW, &mode) == 0;
}

// rawread N: the terminal raw, "ready", then N bytes of the binary pattern.
int raw_read(int, char** argv) {
  if (!make_raw()) return 2;
  say("ready");
  char kind[] = "binary";
  char* arguments[] = {kind, argv[0], nullptr};
  return read_pattern(2, arguments);
}

// keys: the terminal raw, "ready", then every byte as hex until 'q'.
int keys(int, char**) {
  if (!make_raw()) return 2;
  std::printf("ready\r\n");
  std::fflush(stdout);
  char byte = 0;
  while (::read(0, &byte, 1) == 1) {
    std::printf("key %02x\r\n", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    std::fflush(stdout);
    if (byte == 'q') return 0;
  }
  return 1;
}

int cat(int, char**) {
  std::vector<char> buffer(65536);
  ssize_t n = 0;
  while ((n = ::read(0, buffer.data(), buffer.size())) > 0) {
    if (!write_all(1, buffer.data(), static_cast<std::size_t>(n))) return 1;
  }
  return n < 0 ? 1 : 0;
}

// fed MS: is there anything to read on 0 within MS milliseconds?
int fed(int argc, char** argv) {
  pollfd in{0, POLLIN, 0};
  const int n = ::poll(&in, 1, static_cast<int>(number(argc, argv, 0, 200)));
  say("fed %s", n > 0 && (in.revents & POLLIN) != 0 ? "yes" : "no");
  return 0;
}

int both(int, char**) {
  write_all(1, "to stdout\n", 10);
  write_all(2, "to stderr\n", 10);
  return 0;
}

// slurp-after-eof: end of input first, then output: what -i must still drain.
int drain(int argc, char** argv) {
  char buffer[4096];
  while (::read(0, buffer, sizeof buffer) > 0) {
  }
  return write_pattern(argc, argv);
}

// echo-line: one line in, the same line out, over and over; ends at "bye" or the end.
int echo_lines(int, char**) {
  char line[4096];
  say("ready");
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    line[std::strcspn(line, "\n")] = 0;
    say("got <%s>", line);
    if (std::strcmp(line, "bye") == 0) return 0;
  }
  say("end of input");
  return 0;
}

volatile std::sig_atomic_t told = 0;

// count [MS]: waits for a line, then says 1, 2, 3 … every so often until it is told to end (TERM); then "last N", and exits with 4.
int count(int argc, char** argv) {
  struct sigaction act{};
  act.sa_handler = [](int) { told = 1; };
  ::sigaction(SIGTERM, &act, nullptr);
  char line[64];
  if (std::fgets(line, sizeof line, stdin) == nullptr) return 1;
  long i = 0;
  while (told == 0) {
    say("%ld", ++i);
    ::poll(nullptr, 0, static_cast<int>(number(argc, argv, 0, 5)));
  }
  say("last %ld", i);
  return 4;
}

}  // namespace

const Command kStreams[] = {
    {"write", write_pattern}, {"streams", streams}, {"read", read_pattern}, {"rawread", raw_read},
    {"keys", keys},           {"cat", cat},         {"fed", fed},           {"both", both},
    {"drain", drain},         {"echo", echo_lines}, {"count", count},       {"", nullptr}};

}  // namespace probe
