// Ways to end.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "probe.h"

namespace probe {
namespace {

void no_core() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

int exit_with(int argc, char** argv) { return static_cast<int>(number(argc, argv, 0, 0)); }

int raise_signal(int argc, char** argv) {
  no_core();
  const int signal = static_cast<int>(number(argc, argv, 0, SIGTERM));
  ::kill(::getpid(), signal);
  // As PID 1 of a namespace the kernel drops what has no handler: the test then sees 99.
  return 99;
}

int abort_now(int, char**) {
  no_core();
  std::abort();
}

int segv(int, char**) {
  no_core();
  volatile int* nowhere = nullptr;
  *nowhere = 1;  // NOLINT(clang-analyzer-core.NullDereference): what it is for
  return 99;
}

// Prints and ends at once: the last line must arrive.
int last_line(int argc, char** argv) {
  say("last line of %ld", number(argc, argv, 0, 0));
  ::_exit(static_cast<int>(number(argc, argv, 1, 0)));
}

}  // namespace

const Command kEnds[] = {{"exit", exit_with}, {"kill", raise_signal},  {"abort", abort_now},
                         {"segv", segv},      {"lastline", last_line}, {"", nullptr}};

}  // namespace probe
