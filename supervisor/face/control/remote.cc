#include "face/control/remote.h"

#include <utility>

#include "base/text.h"

namespace sup::control {

Result<std::unique_ptr<Remote>> Remote::open(Loop& loop, Client::Upgraded connection, Handlers handlers) {
  std::unique_ptr<Remote> remote(new Remote(std::move(handlers)));
  auto* me = remote.get();
  auto stream = Stream::open(loop, std::move(connection.socket),
                             {.on_data = [me](std::string_view bytes) { me->received(bytes); },
                              .on_end = [me](int err) { me->fail(err, "it closed the connection"); },
                              .on_drained =
                                  [me] {
                                    if (me->handlers_.drained) me->handlers_.drained();
                                  },
                              .on_fail = {}});   // what it sent before it left is still to be read
  if (!stream) return std::unexpected(stream.error());
  remote->stream_ = std::move(*stream);
  remote->decoder_.feed(connection.begun);
  loop.later([me] { me->resume(); });
  remote->paused_ = true;
  return remote;
}

void Remote::received(std::string_view bytes) {
  if (over_) return;
  decoder_.feed(bytes);
  read_frames();
}

void Remote::read_frames() {
  while (!over_ && !paused_) {
    auto frame = decoder_.next();
    if (!frame) return fail(frame.error().err, frame.error().why);
    if (!*frame) return;
    handle(**frame);
  }
}

void Remote::handle(const Frame& frame) {
  switch (frame.type) {
    case FrameType::out: return handlers_.output(Channel::out, frame.payload);
    case FrameType::err: return handlers_.output(Channel::err, frame.payload);
    case FrameType::exit:
      over_ = true;
      stream_->read_stop();
      return handlers_.ended(frame.payload);
    case FrameType::detach:
      over_ = true;
      stream_->read_stop();
      return handlers_.detached(frame.payload);
    case FrameType::ping:
    case FrameType::data_in:
    case FrameType::resize:
    case FrameType::eof_in: return;   // an answer to what we do not ask; the decoder refuses the others
  }
}

void Remote::fail(int err, std::string why) {
  if (std::exchange(over_, true)) return;
  stream_->read_stop();
  handlers_.lost(Error{.code = "E_SUPERVISOR_LOST",
                       .where = "supervisor",
                       .what = "connection lost",
                       .err = err,
                       .why = std::move(why),
                       .hint = "see whether it runs: sup ps",
                       .path = {},
                       .stage = {}});
}

void Remote::type(std::string_view bytes) {
  std::string frames;
  append_data(frames, FrameType::data_in, bytes);
  if (!over_ && !frames.empty()) stream_->write(frames);
}

void Remote::end_input() {
  std::string frame;
  append_frame(frame, FrameType::eof_in);
  if (!over_) stream_->write(frame);
}

void Remote::resize(FrameSize size) {
  std::string frame;
  append_resize(frame, size);
  if (!over_) stream_->write(frame);
}

void Remote::detach() {
  std::string frame;
  append_frame(frame, FrameType::detach);
  if (!over_) stream_->write(frame);
}

void Remote::pause() {
  if (over_ || paused_) return;
  paused_ = true;
  stream_->read_stop();
}

void Remote::resume() {
  if (over_ || !paused_) return;
  paused_ = false;
  read_frames();
  if (!over_ && !paused_) stream_->read_start();
}

}  // namespace sup::control
