// Mountinfo: /proc/PID/mountinfo read as proc(5) describes it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sup {

struct MountEntry {
  unsigned id = 0;
  unsigned parent = 0;
  std::string root;      // what of the file system is mounted, "/" when all
  std::string target;    // where; bytes, the octal escapes undone
  std::string options;   // per mount, "rw,relatime"
  std::string fstype;
  std::string source;
  bool operator==(const MountEntry&) const = default;
};

// One entry a line, in the order of the text. Lines that are not as proc(5) says are skipped: who reads for safety
// (only_proc in init) reads again in the place where it counts.
[[nodiscard]] std::vector<MountEntry> parse_mountinfo(std::string_view text);

// The mount points of every procfs, in order, one for each mount.
[[nodiscard]] std::vector<std::string> proc_mounts(std::string_view text);

}  // namespace sup
