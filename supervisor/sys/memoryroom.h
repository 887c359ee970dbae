// MemoryRoom: what the control groups over this process still let it, and all that it starts, have.
//
// A start that finds no room does not fail: the kernel then kills, by preference whoever is largest, and of a supervisor and its
// small containers that is the supervisor, with whom all of them die. So it looks first.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "spec/limits.h"
#include "sys/cgrouplayout.h"

namespace sup {

// A group over this process, from which it and all below take their memory together.
struct MemoryGroup {
  CgroupVersion version = CgroupVersion::v2;
  std::string directory;
};
// Those that are limited; mostly none is.
[[nodiscard]] std::vector<MemoryGroup> limited_memory(const CgroupLayout& layout);

// Bytes, with what the kernel can take back from files (memory.stat), which is looked at only where less than `enough` is left
// without it. nullopt: not limited any more, or not told.
struct MemoryLeft {
  std::uint64_t limit = 0;
  std::uint64_t left = 0;
};
[[nodiscard]] std::optional<MemoryLeft> memory_left(const MemoryGroup& group, std::uint64_t enough);

// Owned by the Supervisor.
class MemoryRoom {
 public:
  // E_MEMORY, which names the group: less than `bytes` are left. now_us: of a clock that goes on; which groups are limited is
  // looked up again after some seconds. Two small files are read a limited group, and none where none is.
  [[nodiscard]] Result<void> check(std::uint64_t bytes, std::uint64_t now_us);

 private:
  std::optional<std::uint64_t> looked_us_;
  std::vector<MemoryGroup> groups_;
};

}  // namespace sup
