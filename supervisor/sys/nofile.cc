#include "sys/nofile.h"

#include <algorithm>

namespace sup {
namespace {
constexpr rlim_t kEnough = 524'288;
std::optional<rlimit> original;
}  // namespace

void raise_nofile() {
  rlimit now{};
  if (original || ::getrlimit(RLIMIT_NOFILE, &now) < 0) return;
  const rlimit raised{.rlim_cur = std::max(now.rlim_cur, std::min(now.rlim_max, kEnough)), .rlim_max = now.rlim_max};
  if (raised.rlim_cur == now.rlim_cur || ::setrlimit(RLIMIT_NOFILE, &raised) < 0) return;
  original = now;
}

void lower_nofile() {
  if (original) ::setrlimit(RLIMIT_NOFILE, &*original);
  original.reset();
}

const std::optional<rlimit>& original_nofile() { return original; }

}  // namespace sup
