#include "spec/capabilities.h"

#include <algorithm>
#include <cstdlib>
#include <array>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::array<std::string_view, kCapabilities> kNames{
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

constexpr std::array<std::string_view, 14> kHostRootDropped{
    "SYS_MODULE",    "SYS_RAWIO",  "SYS_TIME", "SYS_BOOT", "SYSLOG",          "MAC_ADMIN",  "MAC_OVERRIDE",
    "AUDIT_CONTROL", "AUDIT_READ", "BPF",      "PERFMON",  "LINUX_IMMUTABLE", "WAKE_ALARM", "BLOCK_SUSPEND",
};

constexpr std::array<std::string_view, 14> kDocker{
    "CHOWN",  "DAC_OVERRIDE", "FSETID",  "FOWNER",           "MKNOD",      "NET_RAW", "SETGID",
    "SETUID", "SETFCAP",      "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL",    "AUDIT_WRITE",
};

consteval std::uint64_t mask_of(const auto& names) {
  std::uint64_t mask = 0;
  for (const std::string_view name : names) {
    const auto at = std::ranges::find(kNames, name);
    if (at == kNames.end()) std::abort();  // at compile time: does not build
    mask |= std::uint64_t{1} << (at - kNames.begin());
  }
  return mask;
}

constexpr std::uint64_t kHostRootDroppedMask = mask_of(kHostRootDropped);
constexpr std::uint64_t kDockerMask = mask_of(kDocker);

}  // namespace

std::string capability_name(int number) {
  if (number < 0 || number >= kCapabilities) return "CAP_" + std::to_string(number);
  return "CAP_" + std::string(kNames[static_cast<std::size_t>(number)]);
}

std::optional<int> capability_number(std::string_view name) {
  const std::string upper = to_upper(name);
  std::string_view word = upper;
  if (word.starts_with("CAP_")) word.remove_prefix(4);
  const auto at = std::ranges::find(kNames, word);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<int>(at - kNames.begin());
}

std::uint64_t host_root_dropped() { return kHostRootDroppedMask; }
std::uint64_t docker_capabilities() { return kDockerMask; }

}  // namespace sup
