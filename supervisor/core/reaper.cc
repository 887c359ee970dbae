#include "core/reaper.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sys/kernellog.h"

namespace sup {
namespace {

// As wait4(2) gives it.
int status_of(const siginfo_t& ended) {
  if (ended.si_code == CLD_EXITED) return (ended.si_status & 0xff) << 8;
  return ended.si_status | (ended.si_code == CLD_DUMPED ? 0x80 : 0);
}

}  // namespace

Reaper::Reaper(Loop& loop) : loop_(loop), watcher_(loop, [this] { collect(); }), rest_(loop) {}

Result<void> Reaper::start() { return watcher_.start(); }

void Reaper::watch(pid_t pid, Exit exited) { watched_.insert_or_assign(pid, std::move(exited)); }

void Reaper::wait_for(pid_t pid) {
  watched_.erase(pid);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

KillLog& Reaper::kill_log() {
  if (!kill_log_) kill_log_ = std::make_unique<KillLog>(loop_, open_kernel_log);
  return *kill_log_;
}

void Reaper::collect() {
  const auto since = Loop::now_us();
  // SIGCHLD coalesces: 500 exits have been one callback. Ask until nobody answers.
  for (int count = 0;; ++count) {
    if (count == kSlice) return rest_.start([this] { collect(); });
    siginfo_t who{};
    rusage usage{};
    // The C library's waitid(3) leaves the usage out.
    if (::syscall(SYS_waitid, P_ALL, 0, &who, WEXITED | WNOHANG, &usage) < 0) {
      if (errno == EINTR) continue;
      return;  // ECHILD
    }
    if (who.si_pid == 0) return;
    const auto found = watched_.find(who.si_pid);
    if (found == watched_.end()) continue;
    auto exited = std::move(found->second);
    watched_.erase(found);
    exited(status_of(who), usage, since);
  }
}

}  // namespace sup
