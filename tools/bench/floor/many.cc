// The least that many containers can cost: each the five namespaces, a slave root and a fresh /proc, one after the other.
//   many COUNT COMMAND [ARG...]
// Writes the nanoseconds that starting took, eight bytes; waits for the end of its input; kills all, reaps all, and writes
// what that took. With COUNT 0 and a FIFO as the first ARG: the time before one start goes there, and no number anywhere.
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>

#include "init/sys.h"

namespace {

namespace sys = sup::init::sys;

constexpr unsigned long kNamespaces = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;
constexpr int kSigChild = 17;
constexpr int kOwnFailure = 125;
constexpr long kMost = 16384;

struct Command {
  char** argv;
  char** envp;
};

alignas(16) unsigned char child_stack[16 * 1024];
int pids[kMost];

void child(void* arg) {
  const auto& command = *static_cast<const Command*>(arg);
  if (sys::call(__NR_mount, "none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0) sys::exit(kOwnFailure);
  if (sys::call(__NR_mount, "proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr) < 0)
    sys::exit(kOwnFailure);
  sys::call(__NR_execve, command.argv[0], command.argv, command.envp);
  sys::exit(127);
}

int64_t now() {
  sys::Timespec t{};
  sys::call(__NR_clock_gettime, CLOCK_MONOTONIC, &t);
  return t.sec * 1'000'000'000 + t.nsec;
}

long start(Command& command) {
  return sys::vfork_child(kNamespaces | CLONE_VM | CLONE_VFORK | kSigChild, child_stack + sizeof child_stack, child,
                          &command);
}

int status_of(long pid) {
  unsigned status = 0;
  while (sys::call(__NR_wait4, pid, &status, 0, nullptr) == -EINTR) {
  }
  return static_cast<int>(status);
}

void tell(int fd, int64_t ns) {
  if (sys::write(fd, &ns, sizeof ns) != sizeof ns) sys::exit(kOwnFailure);
}

}  // namespace

extern "C" [[noreturn, gnu::used, gnu::visibility("hidden")]] void floor_many(char** stack) {
  const long argc = reinterpret_cast<long>(stack[0]);
  if (argc < 3) sys::exit(kOwnFailure);
  long count = 0;
  for (const char* digit = stack[2]; *digit != 0; ++digit) count = count * 10 + (*digit - '0');
  Command command = {stack + 3, stack + 1 + argc + 1};
  if (count == 0) {
    const long fifo = sys::open(command.argv[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0) sys::exit(kOwnFailure);
    tell(static_cast<int>(fifo), now());
    const long pid = start(command);
    sys::exit(pid > 0 && status_of(pid) == 0 ? 0 : kOwnFailure);
  }
  if (count > kMost) sys::exit(kOwnFailure);
  int64_t from = now();
  for (long i = 0; i < count; ++i) {
    const long pid = start(command);
    if (pid < 0) sys::exit(kOwnFailure);
    pids[i] = static_cast<int>(pid);
  }
  tell(1, now() - from);
  char ignored[16];
  while (sys::read(0, ignored, sizeof ignored) > 0) {
  }
  from = now();
  for (long i = 0; i < count; ++i) sys::call(__NR_kill, pids[i], sys::kSigKill);
  for (long i = 0; i < count; ++i) (void)status_of(pids[i]);
  tell(1, now() - from);
  sys::exit(0);
}

SUP_INIT_START(floor_many);
