// Idmap: which ids inside a user namespace are which outside, as --userns asks for it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

// `count` ids from `inside` on are those from `outside` on. Ids are 0 to 4294967294 (user_namespaces(7)).
struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};
using IdMap = std::vector<IdRange>;

// Spec::userns where it is a word; empty: a map with one id for an ordinary user, no user namespace for root.
inline constexpr const char* kUsernsAuto = "auto";
inline constexpr const char* kUsernsKeepId = "keep-id";
inline constexpr const char* kUsernsHost = "host";
inline constexpr std::size_t kMostIdRanges = 340;   // the kernel's, since Linux 4.15
inline constexpr std::uint32_t kAutoIds = 65536;    // how many ids --userns auto gives

// Whether it asks for more ids than the caller's own.
[[nodiscard]] bool wants_ranges(std::string_view userns);

// "map:CUID:HUID:COUNT[,…]": ranges that overlap on neither side and have an inside id 0, which init works as. For one of the
// words an empty map. Error: E_USAGE.
[[nodiscard]] Result<IdMap> parse_userns(std::string_view text);

// The first range of `names` in a text like /etc/subuid (subuid(5)): the first name that has one. Lines that are not as they
// should be are skipped. `inside` is 0.
[[nodiscard]] std::optional<IdRange> sub_ids(std::string_view text, const std::vector<std::string>& names);
// A first id behind everything that the text gives away, for a line that is missing.
[[nodiscard]] std::uint32_t free_sub_ids(std::string_view text);

// The id outside of one inside; none: it has none.
[[nodiscard]] std::optional<std::uint32_t> outside_id(const IdMap& map, std::uint32_t inside);

// As /proc/PID/uid_map takes it: "0 100000 65536\n", a line a range.
[[nodiscard]] std::string map_lines(const IdMap& map);
// What the kernel has in that file, in whatever order; empty where it is nothing of that kind.
[[nodiscard]] IdMap parse_map_lines(std::string_view text);
// As people read it: "0=100000+65536,…".
[[nodiscard]] std::string map_text(const IdMap& map);

}  // namespace sup
