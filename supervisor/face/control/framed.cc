#include "face/control/framed.h"

#include <poll.h>

#include <chrono>
#include <utility>

namespace sup::control {
namespace {
// How long a client that is let go may take for what is queued.
constexpr std::chrono::milliseconds kLastFrame{10'000};
// A hang-up is not told by a descriptor that nobody reads (libuv watches it no more): look.
constexpr std::chrono::milliseconds kLook{500};
}  // namespace

Framed::Framed(Loop& loop, Stream& stream, std::unique_ptr<Endpoint> endpoint, std::function<void()> over)
    : stream_(stream), endpoint_(std::move(endpoint)), over_(std::move(over)), watch_(loop) {}

void Framed::resume(std::string_view rest, bool leaving) {
  sent_ = stream_.queued();
  if (leaving) return leave({});
  begin();
  received(rest);
}

void Framed::received(std::string_view bytes) {
  if (closed_ || leaving_) return;
  decoder_.feed(bytes);
  read_frames();
}

void Framed::read_frames() {
  while (reading()) {
    auto frame = decoder_.next();
    if (!frame) return detach("bad_frame");
    if (!*frame) return;
    handle(**frame);
  }
}

void Framed::handle(const Frame& frame) {
  switch (frame.type) {
    case FrameType::data_in: return endpoint_->data(frame.payload);
    case FrameType::eof_in: return endpoint_->end_input();
    case FrameType::resize: return endpoint_->resize(resize_of(frame));
    case FrameType::detach: endpoint_->detach(); return detach("client");
    case FrameType::ping: {
      std::string pong;
      append_frame(pong, FrameType::ping, frame.payload);
      // Who asks without ever reading the answers is asking for all our memory.
      if (stream_.queued() + pong.size() > kMaxFramePayload) return detach("slow_client");
      return send(pong);
    }
    case FrameType::out:
    case FrameType::err:
    case FrameType::exit: return;   // the decoder lets none of them through from a client
  }
}

void Framed::send(const std::string& bytes) {
  sent_ += bytes.size();
  stream_.write(bytes);
}

void Framed::output(FrameType type, std::string_view bytes) {
  if (leaving_ || closed_) return;
  std::string frames;
  frames.reserve(bytes.size() + kFrameHeader);
  append_data(frames, type, bytes);
  send(frames);
}

void Framed::exit(const std::string& json) {
  if (leaving_ || closed_) return;
  std::string frame;
  append_frame(frame, FrameType::exit, json);
  send(frame);
  // It may read as slowly as it likes (a pager, a terminal that ctrl-s has stopped): nothing waits for it any more, and what is
  // queued has a bound. When it goes, writing fails.
  leave({});
}

void Framed::detach(std::string_view why) {
  if (leaving_ || closed_) return;
  std::string frame;
  append_frame(frame, FrameType::detach, why.substr(0, kMaxDetach));
  send(frame);
  leave(kLastFrame);
}

void Framed::leave(std::optional<std::chrono::milliseconds> patience) {
  leaving_ = true;
  stream_.read_stop();
  if (stream_.queued() == 0) {
    closed_ = true;
    return over_();
  }
  if (!patience) return watch_.stop();
  watch_.start(*patience, [this] {
    closed_ = true;
    over_();
  });
}

void Framed::drained() {
  if (closed_) return;
  if (leaving_) {
    closed_ = true;
    return over_();
  }
  endpoint_->drained();
}

void Framed::pause_input() {
  if (paused_ || leaving_) return;
  paused_ = true;
  stream_.read_stop();
  look();
}

void Framed::look() {
  watch_.start(kLook, [this] {
    if (!paused_ || leaving_ || closed_) return;
    pollfd p{.fd = stream_.fd(), .events = 0, .revents = 0};
    if (::poll(&p, 1, 0) > 0) {  // POLLHUP or POLLERR
      closed_ = true;
      return over_();
    }
    look();
  });
}

void Framed::resume_input() {
  if (!paused_ || leaving_) return;
  paused_ = false;
  watch_.stop();
  read_frames();
  // What was held back may have paused it again.
  if (reading()) stream_.read_start();
}

}  // namespace sup::control
