// Executed: a command that a client runs in a container through the control socket (container.exec).
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/container.h"
#include "core/supervisor.h"
#include "face/control/framed.h"
#include "loop/loop.h"
#include "loop/timer.h"

namespace sup::control {

// Owned by its Framed; before that, by who waits for the command to run. It was started for this client: its output waits
// for it, and when the client goes without having said detach, the command is hung up, as if by its terminal.
class Executed : public Endpoint {
 public:
  // What waits for a client above this makes the command wait.
  static constexpr std::size_t kMark = std::size_t{256} << 10;

  // id, name: of the container. input: the command's input is pumped, and the client's bytes are for it.
  Executed(Loop& loop, std::string id, std::string name, bool input);
  ~Executed() override;

  // What the command is to tell. started and failed: the request's answer, one of them, once. These outlive this object.
  [[nodiscard]] Container::Hooks hooks(std::function<void()> started, std::function<void(const Error&)> failed);
  // The command, before it is started.
  void has(Container& command) { link_->command = &command; }

  // After a live upgrade; false: the command is not there any more.
  [[nodiscard]] bool resume(Supervisor& supervisor, const std::string& exec);

  void begin(Framed& client) override;
  void data(std::string_view bytes) override;
  void end_input() override;
  void resize(FrameSize size) override;
  void detach() override { left_ = true; }
  void drained() override;
  [[nodiscard]] nlohmann::json save() const override;

 private:
  // The two know each other for as long as there are two.
  struct Link {
    Executed* client = nullptr;
    Container* command = nullptr;
  };

  void output(Channel channel, std::string_view bytes);
  void ended(const Outcome& outcome);
  void look();

  std::shared_ptr<Link> link_;
  std::string id_, name_;
  bool input_;
  Framed* framed_ = nullptr;
  bool left_ = false;  // it has detached: the command stays
  bool waits_ = false;  // the command's output, for the client
  std::uint64_t taken_ = 0;  // by the client, at the last look
  Timer patience_;
};

}  // namespace sup::control
