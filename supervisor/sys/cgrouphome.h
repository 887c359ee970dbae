// CgroupHome: where this supervisor's containers have their control groups.
//
//   OWN                   the cgroup this process is in
//   OWN/sup               ours, shared by all supervisors that are there; gone when it is empty
//   OWN/sup/ID            one container's
//   OWN/supervisor        v2 only, where OWN has to be empty of processes before its children get controllers: we step aside
//
// Below our own group, so that what was put over us holds for our containers as well; and only where that is ours to divide.
// On a hybrid system (v1 controllers and a bare v2 tree) both are used: v2 to freeze, kill and count, v1 for the limits.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spec/limits.h"
#include "sys/cgrouplayout.h"

namespace sup {

struct CgroupHome {
  struct Tree {
    CgroupVersion version = CgroupVersion::v2;
    std::vector<std::string> controllers;  // that a container's group can have; v1: those of the hierarchy
    std::string own;
    [[nodiscard]] std::string parent() const { return own + "/sup"; }
    [[nodiscard]] bool has(std::string_view controller) const;
  };
  std::vector<Tree>
      trees;  // the first is for life (freeze, kill, count) and has a directory for every group; v2 where there is one

  [[nodiscard]] const Tree* with(std::string_view controller, CgroupVersion version) const;
};

// E_CGROUP: there is no tree this process is in.
[[nodiscard]] Result<CgroupHome> cgroup_home(const CgroupLayout& layout);
// Of this system, looked up at each call: a supervisor may be moved. Where systemd rules and has not left our group to us, it
// is asked for a scope of our own first.
[[nodiscard]] Result<CgroupHome> cgroup_home();

// Removes the groups that a supervisor killed by SIGKILL has left: empty, and locked by nobody. Never fails: what cannot be
// removed is not ours or not over.
void sweep_cgroups(const CgroupHome& home);

// A directory and the groups in it: 0 (also when it is not there), or errno: EBUSY while a process is in one of them.
[[nodiscard]] int remove_cgroup(const std::string& path);

}  // namespace sup
