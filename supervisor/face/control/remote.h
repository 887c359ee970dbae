// Remote: the client's end of an upgraded connection (spec/frame.h): a command that runs under a supervisor.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/container.h"
#include "face/control/client.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "spec/frame.h"

namespace sup::control {

// Owned by the verb that shows it.
class Remote {
 public:
  struct Handlers {
    std::function<void(Channel, std::string_view)> output{};
    // The last one of these, once: it ended (the JSON of the exit frame) …
    std::function<void(std::string_view json)> ended{};
    // … the supervisor lets us go (its word for why), or answers our own detach() …
    std::function<void(std::string_view why)> detached{};
    // … or the connection is lost.
    std::function<void(const Error&)> lost{};
    std::function<void()> drained{};             // queued() is 0 again
  };

  // connection: an upgraded client's. Nothing is called from within open(); what came behind the answer comes with the first turn.
  static Result<std::unique_ptr<Remote>> open(Loop& loop, Client::Upgraded connection, Handlers handlers);

  void type(std::string_view bytes);
  void end_input();
  void resize(FrameSize size);
  void detach();
  [[nodiscard]] std::size_t queued() const { return stream_->queued(); }
  // Output waits in the supervisor.
  void pause();
  void resume();

 private:
  explicit Remote(Handlers handlers) : handlers_(std::move(handlers)) {}
  void received(std::string_view bytes);
  void read_frames();
  void handle(const Frame& frame);
  void fail(int err, std::string why);

  Handlers handlers_;
  FrameDecoder decoder_{FrameSide::supervisor};
  std::unique_ptr<Stream> stream_;
  bool paused_ = false;
  bool over_ = false;
};

}  // namespace sup::control
