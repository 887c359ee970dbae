// Kernellog: the kernel's own log, /dev/kmsg.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace sup {

// The name of the system call for which a seccomp filter has killed this process, "170" where it has none. None: the log is not ours
// to read (dmesg_restrict), an audit daemon has taken the record, or we have pids of our own (a container's).
// since_us: of CLOCK_MONOTONIC, from when on. Reads all of the log, a few milliseconds; never blocks.
[[nodiscard]] std::optional<std::string> call_that_was_killed(pid_t pid, std::uint64_t since_us);

}  // namespace sup
