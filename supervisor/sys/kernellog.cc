#include "sys/kernellog.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "spec/seccomplog.h"

namespace sup {
namespace {

constexpr int kMostRecords = 1 << 17;
// The log's clock is not quite CLOCK_MONOTONIC.
constexpr std::uint64_t kSlackUs = 5'000'000;
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFCU;  // PROC_PID_INIT_INO

}  // namespace

std::expected<std::string, NoCall> call_that_was_killed(pid_t pid, std::uint64_t since_us) {
  struct stat own{};
  if (::stat("/proc/self/ns/pid", &own) < 0 || own.st_ino != kFirstPidNamespace)
    return std::unexpected(NoCall::unreadable);
  const Fd log(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!log) return std::unexpected(NoCall::unreadable);
  since_us = since_us > kSlackUs ? since_us - kSlackUs : 0;
  std::optional<SeccompKill> last;
  char record[8192];
  for (int i = 0; i < kMostRecords; ++i) {
    const ssize_t n = ::read(log.get(), record, sizeof record);
    // EPIPE: overwritten before it was read.
    if (n < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (n <= 0) break;
    if (const auto kill = seccomp_kill({record, static_cast<std::size_t>(n)}, pid, since_us)) last = kill;
  }
  if (!last) return std::unexpected(NoCall::not_there);
  const std::unique_ptr<char, void (*)(void*)> name(::seccomp_syscall_resolve_num_arch(last->arch, last->number),
                                                    std::free);
  return name ? std::string(name.get()) : std::to_string(last->number);
}

}  // namespace sup
