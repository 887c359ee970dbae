#include "face/cli/priority_options.h"

#include <charconv>
#include <string>

#include "base/text.h"

namespace sup::cli {
namespace {

std::function<Result<void>(std::string_view)> between(std::optional<int>& target, const std::string& where, int least,
                                                      int most) {
  return [&target, where, least, most](std::string_view value) -> Result<void> {
    int number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || error != std::errc{} || stop != value.data() + value.size() || number < least ||
        number > most) {
      return usage(where + " " + printable(value),
                   "not a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    target = number;
    return {};
  };
}

}  // namespace

void add_priority_options(std::vector<Option>& rows, Spec& spec) {
  rows.push_back({0, "ulimit", "NAME=SOFT[:HARD]",
                  "a resource limit of each process, such as nofile=1024; may be repeated", "the caller's",
                  [&spec](std::string_view v) -> Result<void> {
                    auto limit = parse_ulimit(v);
                    if (!limit) return std::unexpected(limit.error());
                    spec.ulimits.push_back(*limit);
                    return {};
                  }});
  rows.push_back({0, "oom-score-adj", "NUMBER", "who is killed first when memory is short: -1000 last, 1000 first",
                  "the caller's", between(spec.oom_score_adj, "--oom-score-adj", -1000, 1000)});
  rows.push_back({0, "nice", "NUMBER", "the scheduling priority: -20 first, 19 last", "the caller's",
                  between(spec.nice, "--nice", -20, 19)});
  rows.push_back({0, "ionice", "CLASS[:LEVEL]", "the disks' priority: idle, best-effort or realtime, levels 0 to 7",
                  "the caller's", [&spec](std::string_view v) -> Result<void> {
                    const auto value = parse_ionice(v);
                    if (!value) return std::unexpected(value.error());
                    spec.ionice = *value;
                    return {};
                  }});
}

}  // namespace sup::cli
