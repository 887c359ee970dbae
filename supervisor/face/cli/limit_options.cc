#include "face/cli/limit_options.h"

#include <charconv>
#include <string>

#include "base/text.h"

namespace sup::cli {
namespace {

using Set = std::function<Result<void>(std::string_view)>;

Set size(std::optional<std::int64_t>& target, const std::string& where, bool negative_is_none) {
  return [&target, where, negative_is_none](std::string_view value) -> Result<void> {
    auto parsed = parse_size(value, where, negative_is_none);
    if (!parsed) return std::unexpected(parsed.error());
    target = *parsed;
    return {};
  };
}

Set whole(std::optional<std::int64_t>& target, const std::string& where, const std::string& hint) {
  return [&target, where, hint](std::string_view value) -> Result<void> {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || error != std::errc{} || stop != value.data() + value.size())
      return usage(where + " " + printable(value), "not a whole number", hint);
    target = number;
    return {};
  };
}

}  // namespace

void add_limit_options(std::vector<Option>& o, Limits& limits) {
  o.push_back({'m', "memory", "SIZE", "how much memory it may have: 512m, 1.5g; at least 6m", "",
               size(limits.memory, "--memory", true)});
  o.push_back({0, "memory-swap", "SIZE", "memory and swap together; -1: any amount of swap", "twice --memory",
               size(limits.memory_swap, "--memory-swap", true)});
  o.push_back({0, "cpus", "NUMBER", "how many processors' time it may have: 0.5, 2", "",
               [&limits](std::string_view v) -> Result<void> {
                 auto parsed = parse_cpus(v, "--cpus");
                 if (!parsed) return std::unexpected(parsed.error());
                 limits.nano_cpus = *parsed;
                 return {};
               }});
  o.push_back({0, "cpu-shares", "WEIGHT", "its share where processors are short, others having 1024", "",
               whole(limits.cpu_shares, "--cpu-shares", "from 2 to 262144")});
  o.push_back({0, "cpuset-cpus", "LIST", "the processors it may run on: 0-2,4", "",
               [&limits](std::string_view v) -> Result<void> {
                 if (!is_cpu_list(v))
                   return usage("--cpuset-cpus " + printable(v), "not a list of processors",
                                "numbers from 0 and ranges: 0-2,4");
                 limits.cpuset_cpus = std::string(v);
                 return {};
               }});
  o.push_back({0, "pids-limit", "NUMBER", "how many processes and threads it may have; -1: any", "",
               [&limits](std::string_view v) -> Result<void> {
                 auto r = whole(limits.pids, "--pids-limit", "from 1 up, or -1 for no limit")(v);
                 if (limits.pids == 0) limits.pids = kNoLimit;   // docker's way to say so
                 return r;
               }});
  o.push_back({0, "blkio-weight", "WEIGHT", "its share of the disks, from 10 to 1000", "",
               whole(limits.blkio_weight, "--blkio-weight", "from 10 to 1000")});
}

}  // namespace sup::cli
