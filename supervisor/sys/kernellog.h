// Kernellog: the kernel's own log, /dev/kmsg.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>

namespace sup {

enum class NoCall : std::uint8_t {
  unreadable,  // the log is not ours to read (dmesg_restrict), or we have pids of our own (a container's)
  not_there,  // not yet: a kernel thread writes it; or never, where an audit daemon takes it or too many came at once
};

// The name of the system call for which a seccomp filter has killed this process, "170" where it has none.
// since_us: of CLOCK_MONOTONIC, from when on. Reads all of the log, a few milliseconds; never blocks.
[[nodiscard]] std::expected<std::string, NoCall> call_that_was_killed(pid_t pid, std::uint64_t since_us);

}  // namespace sup
