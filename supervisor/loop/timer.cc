#include "loop/timer.h"

#include <utility>

namespace sup {

void Timer::start(std::chrono::milliseconds delay, std::function<void()> fire) {
  if (!handle_) {
    auto* h = new uv_timer_t;
    uv_timer_init(loop_.get(), h);  // cannot fail (uv_timer.c)
    handle_.reset(h);
    h->data = this;
  }
  fire_ = std::move(fire);
  uv_update_time(handle_->loop);
  uv_timer_start(
      handle_.get(),
      [](uv_timer_t* h) {
        if (h->data == nullptr) return;
        // Moved out first: the callback may set the timer anew.
        const auto due = std::exchange(static_cast<Timer*>(h->data)->fire_, {});
        due();
      },
      static_cast<std::uint64_t>(delay.count() < 0 ? 0 : delay.count()), 0);
}

void Timer::stop() {
  if (handle_) uv_timer_stop(handle_.get());
  fire_ = {};
}

bool Timer::active() const { return handle_ && uv_is_active(reinterpret_cast<const uv_handle_t*>(handle_.get())) != 0; }

std::optional<std::chrono::milliseconds> Timer::remaining() const {
  if (!active()) return std::nullopt;
  uv_update_time(handle_->loop);
  return std::chrono::milliseconds(uv_timer_get_due_in(handle_.get()));
}

}  // namespace sup
