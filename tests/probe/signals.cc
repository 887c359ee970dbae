// Waiting for signals, and the size of the terminal.
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "probe.h"

namespace probe {
namespace {

// sleep [MARK]: for ever, without any handler.
int sleep_forever(int, char**) {
  say("ready");
  for (;;) ::pause();
}

void empty_handler(int) {}

// sigwatch [COUNT]: has a handler for everything, names each signal that comes, ends with 42 after
// COUNT of them (default: at SIGTERM).
int sigwatch(int argc, char** argv) {
  long left = number(argc, argv, 0, -1);
  sigset_t every;
  ::sigfillset(&every);
  struct sigaction action{};
  action.sa_handler = empty_handler;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) ::sigaction(signal, &action, nullptr);
  ::sigprocmask(SIG_BLOCK, &every, nullptr);
  say("ready");
  for (;;) {
    int signal = 0;
    if (::sigwait(&every, &signal) != 0) continue;
    if (signal == SIGCHLD) continue;
    say("signal %d", signal);
    if (left < 0 && signal == SIGTERM) return 42;
    if (left <= 0) continue;
    --left;
    if (left == 0) return 42;
  }
}

// deaf: a handler for TERM and INT that does nothing: only KILL ends it.
int deaf(int, char**) {
  struct sigaction action{};
  action.sa_handler = empty_handler;
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaction(signal, &action, nullptr);
  say("ready");
  for (;;) ::pause();
}

// continued: "runs", and "back" after each SIGCONT; any other signal does what it does by default.
int continued(int, char**) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCONT);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  say("runs");
  for (;;) {
    int signal = 0;
    if (::sigwait(&set, &signal) == 0) say("back");
  }
}

int print_size() {
  winsize size{};
  if (::ioctl(0, TIOCGWINSZ, &size) != 0 && ::ioctl(1, TIOCGWINSZ, &size) != 0) {
    say("size none");
    return 1;
  }
  say("size %u %u", static_cast<unsigned>(size.ws_row), static_cast<unsigned>(size.ws_col));
  return 0;
}

int size(int, char**) { return print_size(); }

// sizewatch: the size at first and after each SIGWINCH; ends at SIGTERM.
int size_watch(int, char**) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGWINCH);
  ::sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  struct sigaction action{};
  action.sa_handler = empty_handler;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGWINCH, &action, nullptr);
  print_size();
  say("ready");
  for (;;) {
    int signal = 0;
    if (::sigwait(&set, &signal) != 0) continue;
    if (signal == SIGTERM) return 0;
    print_size();
  }
}

}  // namespace

const Command kSignals[] = {
    {"sleep", sleep_forever}, {"sigwatch", sigwatch},    {"deaf", deaf}, {"continued", continued},
    {"winsize", size},        {"sizewatch", size_watch}, {"", nullptr}};

}  // namespace probe
