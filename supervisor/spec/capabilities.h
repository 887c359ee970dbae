// Capabilities: names, numbers (linux/capability.h) and the sets that sup's modes are made of.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sup {

// 41 is CAP_CHECKPOINT_RESTORE's successor: the first number without a name yet.
inline constexpr int kCapabilities = 41;

// 21 -> "CAP_SYS_ADMIN"; without a name: "CAP_41".
[[nodiscard]] std::string capability_name(int number);
// "CAP_SYS_ADMIN", "SYS_ADMIN", "sys_admin" -> 21.
[[nodiscard]] std::optional<int> capability_number(std::string_view name);

// What goes from the bounding set where the root is the host's, unless privileged: powers over the machine
// as a whole, which no namespace holds in (modules, raw I/O, the clock, reboot, the kernel's log, LSM
// policy, audit, BPF, perf, immutable files, wake-ups).
[[nodiscard]] std::uint64_t host_root_dropped();
// The 14 that docker leaves to a container.
[[nodiscard]] std::uint64_t docker_capabilities();

}  // namespace sup
