#include "spec/idmap.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::string_view kMap = "map:";
constexpr std::uint64_t kIds = 4294967295;  // the last one is -1, nobody's
constexpr std::uint32_t kFirstFree = 524288;  // above what login.defs(5) and its tools give to people

bool overlap(std::uint64_t a, std::uint64_t b, const IdRange& first, const IdRange& second) {
  return a < b + second.count && b < a + first.count;
}

Result<IdMap> wrong(std::string_view text, std::string why, std::string hint) {
  return usage("--userns " + printable(text), std::move(why), std::move(hint));
}

}  // namespace

bool wants_ranges(std::string_view userns) { return userns == kUsernsAuto || userns.starts_with(kMap); }

Result<IdMap> parse_userns(std::string_view text) {
  if (text.empty() || text == kUsernsAuto || text == kUsernsKeepId || text == kUsernsHost) return IdMap{};
  if (!text.starts_with(kMap))
    return wrong(text, "no such user namespace", "auto, keep-id, host or map:INSIDE:OUTSIDE:COUNT[,…]");
  IdMap map;
  for (const std::string_view one : split(text.substr(kMap.size()), ',')) {
    const auto words = split(one, ':');
    std::optional<std::uint32_t> numbers[3];
    for (std::size_t i = 0; i < 3 && words.size() == 3; ++i) numbers[i] = parse_unsigned<std::uint32_t>(words[i]);
    if (!numbers[0] || !numbers[1] || !numbers[2])
      return wrong(text, "is no map", "map:INSIDE:OUTSIDE:COUNT[,…], such as map:0:100000:65536");
    const IdRange range{*numbers[0], *numbers[1], *numbers[2]};
    if (range.count == 0) return wrong(text, "a range of no ids", "a COUNT of 1 or more");
    if (std::uint64_t{range.inside} + range.count > kIds || std::uint64_t{range.outside} + range.count > kIds)
      return wrong(text, "a range goes beyond the last id, 4294967294", "a smaller COUNT");
    for (const IdRange& other : map) {
      if (overlap(range.inside, other.inside, range, other))
        return wrong(text, "two ranges overlap inside", "give each id inside once");
      if (overlap(range.outside, other.outside, range, other))
        return wrong(text, "two ranges overlap outside", "give each id outside once");
    }
    map.push_back(range);
    if (map.size() > kMostIdRanges)
      return wrong(text.substr(0, 40), "more ranges than the kernel takes", "at most 340");
  }
  if (!outside_id(map, 0)) return wrong(text, "0 has no id outside", "add a range that begins at 0 inside");
  return map;
}

std::optional<IdRange> sub_ids(std::string_view text, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (const std::string_view line : split(text, '\n')) {
      const auto words = split(line, ':');
      if (words.size() != 3 || name.empty() || words[0] != name) continue;
      const auto first = parse_unsigned<std::uint32_t>(words[1]);
      const auto count = parse_unsigned<std::uint32_t>(words[2]);
      if (!first || !count || *count == 0 || *first == 0 || std::uint64_t{*first} + *count > kIds) continue;
      return IdRange{0, *first, *count};
    }
  }
  return std::nullopt;
}

std::uint32_t free_sub_ids(std::string_view text) {
  std::uint64_t next = kFirstFree;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ':');
    if (words.size() != 3) continue;
    const auto first = parse_unsigned<std::uint32_t>(words[1]);
    const auto count = parse_unsigned<std::uint32_t>(words[2]);
    if (first && count) next = std::max(next, std::uint64_t{*first} + *count);
  }
  next = (next + kAutoIds - 1) / kAutoIds * kAutoIds;
  return next + kAutoIds > kIds ? kFirstFree : static_cast<std::uint32_t>(next);
}

std::optional<std::uint32_t> outside_id(const IdMap& map, std::uint32_t inside) {
  for (const IdRange& range : map) {
    if (inside >= range.inside && inside - range.inside < range.count) return range.outside + (inside - range.inside);
  }
  return std::nullopt;
}

std::string map_lines(const IdMap& map) {
  std::string out;
  for (const IdRange& range : map) {
    out +=
        std::to_string(range.inside) + " " + std::to_string(range.outside) + " " + std::to_string(range.count) + "\n";
  }
  return out;
}

IdMap parse_map_lines(std::string_view text) {
  IdMap map;
  for (const std::string_view line : split(text, '\n')) {
    std::vector<std::uint32_t> numbers;
    for (const std::string_view word : split(line, ' ')) {
      if (word.empty()) continue;
      const auto number = parse_unsigned<std::uint32_t>(word);
      if (!number) return {};
      numbers.push_back(*number);
    }
    if (numbers.empty()) continue;
    if (numbers.size() != 3) return {};
    map.push_back({numbers[0], numbers[1], numbers[2]});
  }
  return map;
}

std::string map_text(const IdMap& map) {
  std::string out;
  for (const IdRange& range : map) {
    out += (out.empty() ? "" : ",") + std::to_string(range.inside) + "=" + std::to_string(range.outside) + "+" +
           std::to_string(range.count);
  }
  return out;
}

}  // namespace sup
