// Priorities: what the kernel grants each process of a container by itself: resource limits, how it is scheduled, and how
// soon it is killed for want of memory. (What they may have together is spec/limits.h.)
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

// getrlimit(2). kUnlimited is RLIM_INFINITY.
inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
struct Ulimit {
  int resource = 0;  // RLIMIT_*
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  bool operator==(const Ulimit&) const = default;
};

// "nofile=1024:2048", "core=0", "nproc=unlimited" (or -1), as docker has it; one number is both limits. Units are the
// resource's own. Errors: E_USAGE.
[[nodiscard]] Result<Ulimit> parse_ulimit(std::string_view text);
// What parse_ulimit() reads back as the same.
[[nodiscard]] std::string to_string(const Ulimit& limit);
// "nofile"; without a name its number.
[[nodiscard]] std::string ulimit_name(std::uint64_t resource);

// "idle", "best-effort[:0-7]", "realtime[:0-7]", as ionice(1) names them -> ioprio_set(2)'s value; 4 where no level is said.
[[nodiscard]] Result<int> parse_ionice(std::string_view text);
[[nodiscard]] std::string ionice_text(int value);

}  // namespace sup
