// Loop: one libuv loop, closed clean.
#pragma once
#include <uv.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "loop/watches.h"

namespace sup {

class Loop {
 public:
  Loop();
  // Every handle must have been given up (UvPtr) by now; their close callbacks run here. A handle
  // still owned by somebody is a bug of ours and aborts: it would call into freed memory later.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(), or until nothing is left to wait for.
  void run();
  void stop();

  // Hands the kernel every watch that was begun since the last turn, as libuv would do in the next one: before a process
  // depends on it. Nothing within run(), which is not reentrant.
  void settle();

  // Runs `work` at the end of this turn, when no callback of libuv is on the stack: the place to
  // destroy what has just called you (nobody dies in their own callback).
  void later(std::function<void()> work);

  // Microseconds, monotonic, as of now (not of the turn's beginning).
  [[nodiscard]] static std::uint64_t now_us();

  [[nodiscard]] uv_loop_t* get() { return &loop_; }

 private:
  void turn_end();

  uv_loop_t loop_{};
  std::optional<Watches> watches_;
  bool running_ = false;
  bool stopped_ = false;
  std::vector<std::function<void()>> later_;
};

}  // namespace sup
