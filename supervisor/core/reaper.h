// Reaper: the one waiter. SIGCHLD says "somebody"; the Reaper asks who, and tells the owner.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "core/killlog.h"
#include "loop/loop.h"
#include "loop/nextturn.h"
#include "loop/signals.h"

namespace sup {

// Owned by the supervisor; made before the first child, since a watcher that starts late hears nothing.
// A child nobody watches is reaped as well and told to nobody: one that sup's process had before it became sup (`exec sup …` in
// a shell).
class Reaper {
 public:
  // status as wait(2) gives it; usage of the process and of the children it had waited for; since_us: Loop::now_us() when
  // the signal of its death was taken up.
  using Exit = std::function<void(int status, const rusage& usage, std::uint64_t since_us)>;

  explicit Reaper(Loop& loop);
  // Before the first spawn: a child whose end nobody hears of would be waited for for ever.
  [[nodiscard]] Result<void> start();
  // The callback comes once. Call it right after the spawn, before the loop turns.
  void watch(pid_t pid, Exit exited);
  [[nodiscard]] bool watches(pid_t pid) const { return watched_.contains(pid); }
  // Waits for one that is being killed, here and now; its callback, if there is one, is not called. For the end.
  void wait_for(pid_t pid);
  // For what a filter has killed one that was reaped.
  [[nodiscard]] KillLog& kill_log();

 private:
  // So many ends a turn: a storm of them must not keep the loop from its clients, least of all from those who ask for more ends:
  // what is stopped dies on all processors, while this one reaps.
  static constexpr int kSlice = 16;
  void collect();

  Loop& loop_;
  std::unordered_map<pid_t, Exit> watched_;
  ChildWatcher watcher_;
  NextTurn rest_;
  std::unique_ptr<KillLog> kill_log_;  // from the first question on
};

}  // namespace sup
