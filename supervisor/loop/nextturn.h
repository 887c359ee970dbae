// NextTurn: work that goes on in the loop's next turn, after everybody else has been served.
#pragma once
#include <functional>

#include "loop/loop.h"
#include "loop/uvptr.h"

namespace sup {

// Owned by whoever works in slices. Not a Timer of 0 ms: libuv 1.44 runs one that sets itself anew again at once, in
// the same turn, until all slices are done, and nobody else is served in between (uv__run_timers).
class NextTurn {
 public:
  explicit NextTurn(Loop& loop);
  // Once. What was to be done and has not been is replaced. The callback may start() or destroy-later this.
  void start(std::function<void()> work);

 private:
  UvPtr<uv_idle_t> handle_;
  std::function<void()> work_;
};

}  // namespace sup
