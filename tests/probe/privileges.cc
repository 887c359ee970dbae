// What the command may ask of the kernel.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "probe.h"

namespace probe {
namespace {

// syscalls NUMBER…: each in a child of its own, with arguments that mean nothing. "NUMBER ERRNO", or "NUMBER waits" or
// "NUMBER gone" for one that does not come back.
int syscalls(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) {
    const long which = std::strtol(argv[i], nullptr, 0);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      errno = 0;
      const long r = ::syscall(which, -1L, -1L, -1L, -1L, -1L, -1L);
      const int err = r < 0 ? errno : 0;
      (void)!::write(ends[1], &err, sizeof err);
      ::syscall(SYS_exit_group, 0);
    }
    ::close(ends[1]);
    int err = -1;
    pollfd fd{ends[0], POLLIN, 0};
    if (::poll(&fd, 1, 300) == 0) {
      say("%ld waits", which);
    } else if (::read(ends[0], &err, sizeof err) == static_cast<ssize_t>(sizeof err)) {
      say("%ld %d", which, err);
    } else {
      say("%ld gone", which);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
  }
  return 0;
}

// call NUMBER ARG…: this one call, in this process; "call ERRNO".
int call(int argc, char** argv) {
  errno = 0;
  const auto word = [&](int i) { return number(argc, argv, i, 0); };
  const long r = ::syscall(word(0), word(1), word(2), word(3), word(4), word(5), word(6));
  say("call %d", r < 0 ? errno : 0);
  return 0;
}

// key NAME: whether the caller's session keyring has such a key.
int key(int argc, char** argv) {
  const long found = ::syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argc > 0 ? argv[0] : "", 0);
  char text[64] = {};
  if (found < 0) {
    say("key none %d", errno);
  } else {
    ::syscall(SYS_keyctl, KEYCTL_READ, found, text, sizeof text - 1);
    say("key %s", text);
  }
  return 0;
}

// nested: a user namespace within.
int nested(int, char**) {
  say("unshare %d", ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
  const long r = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (r == 0) ::_exit(0);
  say("clone %d", r > 0 ? 0 : errno);
  return 0;
}

// int80: getpid of the 32-bit kind.
int int80(int, char**) {
#if defined(__x86_64__)
  long r = 20;
  __asm__ volatile("int $0x80" : "+a"(r) : : "r8", "r9", "r10", "r11", "memory");
  say("int80 %ld", r);
#else
  say("int80 -38");
#endif
  return 0;
}

}  // namespace

const Command kPrivileges[] = {{"syscalls", syscalls}, {"call", call},   {"key", key},
                               {"nested", nested},     {"int80", int80}, {"", nullptr}};

}  // namespace probe
