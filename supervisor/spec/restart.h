// Restart: whether a container that ended is started again, and how long after.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "spec/exit_status.h"

namespace sup {

// docker's four. on-failure may carry the most restarts in a row; 0 is no such bound.
struct RestartPolicy {
  enum class Kind : std::uint8_t { no, on_failure, always, unless_stopped };
  Kind kind = Kind::no;
  std::uint32_t limit = 0;   // with on_failure only
  bool operator==(const RestartPolicy&) const = default;
};

// "no", "on-failure", "on-failure:N", "always", "unless-stopped". Error: E_USAGE at `where`.
[[nodiscard]] Result<RestartPolicy> parse_restart(std::string_view text, std::string_view where = "--restart");
// What parse_restart() reads back as the same.
[[nodiscard]] std::string to_string(const RestartPolicy& policy);

// Why there is, or is no, next time: `ps` and the events say it.
enum class RestartVerdict : std::uint8_t {
  restart,      // the only one that starts it again
  no_policy,    // "no"
  succeeded,    // on-failure, and it ended with 0
  exhausted,    // on-failure:N, and N restarts did not help
  stopped,      // the user stopped it: a policy never overrules that
};
[[nodiscard]] std::string_view to_string(RestartVerdict verdict);

// status: how it ended; a start that failed counts as its exit status (125, 126, 127).
// count: restarts since the user started it or since it last stayed up (Backoff::count()).
// stopped_by_user: `stop`, `kill` with a signal that ended it, or `rm -f` asked for this end.
[[nodiscard]] RestartVerdict decide(const RestartPolicy& policy, const ExitStatus& status, std::uint32_t count,
                                    bool stopped_by_user);

// A supervisor that comes back finds a container that does not run: start it? Here `always` and `unless-stopped`
// differ.
[[nodiscard]] bool starts_with_supervisor(const RestartPolicy& policy, bool stopped_by_user);

// The pauses between restarts: 100 ms, doubled each time up to a minute, each 10 % more or less so that many containers
// that failed together do not come back together. Forgotten once the container stayed up for 10 s. A value: its owner
// is the container, time and chance are handed in.
class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kMost{60'000};  // before the 10 %
  static constexpr std::chrono::seconds kUp{10};

  Backoff() = default;
  // As it was before a live upgrade.
  explicit Backoff(std::uint32_t count) : count_(count) {}

  // The container ended after `up`. Call it before decide() and next().
  void ended(std::chrono::microseconds up) {
    if (up >= kUp) count_ = 0;
  }
  // The pause before the next restart, which it counts. random: any 64 bits.
  [[nodiscard]] std::chrono::milliseconds next(std::uint64_t random);
  // The user started it anew.
  void reset() { count_ = 0; }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  std::uint32_t count_ = 0;
};

}  // namespace sup
