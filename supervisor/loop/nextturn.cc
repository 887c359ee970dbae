#include "loop/nextturn.h"

#include <utility>

namespace sup {

NextTurn::NextTurn(Loop& loop) {
  auto* h = new uv_idle_t;
  uv_idle_init(loop.get(), h);  // cannot fail (loop-watcher.c)
  handle_.reset(h);
  h->data = this;
}

void NextTurn::start(std::function<void()> work) {
  work_ = std::move(work);
  // Cannot fail with a callback. While it is active the loop looks for what has come, and does not wait.
  uv_idle_start(handle_.get(), [](uv_idle_t* h) {
    if (h->data == nullptr) return;
    uv_idle_stop(h);
    // Moved out first: the work may ask for the turn after.
    const auto due = std::exchange(static_cast<NextTurn*>(h->data)->work_, {});
    due();
  });
}

}  // namespace sup
