// The least that `sup run CMD` can cost: five namespaces, one process more, and nothing else.
//   start COMMAND [ARG...]
// One static file without a libc: clone3(VM|VFORK and the five namespaces), every mount a slave, a fresh /proc, execve;
// wait, and exit as the command did. No error texts, no terminal, no signals, no log: what sup does beyond this is what
// the ratio shows.
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "init/sys.h"

namespace {

namespace sys = sup::init::sys;

constexpr unsigned long kNamespaces = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;
constexpr int kSigChild = 17;
constexpr int kOwnFailure = 125;

struct Command {
  char** argv;
  char** envp;
};

alignas(16) unsigned char child_stack[16 * 1024];

void child(void* arg) {
  const auto& command = *static_cast<const Command*>(arg);
  if (sys::call(__NR_mount, "none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0) sys::exit(kOwnFailure);
  if (sys::call(__NR_mount, "proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr) < 0)
    sys::exit(kOwnFailure);
  sys::call(__NR_execve, command.argv[0], command.argv, command.envp);
  sys::exit(127);
}

}  // namespace

extern "C" [[noreturn, gnu::used, gnu::visibility("hidden")]] void floor_start(char** stack) {
  const long argc = reinterpret_cast<long>(stack[0]);
  if (argc < 2) sys::exit(kOwnFailure);
  Command command = {stack + 2, stack + 1 + argc + 1};
  const long pid = sys::vfork_child(kNamespaces | CLONE_VM | CLONE_VFORK | kSigChild, child_stack + sizeof child_stack,
                                    child, &command);
  if (pid < 0) sys::exit(kOwnFailure);
  unsigned status = 0;
  while (sys::call(__NR_wait4, pid, &status, 0, nullptr) == -EINTR) {
  }
  const unsigned sig = status & 0x7f;
  sys::exit(static_cast<int>(sig == 0 ? status >> 8 & 0xff : 128 + sig));
}

SUP_INIT_START(floor_start);
