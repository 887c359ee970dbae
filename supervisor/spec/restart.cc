#include "spec/restart.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"

namespace sup {
namespace {

using Kind = RestartPolicy::Kind;

constexpr std::array<std::string_view, 4> kNames{"no", "on-failure", "always", "unless-stopped"};
constexpr std::string_view kHint = "one of no, on-failure, on-failure:N, always, unless-stopped";

}  // namespace

Result<RestartPolicy> parse_restart(std::string_view text, std::string_view where) {
  const auto wrong = [&](std::string why, std::string hint) {
    auto error = usage(std::string(where), std::move(why), std::move(hint));
    error.error().what = std::string(text);
    return error;
  };
  const std::size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const auto* const name = std::ranges::find(kNames, word);
  if (name == kNames.end()) {
    const auto near = nearest(word, kNames);
    return wrong("is no restart policy", near ? "did you mean " + std::string(*near) + "?" : std::string(kHint));
  }
  RestartPolicy policy{.kind = static_cast<Kind>(name - kNames.begin())};
  if (colon == std::string_view::npos) return policy;
  if (policy.kind != Kind::on_failure) return wrong("only on-failure takes a number of restarts", std::string(kHint));
  const auto limit = parse_unsigned<std::uint32_t>(text.substr(colon + 1));
  if (!limit) return wrong("the number of restarts is 0 to 4294967295", "write on-failure:5; 0 is without end");
  policy.limit = *limit;
  return policy;
}

std::string to_string(const RestartPolicy& policy) {
  std::string out(kNames[static_cast<std::size_t>(policy.kind)]);
  if (policy.kind == Kind::on_failure && policy.limit != 0) out += ":" + std::to_string(policy.limit);
  return out;
}

std::string_view to_string(RestartVerdict verdict) {
  switch (verdict) {
    case RestartVerdict::restart: return "restart";
    case RestartVerdict::no_policy: return "no-policy";
    case RestartVerdict::succeeded: return "succeeded";
    case RestartVerdict::exhausted: return "exhausted";
    case RestartVerdict::stopped: return "stopped";
  }
  return "no-policy";
}

RestartVerdict decide(const RestartPolicy& policy, const ExitStatus& status, std::uint32_t count,
                      bool stopped_by_user) {
  if (policy.kind == Kind::no) return RestartVerdict::no_policy;
  if (stopped_by_user) return RestartVerdict::stopped;
  switch (policy.kind) {
    case Kind::no: return RestartVerdict::no_policy;
    case Kind::on_failure:
      if (status.to_shell() == 0) return RestartVerdict::succeeded;
      if (policy.limit != 0 && count >= policy.limit) return RestartVerdict::exhausted;
      return RestartVerdict::restart;
    case Kind::always:
    case Kind::unless_stopped: return RestartVerdict::restart;
  }
  return RestartVerdict::no_policy;
}

bool starts_with_supervisor(const RestartPolicy& policy, bool stopped_by_user) {
  switch (policy.kind) {
    case Kind::no:
    case Kind::on_failure: return false;
    case Kind::always: return true;
    case Kind::unless_stopped: return !stopped_by_user;
  }
  return false;
}

std::chrono::milliseconds Backoff::next(std::uint64_t random) {
  // 100 ms << 10 is past the minute already: the shift stays small whatever the count.
  const std::int64_t base = std::min<std::int64_t>(kMost.count(), kFirst.count() << std::min(count_, 10U));
  if (count_ != std::numeric_limits<std::uint32_t>::max()) ++count_;
  const std::int64_t tenth = base / 10;
  return std::chrono::milliseconds(base - tenth +
                                   static_cast<std::int64_t>(random % static_cast<std::uint64_t>(2 * tenth + 1)));
}

}  // namespace sup
