// Seccomplog: what the kernel's log says of a process that a seccomp filter has killed.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "spec/seccomp.h"

namespace sup {

// Whether the filter answers anything with SIGSYS: kills, or traps, which kills who has no handler.
[[nodiscard]] bool filter_kills(const Filter& filter);

struct SeccompKill {
  pid_t pid = -1;  // as the kernel's first pid namespace has it
  std::uint64_t when_us = 0;  // of the kernel's clock since boot
  std::uint32_t arch = 0;  // AUDIT_ARCH_*
  int number = -1;  // of the call, on that architecture
};
// record: one of /dev/kmsg, "6,812,2393550740,-;audit: type=1326 audit(…): … pid=22231 … sig=31 arch=c000003e syscall=170 …"
// (audit_seccomp() of the kernel). A name in quotes can hold no blank that has not been made hexadecimal.
[[nodiscard]] std::optional<SeccompKill> seccomp_kill(std::string_view record);

}  // namespace sup
