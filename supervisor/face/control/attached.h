// Attached: a client that watches a container through the control socket, and types into it.
#pragma once
#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/audience.h"
#include "core/container.h"
#include "core/supervisor.h"
#include "face/control/framed.h"
#include "loop/loop.h"
#include "loop/timer.h"

namespace sup::control {

// What happens to a client that takes less than there is to show.
enum class WhenSlow {
  block,    // the container waits for it, however long: it was started for this client
  detach,   // the container waits while the client takes something; one that takes nothing is let go
  drop,     // nobody waits: what finds no room is not shown
};

struct AttachOptions {
  WhenSlow slow = WhenSlow::detach;
  bool input = true;       // what the client types reaches the command, where it was started with -i
  bool replay = true;      // begin with the last output
  std::optional<winsize> size;
};

// Owned by its Framed. In the container's audience from join() until it ends, is let go or goes.
class Attached : public Endpoint, public Viewer {
 public:
  // What waits for a client above this makes the container wait; above the cap it is let go at once, unless
  // it is waited for however long.
  static constexpr std::size_t kMark = std::size_t{256} << 10;
  static constexpr std::size_t kCap = std::size_t{1} << 20;

  Attached(Loop& loop, Supervisor& supervisor, AttachOptions options, pid_t client);
  ~Attached() override;

  // The container it watches: joined now, or (ours by Supervisor::run()) from before its start.
  [[nodiscard]] Result<void> join(Held& held);
  // From now on the client goes on where it was before a live upgrade: it is not told again what it knows.
  void resumed() { resumed_ = true; }
  void joined(Held& held) { ours_ = true, held_ = over_ ? nullptr : &held; }

  void begin(Framed& client) override;
  void data(std::string_view bytes) override;
  void end_input() override;
  void resize(FrameSize size) override;
  void detach() override { left_ = event::Left::client; }
  void drained() override;
  [[nodiscard]] nlohmann::json save() const override;

  void output(OutputStream stream, std::string_view bytes) override;
  [[nodiscard]] bool full() const override;
  void input_drained() override;
  void input_closed() override;
  void ended(const Outcome& outcome) override;

 private:
  void wait_for_client();
  void let_go();
  void leave();

  Supervisor& supervisor_;
  AttachOptions options_;
  pid_t client_;
  Held* held_ = nullptr;
  Framed* framed_ = nullptr;
  bool ours_ = false;                // started for this client
  bool over_ = false;                // this run of the container has ended
  std::string end_;                  // what the exit frame says of it
  bool resumed_ = false;
  bool gone_ = false;                // let go: nothing is shown any more
  event::Left left_ = event::Left::gone;
  Timer patience_;
};

}  // namespace sup::control
