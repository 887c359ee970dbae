// Pasta: the way out of a container's network, as long as the container is there.
//
//            start()              it says so                      end()
//   (none) ──────────► starting ─────────────► up ─────────────────────► ending ──► gone
//                         │ it ends, or takes too long │ it ends by itself            ▲
//                         └────────────────────────────┴──────────────────────────────┘
#pragma once
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/fd.h"
#include "core/reaper.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "spec/spec.h"

namespace sup {

// Owned by its container, who ends it and waits until it is gone: nothing may be left of a container. Destroyed earlier, it is
// killed and reaped on the spot; should the supervisor be killed, it dies with it.
class Pasta {
 public:
  static constexpr std::chrono::seconds kPatience{10};  // until the network is up

  struct Hooks {
    std::function<void(Result<void>)> ready;  // once; an error, E_NETWORK, is its end too
    std::function<void()> lost;  // it was up, and has ended by itself
    std::function<void()> gone;  // after end(), or after an error
  };

  // For the network namespace in which process `init` is now (sys/pasta.h). Hooks are not called from within.
  [[nodiscard]] static Result<std::unique_ptr<Pasta>> start(Loop& loop, Reaper& reaper, pid_t init, const Spec& spec,
                                                            Hooks hooks);
  // After a live upgrade: one that is up.
  [[nodiscard]] static std::unique_ptr<Pasta> restore(Loop& loop, Reaper& reaper, pid_t pid, Fd pidfd, Hooks hooks);
  ~Pasta();
  Pasta(const Pasta&) = delete;
  Pasta& operator=(const Pasta&) = delete;

  void end();
  [[nodiscard]] bool there() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

 private:
  Pasta(Loop& loop, Reaper& reaper, pid_t pid, Fd pidfd, Hooks hooks);
  void kill();
  void is_up();
  void died();

  Reaper& reaper_;
  Hooks hooks_;
  pid_t pid_;
  Fd pidfd_;
  Fd said_;
  std::unique_ptr<Stream> ready_;
  Timer late_;
  bool up_ = false;
  bool ending_ = false;
  bool too_late_ = false;
};

}  // namespace sup
