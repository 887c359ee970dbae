#include "core/oomwatch.h"

#include <utility>

namespace sup {
namespace {

// v1 tells before it kills: looked for again after 1 ms, 2 ms and so on. Whoever it could not kill by then is counted at the end.
constexpr std::chrono::milliseconds kLongestPause{64};

}  // namespace

OomWatch::OomWatch(Loop& loop, Cgroup::OomEvents events, std::function<bool()> risen)
    : loop_(loop), events_(std::move(events)), risen_(std::move(risen)) {}

OomWatch::~OomWatch() {
  watch_.reset();  // before the descriptor: libuv forgets it first
}

std::unique_ptr<OomWatch> OomWatch::open(Loop& loop, Cgroup::OomEvents events, std::function<bool()> risen) {
  if (!events.fd) return nullptr;
  const int what = events.driver->version() == CgroupVersion::v2 ? UV_PRIORITIZED : UV_READABLE;
  std::unique_ptr<OomWatch> made(new OomWatch(loop, std::move(events), std::move(risen)));
  auto* h = new uv_poll_t;
  if (uv_poll_init(loop.get(), h, made->events_.fd.get()) != 0) {
    delete h;
    return nullptr;
  }
  made->watch_.reset(h);
  h->data = made.get();
  if (uv_poll_start(h, what, [](uv_poll_t* p, int, int) {
        if (p->data != nullptr) static_cast<OomWatch*>(p->data)->heard();
      }) != 0)
    return nullptr;
  return made;
}

void OomWatch::heard() {
  // Somebody has removed the group beneath us: it would be told of without end.
  if (!events_.driver->hear_oom(events_.fd.get())) uv_poll_stop(watch_.get());
  pause_ = std::chrono::milliseconds{1};
  look();
}

void OomWatch::look() {
  const bool risen = risen_();
  if (pause_ > kLongestPause || events_.driver->version() == CgroupVersion::v2) return;
  // Of two at the same moment the second may still be to come.
  if (risen) pause_ = kLongestPause;
  if (!again_) again_ = std::make_unique<Timer>(loop_);
  again_->start(pause_, [this] { look(); });
  pause_ *= 2;
}

}  // namespace sup
