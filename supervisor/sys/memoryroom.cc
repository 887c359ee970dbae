#include "sys/memoryroom.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/text.h"
#include "sys/cgroupdriver.h"
#include "sys/kernel.h"
#include "sys/procfs.h"

namespace sup {
namespace {

constexpr std::uint64_t kLookAgain = 10'000'000;  // microseconds
// v1 says "no limit" as the largest number that is whole pages.
constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60;

struct Names {
  const char* limit;
  const char* usage;
  std::string_view files[2];  // in memory.stat, of the group and all below it
};
constexpr Names kNames[] = {
    {"/memory.limit_in_bytes", "/memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}},
    {"/memory.max", "/memory.current", {"inactive_file", "active_file"}}};

const Names& names(CgroupVersion version) { return kNames[version == CgroupVersion::v2 ? 1 : 0]; }

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_file(path);
  return text ? parse_unsigned<std::uint64_t>(trimmed(*text)) : std::nullopt;  // "max" is no number
}

std::optional<std::uint64_t> limit_of(const MemoryGroup& group) {
  const auto limit = number_in(group.directory + names(group.version).limit);
  return limit && *limit < kUnlimited ? limit : std::nullopt;
}

}  // namespace

std::vector<MemoryGroup> limited_memory(const CgroupLayout& layout) {
  std::vector<MemoryGroup> all;
  // The root has no limit, and on v2 no files that say so.
  const auto climb = [&all](CgroupVersion version, std::string directory, const std::string& mount) {
    while (!mount.empty() && directory.size() > mount.size()) {
      MemoryGroup group{version, directory};
      if (limit_of(group)) all.push_back(std::move(group));
      directory.resize(directory.rfind('/'));
    }
  };
  climb(CgroupVersion::v2, layout.v2_own, layout.v2_mount);
  if (const auto* memory = layout.v1_with("memory")) climb(CgroupVersion::v1, memory->own, memory->mount);
  return all;
}

std::optional<MemoryLeft> memory_left(const MemoryGroup& group, std::uint64_t enough) {
  const auto limit = limit_of(group);
  const auto usage = number_in(group.directory + names(group.version).usage);
  if (!limit || !usage) return std::nullopt;
  MemoryLeft room{.limit = *limit, .left = *limit - std::min(*limit, *usage)};
  if (room.left >= enough) return room;
  const auto stat = read_file(group.directory + "/memory.stat");
  for (const std::string_view key : names(group.version).files)
    room.left += stat ? keyed_value(*stat, key).value_or(0) : 0;
  return room;
}

Result<void> MemoryRoom::check(std::uint64_t bytes, std::uint64_t now_us) {
  if (!looked_us_ || now_us - *looked_us_ >= kLookAgain) {
    groups_ = limited_memory(cgroup_layout(KernelFiles{}));
    looked_us_ = now_us;
  }
  for (const MemoryGroup& group : groups_) {
    const auto room = memory_left(group, bytes);
    if (!room || room->left >= bytes) continue;
    return std::unexpected(Error{.code = "E_MEMORY",
                                 .where = "memory",
                                 .what = "there is none left for one more",
                                 .err = ENOMEM,
                                 .why = "the supervisor's group " + printable(group.directory) + " has " +
                                        std::to_string(room->left / 1024) + " KiB left of " +
                                        std::to_string(room->limit / 1024),
                                 .hint = "stop a container, or raise the group's limit (MemoryMax= of its unit)",
                                 .path = group.directory,
                                 .stage = "memory"});
  }
  return {};
}

}  // namespace sup
