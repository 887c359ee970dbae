// OomWatch: hears when the kernel kills in a control group for want of memory, as it happens.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

#include "loop/loop.h"
#include "loop/timer.h"
#include "loop/uvptr.h"
#include "sys/cgroup.h"

namespace sup {

// Owned by the Fence, and gone before the group is. At rest it costs its descriptor: nothing wakes up, no timer runs.
class OomWatch {
 public:
  // risen: there may be more kills than before; it looks, and says whether there are. Null where nothing tells of them.
  [[nodiscard]] static std::unique_ptr<OomWatch> open(Loop& loop, Cgroup::OomEvents events,
                                                      std::function<bool()> risen);
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;
  ~OomWatch();

 private:
  OomWatch(Loop& loop, Cgroup::OomEvents events, std::function<bool()> risen);
  void heard();
  void look();

  Loop& loop_;
  Cgroup::OomEvents events_;
  std::function<bool()> risen_;
  UvPtr<uv_poll_t> watch_;
  std::unique_ptr<Timer> again_;  // from the first time on that something was told too early
  std::chrono::milliseconds pause_{0};
};

}  // namespace sup
