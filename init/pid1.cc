#include "init/pid1.h"

#include "init/channel.h"

namespace sup::init {
namespace {

// The child's stack until its execve. Only the pages it touches exist.
alignas(16) unsigned char child_stack[32768];

constexpr uint32_t kCapKill = 1U << 5;

void close_but(unsigned first, unsigned last, unsigned kept) {
  if (kept < first || kept > last) {
    sys::close_range(first, last);
    return;
  }
  if (kept > first) sys::close_range(first, kept - 1);
  if (kept < last) sys::close_range(kept + 1, last);
}

// Gives away what the command could want from a process that outlives its start.
// Nothing here can be reported any more (the command runs), and nothing here can fail
// on a kernel that got this far.
void hold_nothing(const Run& run, int guard, int signals) {
  const auto boot = static_cast<unsigned>(run.boot);
  // The guard stands right behind the plan's place, which is closed: what lies between takes no harm.
  const unsigned top = guard == 0 ? boot : static_cast<unsigned>(guard);
  const auto other = static_cast<unsigned>(signals);
  // 0-2 as well: while PID 1 holds a stream, its reader never sees the end.
  if (boot > 0) close_but(0, boot - 1, other);
  if (top > boot + 1) close_but(boot + 1, top - 1, other);
  close_but(top + 1, ~0U, other);
  sys::call(__NR_munmap, run.block, run.size);   // argv and the environment, secrets and all
  sys::call(__NR_chdir, "/");                    // the command may want to unmount where it started

  // CAP_KILL stays: the command may change its user, signals must reach it all the same.
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (sys::call(__NR_capget, &header, data) < 0) return;
  data[0].permitted &= kCapKill;
  data[0].effective = data[0].permitted;
  data[0].inheritable = 0;
  data[1] = {};
  sys::call(__NR_capset, &header, data);
}

void forward(int signals, int command) {
  sys::SignalInfo info[8];
  const long n = sys::read(signals, info, sizeof info);
  if (n < 0) return;   // EAGAIN: another signal of that number was seen with the last read
  for (size_t i = 0; i < static_cast<size_t>(n) / sizeof info[0]; ++i) {
    if (info[i].signo != sys::kSigChld) sys::call(__NR_kill, command, info[i].signo);
  }
}

// True when the supervisor has gone. What it says to a PID 1 that stays has no meaning yet.
bool hung_up(int boot) {
  unsigned char ignored[64];
  const long n = sys::recv(boot, ignored, sizeof ignored, sys::kMsgDontWait);
  return n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR);
}

// Reaps all that has ended. True, and the status, when the command is among it.
bool reap(int command, uint32_t& status) {
  for (;;) {
    uint32_t each = 0;
    const long pid = sys::call(__NR_wait4, -1, &each, sys::kWnohang, nullptr);
    if (pid == -EINTR) continue;
    if (pid <= 0) return false;
    if (pid == command) {
      status = each;
      return true;   // the rest is the kernel's: it ends with us
    }
  }
}

// wait(2)'s status as a shell would say it.
int shell_code(uint32_t status) {
  const uint32_t sig = status & 0x7f;
  return static_cast<int>(sig == 0 ? status >> 8 & 0xff : 128 + sig);
}

// The end of all that is left: a PID 1's own does it, the guard has to say so, and is among them.
[[noreturn]] void end(int guard, int status) {
  if (guard != 0) sys::write(guard, "1", 1);
  sys::exit(status);
}

[[noreturn]] void watch(const Run& run, int guard, int signals, int command) {
  for (;;) {
    uint32_t status = 0;
    if (reap(command, status)) {
      const int err = say(run.boot, wire::Say::exited, run.index, 0, status);
      // Where it could not be said the exit status is what is left to say it; the supervisor, who is there, kills the others.
      end(err == 0 || err == EPIPE || err == ECONNRESET ? guard : 0, shell_code(status));
    }
    sys::PollFd fds[2] = {{signals, sys::kPollIn, 0}, {run.boot, sys::kPollIn, 0}};
    if (sys::poll(fds, 2, nullptr) < 0) continue;
    if (fds[1].revents != 0 && hung_up(run.boot)) end(guard, kExitSetup);
    if (fds[0].revents != 0) forward(signals, command);
  }
}

struct Child {
  Run& run;
  void (*go_on)(void*);
  uint64_t mask;  // the signal mask that init was started with
};

void in_child(void* arg) {
  const Child& child = *static_cast<const Child*>(arg);
  // The descriptor tables are two, the memory is one. Whether the mask comes back is not
  // for PID 1 to decide: the plan's unblock does.
  sys::sigmask(sys::kSigSetMask, &child.mask, nullptr);
  child.go_on(&child.run);
}

}  // namespace

int stay(Run& run, int guard, void (*go_on)(void*)) {
  // Before the child exists, not after: no instant in which the command could attach.
  long err = sys::prctl(PR_SET_DUMPABLE, 0);
  if (err < 0) return static_cast<int>(-err);
  if (guard != 0) {
    err = sys::call(__NR_fcntl, guard, sys::kFSetFd, sys::kFdCloexec);
    // Who dies with the supervisor could not end the others: from here on the boot channel's end says it. A supervisor that
    // died before has killed us, and there is no child yet.
    if (err >= 0) err = sys::prctl(PR_SET_PDEATHSIG, 0);
    if (err < 0) return static_cast<int>(-err);
  }
  // Ignored by whoever started the supervisor, SIGCHLD would make the kernel reap for us
  // and the status would be lost. Blocked signals are queued even for a PID 1 and even
  // when their default is to be ignored.
  const sys::SigAction by_default{};
  err = sys::sigaction(sys::kSigChld, &by_default);
  if (err < 0) return static_cast<int>(-err);
  const uint64_t all = ~uint64_t{0};
  Child child = {run, go_on, 0};
  err = sys::sigmask(sys::kSigBlock, &all, &child.mask);
  if (err < 0) return static_cast<int>(-err);
  // Made now, while a failure can still be reported; the child's copy is CLOEXEC.
  const long signals = sys::call(__NR_signalfd4, -1, &all, sizeof all, sys::kOCloexec | sys::kONonblock);
  if (signals < 0) return static_cast<int>(-signals);
  // What has come by now came for the caller's process group, in which this process stood for a moment: a key of the terminal's, a
  // kill(2) of the whole group. The supervisor has it too and passes it on itself; twice would be wrong (two ^C are not one ^C).
  sys::SignalInfo early[8];
  while (sys::read(static_cast<int>(signals), early, sizeof early) > 0) {
  }

  const long command = sys::vfork_child(sys::kCloneVm | sys::kCloneVfork | static_cast<unsigned long>(sys::kSigChld),
                                        child_stack + sizeof child_stack, in_child, &child);
  if (command < 0) return static_cast<int>(-command);
  // Here the child has called execve successfully, or it is dead: it has said {failed}
  // itself, or was killed before it could, which the supervisor sees as an end without {exec}.
  if (!run.execing) sys::exit(kExitSetup);

  sys::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("sup-init"));
  // A supervisor that has gone is seen in the loop.
  say(run.boot, wire::Say::running, run.index, 0, static_cast<uint32_t>(command));
  hold_nothing(run, guard, static_cast<int>(signals));
  watch(run, guard, static_cast<int>(signals), static_cast<int>(command));
}

}  // namespace sup::init
