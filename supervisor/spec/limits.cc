#include "spec/limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::int64_t kLeastMemory = 6LL << 20;   // docker's: with less not even the start of a program fits
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 4;
constexpr std::int64_t kPeriodUs = 100'000;        // the kernel's own default
constexpr std::int64_t kLeastCpus = 10'000'000;    // a hundredth: the kernel takes no quota below 1 ms
constexpr std::int64_t kLeastShares = 2;
constexpr std::int64_t kMostShares = 262'144;
constexpr unsigned kMostCpus = 8192;

// Digits with at most one point, times `unit`, cut off at the whole; nullopt where it is none or too large.
std::optional<std::int64_t> scaled_decimal(std::string_view text, std::int64_t unit) {
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() && part.empty()) return std::nullopt;
  std::uint64_t count = 0;
  if (!whole.empty()) {
    const auto parsed = parse_unsigned<std::uint64_t>(whole);
    if (!parsed) return std::nullopt;
    count = *parsed;
  }
  if (count > static_cast<std::uint64_t>(kMost / unit)) return std::nullopt;
  std::int64_t value = static_cast<std::int64_t>(count) * unit;
  std::int64_t place = unit;
  std::int64_t fraction = 0;
  std::int64_t scale = 1;
  for (const char c : part) {
    if (c < '0' || c > '9') return std::nullopt;
    if (scale > 1'000'000'000) continue;   // finer than anything that is counted
    fraction = fraction * 10 + (c - '0');
    scale *= 10;
  }
  value += static_cast<std::int64_t>(static_cast<long double>(fraction) * static_cast<long double>(place) /
                                     static_cast<long double>(scale));
  return value;
}

std::string number(std::int64_t value) { return std::to_string(value); }

std::unexpected<Error> wrong(std::string_view option, std::string value, std::string why, std::string hint) {
  auto error = usage(std::string(option), std::move(why), std::move(hint));
  error.error().what = std::move(value);
  return error;
}

CgroupWrite one(std::string_view option, std::string_view controller, std::string_view file, std::string text,
                bool optional = false) {
  return CgroupWrite{
      .option = option, .controller = controller, .files = {{file, std::move(text)}}, .optional = optional};
}

