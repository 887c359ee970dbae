// CgroupLayout: how this system has its control groups, and where this process is in them (cgroups(7)).
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sys/kernel.h"

namespace sup {

struct CgroupLayout {
  enum class Mode { none, v1, v2, hybrid } mode = Mode::none;   // hybrid: v1 controllers and a v2 tree
  std::string v2_mount;                                         // empty: there is none
  std::string v2_own;  // this process's directory in it; empty: not reachable
  std::vector<std::string> v2_controllers;  // available in v2_own
  struct Hierarchy {
    std::vector<std::string> controllers;  // "cpu", "cpuacct", or "name=systemd"
    std::string mount;
    std::string own;  // this process's directory in it; empty: not reachable
  };
  std::vector<Hierarchy> v1;

  [[nodiscard]] const Hierarchy* v1_with(std::string_view controller) const;
};

// From PROC/self/mountinfo and PROC/self/cgroup; mount points are prefixed with `root` (tests).
[[nodiscard]] CgroupLayout cgroup_layout(const KernelFiles& kernel, const std::string& root = {});

struct PidsGroup {
  std::string directory;
  std::int64_t current = 0;
  std::int64_t max = 0;
};
// The cgroup of this process, or one above it, that has as many processes as pids.max lets it.
[[nodiscard]] std::optional<PidsGroup> full_pids_group(const CgroupLayout& layout);

// Threads of all processes of this uid. Nothing when processes of others are hidden or /proc cannot be read.
[[nodiscard]] std::optional<std::uint64_t> tasks_of(const KernelFiles& kernel, uid_t uid);

}  // namespace sup
