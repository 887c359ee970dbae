// Limits: what a container may take of memory, processors, processes and disks; and which files of a cgroup say so.
//
// Units and rules are docker's: sizes are bytes with b, k, m, g or t; -1 is "no limit"; with a memory limit and nothing
// said about swap, as much swap again. Sources: cgroups(7), the kernel's admin-guide/cgroup-v1 and cgroup-v2.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

inline constexpr std::int64_t kNoLimit = -1;

struct Limits {
  std::optional<std::int64_t> memory;  // bytes, or kNoLimit
  std::optional<std::int64_t> memory_swap;  // bytes of memory and swap together, or kNoLimit
  std::optional<std::int64_t> nano_cpus;  // billionths of a processor's time
  std::optional<std::int64_t> cpu_shares;  // 2 to 262144; the kernel's default is 1024
  std::string cpuset_cpus;  // "0-3,5"; empty: not said
  std::optional<std::int64_t> pids;  // processes and threads, or kNoLimit
  std::optional<std::int64_t> blkio_weight;  // 10 to 1000
  bool best_effort = false;  // what cannot be applied is told, not refused
  [[nodiscard]] bool any() const {
    return memory || memory_swap || nano_cpus || cpu_shares || !cpuset_cpus.empty() || pids || blkio_weight;
  }
  bool operator==(const Limits&) const = default;
};

// What an option says; `where` is its name, for the error (E_USAGE).
[[nodiscard]] Result<std::int64_t> parse_size(std::string_view text, std::string_view where,
                                              bool negative_is_none = false);
[[nodiscard]] Result<std::int64_t> parse_cpus(std::string_view text, std::string_view where);
[[nodiscard]] bool is_cpu_list(std::string_view text);
// "64m", "1.5g": the largest unit that says it exactly; "none" for kNoLimit.
[[nodiscard]] std::string size_text(std::int64_t bytes);
// "1.5" of 1500000000.
[[nodiscard]] std::string cpus_text(std::int64_t nano_cpus);

// Whether each value is possible and they fit each other.
[[nodiscard]] Result<void> check_limits(const Limits& limits);
// What `changes` says replaces what was.
void merge(Limits& limits, const Limits& changes);

// One value for one file of a cgroup.
struct CgroupWrite {
  std::string_view option;  // who wants it, for messages: "--memory"
  std::string_view controller;  // "memory"
  struct File {
    std::string_view name;  // "memory.max"
    std::string text;
  };
  std::vector<File> files;  // the first that exists takes it
  bool optional = false;  // not asked for in so many words: where there is no such file, it is left
};
enum class CgroupVersion : std::uint8_t { v1, v2 };
[[nodiscard]] std::vector<CgroupWrite> cgroup_writes(const Limits& limits, CgroupVersion version);
// cpu.weight of cpu.shares, as runc and crun count it: 2 is 1, 1024 is 100, 262144 is 10000.
[[nodiscard]] std::int64_t cpu_weight(std::int64_t shares);

}  // namespace sup
