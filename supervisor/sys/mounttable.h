// The mount table of this process's own mount namespace.
#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

// The mount points of every procfs that this process's root reaches, one for each mount; bytes as they are. E_PROC when there
// is no way to know. Asks by listmount(2) and statmount(2) (Linux 6.8), a third of the price of a mountinfo, which is read
// where the kernel does not know them.
[[nodiscard]] Result<std::vector<std::string>> procfs_mounts();

// Whether the table has changed. Everything that can appear in a container by propagation appears here as well, for the
// container's mounts are slaves of ours.
class MountWatch {
 public:
  [[nodiscard]] static Result<MountWatch> open();
  // Since open() or the last call (poll(2) on mountinfo, proc_pid_mountinfo(5)). What cannot be told is a change.
  [[nodiscard]] bool changed();

 private:
  explicit MountWatch(Fd table) : table_(std::move(table)) {}
  Fd table_;
};

}  // namespace sup
