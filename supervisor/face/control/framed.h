// Framed: a connection after `attach` or `exec`: frames (spec/frame.h) instead of lines of JSON.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "spec/frame.h"

namespace sup::control {

class Framed;

// What the connection leads to: an attached container, a command started by exec. Owned by its Framed. When it is
// destroyed the client is gone, whatever the reason; nobody destroys it from within one of these calls.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  // The upgrade has been answered: frames may be sent, until the destructor.
  virtual void begin(Framed& client) = 0;
  // What the client sends. Frames of the other kinds Framed answers itself.
  virtual void data(std::string_view bytes) = 0;
  virtual void end_input() = 0;
  virtual void resize(FrameSize size) = 0;
  virtual void detach() = 0;               // it leaves; the connection closes
  // Everything that was queued for the client has been taken.
  virtual void drained() {}
  // For a live upgrade: what restore_endpoint() (face/control/resume.h) makes the same of.
  [[nodiscard]] virtual nlohmann::json save() const = 0;
};

// Owned by the Session, whose stream it uses. `over` is how it asks to be closed; that happens later, in no call of its own.
class Framed {
 public:
  Framed(Loop& loop, Stream& stream, std::unique_ptr<Endpoint> endpoint, std::function<void()> over);
  Framed(const Framed&) = delete;
  Framed& operator=(const Framed&) = delete;

  void begin() { endpoint_->begin(*this); }
  // As before a live upgrade: `rest` came and was not read, `leaving`: the last frame is among what the stream has to write.
  void resume(std::string_view rest, bool leaving);
  void received(std::string_view bytes);
  void drained();

  // To the client; nothing after exit() or detach().
  void output(FrameType type, std::string_view bytes);  // FrameType::out or err
  void exit(const std::string& json);  // the last frame: the connection closes when it has been taken
  void detach(std::string_view why);  // lets the client go; so does this
  // Bytes that the client has not taken, without what the kernel holds for it.
  [[nodiscard]] std::size_t queued() const { return stream_.queued(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }  // ever, the queued ones included

  // No data() until resume_input(): what the client sends stays with it.
  void pause_input();
  void resume_input();
  [[nodiscard]] bool leaving() const { return leaving_; }
  [[nodiscard]] std::string_view rest() const { return decoder_.rest(); }
  [[nodiscard]] const Endpoint& endpoint() const { return *endpoint_; }
  [[nodiscard]] bool reading() const { return !paused_ && !leaving_ && !closed_; }

 private:
  void read_frames();
  void handle(const Frame& frame);
  void send(const std::string& bytes);
  void leave(std::optional<std::chrono::milliseconds> patience);
  void look();

  Stream& stream_;
  std::unique_ptr<Endpoint> endpoint_;
  std::function<void()> over_;
  FrameDecoder decoder_{FrameSide::client};
  std::uint64_t sent_ = 0;
  bool paused_ = false;
  bool leaving_ = false;  // the last frame is queued
  bool closed_ = false;
  // Whether a client that we do not read is still there; how long one that is let go may take for its last frame.
  Timer watch_;
};

}  // namespace sup::control
