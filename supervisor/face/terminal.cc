#include "face/terminal.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace sup {
namespace {

// For the crash handler: async-signal-safe, so plain memory set before `armed`.
struct {
  std::atomic<bool> armed{false};
  int fd = -1;
  termios saved{};
  const char* farewell = nullptr;
  std::size_t farewell_size = 0;
} crash;

// We are about to die of it (SA_RESETHAND): leave the terminal usable, then die as we would have.
void on_crash(int number) {
  Terminal::restore_any();
  ::raise(number);
}

void catch_crashes() {
  static bool done = false;
  if (done) return;
  done = true;
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) {
    struct sigaction now{};
    // A sanitizer's own handler stays.
    if (::sigaction(number, nullptr, &now) < 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction ours{};
    ours.sa_handler = on_crash;
    ours.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigaction(number, &ours, nullptr);
  }
}

}  // namespace

void Terminal::restore_any() {
  if (!crash.armed) return;
  if (crash.farewell_size != 0) (void)!::write(crash.fd, crash.farewell, crash.farewell_size);
  ::tcsetattr(crash.fd, TCSANOW, &crash.saved);
}

void Terminal::farewell(std::string_view bytes) {
  crash.farewell_size = 0;
  crash.farewell = bytes.data();
  crash.farewell_size = bytes.size();
}

Terminal::Terminal(int fd) : fd_(fd) {}
Terminal::~Terminal() { restore(); }

void Terminal::make_raw() {
  if (raw_ || ::tcgetattr(fd_, &saved_) < 0) return;
  catch_crashes();
  crash.fd = fd_;
  crash.saved = saved_;
  crash.armed = true;
  termios t = saved_;
  ::cfmakeraw(&t);
  raw_ = ::tcsetattr(fd_, TCSANOW, &t) == 0;
  if (!raw_) crash.armed = false;
}

void Terminal::restore() {
  if (!raw_) return;
  // SIGTTOU is blocked (loop/signals.h), so this works from the background as well: the settings are the user's.
  // Nothing is worse to leave behind than a raw terminal, so a refusal is not taken at once.
  for (int attempt = 0; ::tcsetattr(fd_, TCSANOW, &saved_) < 0 && attempt < 3; ++attempt) {
  }
  raw_ = false;
  crash.armed = false;
}

bool Terminal::foreground() const {
  const pid_t group = ::tcgetpgrp(fd_);
  // Not our controlling terminal (ENOTTY): no job control applies.
  return group < 0 || group == ::getpgrp();
}

bool Terminal::gone() const {
  termios t{};
  return ::tcgetattr(fd_, &t) < 0 && errno == EIO;
}

std::optional<winsize> terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0) return std::nullopt;
  return size;
}

}  // namespace sup
