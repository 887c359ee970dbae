// KernelFiles: what the kernel says about itself in /proc and /sys.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sup {

// The two trees as a pair of directories, so that a test can hand in its own. Every question has "not said"
// as an answer: files come and go with kernels, distributions and outer containers.
struct KernelFiles {
  std::string proc = "/proc";
  std::string sys = "/sys";

  // The text of PROC/name or SYS/name; at most 16 MiB.
  [[nodiscard]] std::optional<std::string> proc_text(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> sys_text(std::string_view name) const;

  // A sysctl by its dotted name ("kernel.pid_max"), without the line end; its value as a number.
  [[nodiscard]] std::optional<std::string> sysctl_text(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> sysctl(std::string_view name) const;

  // A field of PROC/self/status ("CapEff", "Seccomp"), without the space around it (proc_pid_status(5)).
  [[nodiscard]] std::optional<std::string> self_status(std::string_view field) const;
  // Whether this process has the capability in its own user namespace; nothing when /proc does not say.
  [[nodiscard]] std::optional<bool> has_capability(int number) const;
  // Whether an outer container's (or a service's) seccomp filter stands over this process.
  [[nodiscard]] bool filtered() const;
  // The AppArmor or SELinux label of this process, without the mode: "docker-default"; empty for none.
  [[nodiscard]] std::string security_label() const;
};

// A whole decimal number, "max" being nothing; blanks around it do not matter.
[[nodiscard]] std::optional<std::int64_t> to_number(std::string_view text);
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace sup
