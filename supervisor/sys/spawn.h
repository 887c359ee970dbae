// spawn: the one place where a process is made. clone3(2) with CLONE_VM|CLONE_VFORK, so
// that a start costs the same from a supervisor of any size; between clone and execveat the
// child makes raw system calls only, on a stack of its own.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace sup {

struct SpawnRequest {
  std::uint64_t clone_flags = 0;             // CLONE_NEW*; the rest is spawn's own
  bool map_user = false;                     // write "0 <uid> 1" maps before the exec (CLONE_NEWUSER)
  uid_t uid = 0;                             // caller's, for the maps
  gid_t gid = 0;
  int user_namespace = -1;  // to be born in as its uid and gid 0, instead of clone_flags' own; borrowed; -1: none
  int image = -1;                            // the init executable, O_CLOEXEC (sys/initimage.h); borrowed
  int cgroup = -1;  // a v2 cgroup's directory to be born in; borrowed; -1: the caller's own. Tried:
      // where the kernel refuses, the child is born in the caller's
  std::vector<int>
      tasks;  // v1 cgroups' `tasks`, open for writing, to go into first; borrowed. Tried: who asked looks afterwards
  std::vector<std::pair<int, int>> fds;  // {ours, number in the child}; borrowed. Everything else is CLOEXEC
  std::vector<std::string> argv;  // of init
};

struct Spawned {
  pid_t pid = -1;
  Fd pidfd;  // CLOEXEC
};

// For a process that will have thousands of descriptors, as early as possible: sixteen low numbers are kept for spawn(), which puts
// there what the child is given. The child gets a copy of the table up to the highest number that it needs (close_range(2),
// CLOSE_RANGE_UNSHARE); without this that is all of it, copied and closed again, several hundred microseconds a start where
// there are thousands. Best effort: with none left a start is merely slower. Once.
void keep_low_descriptors();

// Where a start failed before init ran.
struct SpawnFailure {
  enum class Stage : std::uint8_t { clone, fds, idmap, exec } stage = Stage::clone;
  int err = 0;
};

// Starts init. On failure nothing is left behind: a child that came to be is reaped.
// All signals are blocked in the child; init starts so (pid 1 must not meet one half set up).
[[nodiscard]] std::expected<Spawned, SpawnFailure> spawn(const SpawnRequest& request);

}  // namespace sup