std::vector<CgroupWrite> writes_v2(const Limits& l) {
  const auto or_max = [](std::int64_t value) { return value == kNoLimit ? std::string("max") : number(value); };
  std::vector<CgroupWrite> out;
  if (l.memory) {
    out.push_back(one("--memory", "memory", "memory.max", or_max(*l.memory)));
    // One killed process of several leaves a half-dead service: all of the container or none.
    out.push_back(one("--memory", "memory", "memory.oom.group", "1", true));
  }
  if (l.memory_swap) {
    const std::int64_t memory = l.memory.value_or(0);
    out.push_back(one("--memory-swap", "memory", "memory.swap.max",
                      *l.memory_swap == kNoLimit ? "max" : number(*l.memory_swap - memory)));
  } else if (l.memory) {
    out.push_back(one("--memory", "memory", "memory.swap.max", or_max(*l.memory), true));
  }
  if (l.nano_cpus)
    out.push_back(one("--cpus", "cpu", "cpu.max", number(*l.nano_cpus / 10'000) + " " + number(kPeriodUs)));
  if (l.cpu_shares) out.push_back(one("--cpu-shares", "cpu", "cpu.weight", number(cpu_weight(*l.cpu_shares))));
  if (!l.cpuset_cpus.empty()) out.push_back(one("--cpuset-cpus", "cpuset", "cpuset.cpus", l.cpuset_cpus));
  if (l.pids) out.push_back(one("--pids-limit", "pids", "pids.max", or_max(*l.pids)));
  if (l.blkio_weight) {
    // bfq's scale is blkio's own; io.weight goes from 1 to 10000.
    out.push_back(CgroupWrite{.option = "--blkio-weight",
                              .controller = "io",
                              .files = {{"io.bfq.weight", number(*l.blkio_weight)},
                                        {"io.weight", "default " + number(1 + (*l.blkio_weight - 10) * 9999 / 990)}},
                              .optional = false});
  }
  return out;
}

std::vector<CgroupWrite> writes_v1(const Limits& l) {
  std::vector<CgroupWrite> out;
  if (l.memory) out.push_back(one("--memory", "memory", "memory.limit_in_bytes", number(*l.memory)));
  if (l.memory_swap) {
    out.push_back(one("--memory-swap", "memory", "memory.memsw.limit_in_bytes", number(*l.memory_swap)));
  } else if (l.memory) {
    out.push_back(one("--memory", "memory", "memory.memsw.limit_in_bytes",
                      number(*l.memory == kNoLimit ? kNoLimit : *l.memory * 2), true));
  }
  if (l.nano_cpus) {
    out.push_back(one("--cpus", "cpu", "cpu.cfs_period_us", number(kPeriodUs)));
    out.push_back(one("--cpus", "cpu", "cpu.cfs_quota_us", number(*l.nano_cpus / 10'000)));
  }
  if (l.cpu_shares) out.push_back(one("--cpu-shares", "cpu", "cpu.shares", number(*l.cpu_shares)));
  if (!l.cpuset_cpus.empty()) out.push_back(one("--cpuset-cpus", "cpuset", "cpuset.cpus", l.cpuset_cpus));
  if (l.pids) out.push_back(one("--pids-limit", "pids", "pids.max", *l.pids == kNoLimit ? "max" : number(*l.pids)));
  if (l.blkio_weight) {
    out.push_back(
        CgroupWrite{.option = "--blkio-weight",
                    .controller = "blkio",
                    .files = {{"blkio.weight", number(*l.blkio_weight)}, {"blkio.bfq.weight", number(*l.blkio_weight)}},
                    .optional = false});
  }
  return out;
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text, std::string_view where, bool negative_is_none) {
  const auto refuse = [&](std::string why) {
    return std::unexpected(
        wrong(where, printable(text), std::move(why), "bytes, or a number with k, m, g or t: 512m, 1.5g").error());
  };
  if (negative_is_none && text == "-1") return kNoLimit;
  std::string_view digits = text;
  const auto lower = [&digits] { return static_cast<char>(digits.back() | 0x20); };
  std::int64_t unit = 1;
  static constexpr std::string_view kUnits = "kmgtp";
  const auto is_unit = [](char c) { return c > '9' && kUnits.contains(static_cast<char>(c | 0x20)); };
  // "m", "mb", "mi" and "mib" are the same; "b" alone are bytes.
  if (digits.size() > 1 && lower() == 'b') digits.remove_suffix(1);
  if (digits.size() > 2 && lower() == 'i' && is_unit(digits[digits.size() - 2])) digits.remove_suffix(1);
  if (!digits.empty() && is_unit(digits.back())) {
    unit = std::int64_t{1} << (10 * (kUnits.find(lower()) + 1));
    digits.remove_suffix(1);
  }
  const auto value = scaled_decimal(digits, unit);
  if (!value) return refuse("not a size");
  return *value;
}

Result<std::int64_t> parse_cpus(std::string_view text, std::string_view where) {
  const auto value = scaled_decimal(text, 1'000'000'000);
  if (!value || *value < kLeastCpus || *value > std::int64_t{kMostCpus} * 1'000'000'000) {
    return std::unexpected(wrong(where, printable(text), "not a number of processors", "from 0.01 up: 0.5, 2").error());
  }
  return *value;
}

bool is_cpu_list(std::string_view text) {
  for (const std::string_view range : split(text, ',')) {
    const auto dash = range.find('-');
    const auto first = parse_unsigned<unsigned>(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_unsigned<unsigned>(range.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= kMostCpus) return false;
  }
  return true;
}

std::string size_text(std::int64_t bytes) {
  if (bytes == kNoLimit) return "none";
  constexpr std::string_view kUnits = "kmgtp";
  std::string unit;
  for (const char next : kUnits) {
    if (bytes == 0 || bytes % 1024 != 0) break;
    bytes /= 1024;
    unit = next;
  }
  return number(bytes) + unit;
}

std::string cpus_text(std::int64_t nano_cpus) {
  std::string part = number(nano_cpus % 1'000'000'000);
  part.insert(0, 9 - part.size(), '0');
  part.erase(part.find_last_not_of('0') + 1);
  return number(nano_cpus / 1'000'000'000) + (part.empty() ? "" : "." + part);
}

std::int64_t cpu_weight(std::int64_t shares) {
  const std::int64_t within = std::clamp(shares, kLeastShares, kMostShares);
  if (within == kLeastShares) return 1;
  if (within == kMostShares) return 10'000;
  // Through 1024 -> 100, the two defaults; a straight line would make 39 of it.
  const double log = std::log2(static_cast<double>(within));
  return static_cast<std::int64_t>(std::ceil(std::pow(10.0, (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0)));
}

Result<void> check_limits(const Limits& l) {
  if (l.memory && *l.memory != kNoLimit && (*l.memory < kLeastMemory || *l.memory > kMost)) {
    return wrong("--memory", size_text(*l.memory), "is less than a program takes", "at least 6m");
  }
  if (l.memory_swap) {
    if (*l.memory_swap != kNoLimit && (*l.memory_swap < 0 || *l.memory_swap > kMost))
      return wrong("--memory-swap", number(*l.memory_swap), "out of range", "bytes, or -1 for no limit");
    if (!l.memory)
      return wrong("--memory-swap", size_text(*l.memory_swap), "counts memory and swap together",
                   "give --memory as well");
    if (*l.memory_swap != kNoLimit && (*l.memory == kNoLimit || *l.memory_swap < *l.memory)) {
      return wrong("--memory-swap", size_text(*l.memory_swap),
                   "is less than --memory, and counts memory and swap together", "at least " + size_text(*l.memory));
    }
  }
  if (l.nano_cpus && (*l.nano_cpus < kLeastCpus || *l.nano_cpus > std::int64_t{kMostCpus} * 1'000'000'000)) {
    return wrong("--cpus", cpus_text(std::max<std::int64_t>(*l.nano_cpus, 0)), "not a number of processors",
                 "from 0.01 up: 0.5, 2");
  }
  if (l.cpu_shares && (*l.cpu_shares < kLeastShares || *l.cpu_shares > kMostShares)) {
    return wrong("--cpu-shares", number(*l.cpu_shares), "out of range", "from 2 to 262144; all others have 1024");
  }
  if (!l.cpuset_cpus.empty() && !is_cpu_list(l.cpuset_cpus)) {
    return wrong("--cpuset-cpus", printable(l.cpuset_cpus), "not a list of processors",
                 "numbers from 0 and ranges: 0-2,4");
  }
  if (l.pids && *l.pids != kNoLimit && (*l.pids < 1 || *l.pids > std::int64_t{1} << 22)) {
    return wrong("--pids-limit", number(*l.pids), "out of range", "from 1 to 4194304, or -1 for no limit");
  }
  if (l.blkio_weight && (*l.blkio_weight < 10 || *l.blkio_weight > 1000)) {
    return wrong("--blkio-weight", number(*l.blkio_weight), "out of range", "from 10 to 1000");
  }
  return {};
}

void merge(Limits& limits, const Limits& changes) {
  const auto take = [](auto& into, const auto& from) {
    if (from) into = from;
  };
  take(limits.memory, changes.memory);
  take(limits.memory_swap, changes.memory_swap);
  take(limits.nano_cpus, changes.nano_cpus);
  take(limits.cpu_shares, changes.cpu_shares);
  if (!changes.cpuset_cpus.empty()) limits.cpuset_cpus = changes.cpuset_cpus;
  take(limits.pids, changes.pids);
  take(limits.blkio_weight, changes.blkio_weight);
}

std::vector<CgroupWrite> cgroup_writes(const Limits& limits, CgroupVersion version) {
  return version == CgroupVersion::v2 ? writes_v2(limits) : writes_v1(limits);
}

}  // namespace sup
