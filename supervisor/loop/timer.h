// Timer: one deadline on the loop (monotonic).
#pragma once
#include <chrono>
#include <functional>
#include <optional>

#include "loop/loop.h"
#include "loop/uvptr.h"

namespace sup {

// Owned by whoever waits. The callback may start() or destroy-later the timer. One that never runs costs no handle: a container has
// several, and seldom needs one.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(loop) {}
  // Fires once after `delay` (from now, not from the turn's beginning). A running one is set anew.
  void start(std::chrono::milliseconds delay, std::function<void()> fire);
  void stop();
  [[nodiscard]] bool active() const;
  // Until it fires, 0 when it is due; nullopt: it is not running.
  [[nodiscard]] std::optional<std::chrono::milliseconds> remaining() const;

 private:
  Loop& loop_;
  UvPtr<uv_timer_t> handle_;  // from the first start() on
  std::function<void()> fire_;
};

}  // namespace sup
