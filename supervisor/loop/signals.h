// ChildWatcher and SignalReader: the two ways signals reach the loop.
#pragma once
#include <sys/signalfd.h>

#include <csignal>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/fd.h"
#include "loop/loop.h"
#include "loop/uvptr.h"

namespace sup {

// Signals by one signalfd(2): the set is blocked, so none of them can interrupt or be lost between two reads, and adding
// fifty costs one system call (a uv_signal each costs six, and abort(3)s when its pipe to itself fails).
class SignalReader {
 public:
  using Callback = std::function<void(const signalfd_siginfo&)>;
  // Blocks `set` in this thread for its lifetime; signals that were ignored when sup started
  // (nohup, `&` in a shell without job control) are left so and not in the set.
  static Result<SignalReader> open(Loop& loop, const sigset_t& set, Callback arrived);
  SignalReader(SignalReader&&) noexcept;
  SignalReader& operator=(SignalReader&&) = delete;
  ~SignalReader();

  // The process is about to end with a status of its own: what comes now comes too late, and must not change it.
  void stay_blocked() { state_->stays = true; }

 private:
  struct State {
    Fd fd;
    sigset_t ours{};  // those that were not blocked before
    Callback arrived;
    bool stays = false;
  };
  SignalReader() = default;
  std::unique_ptr<State> state_;
  UvPtr<uv_poll_t> handle_;
};

// SIGCHLD. One callback may stand for many exits, so the callee loops; started before the first child, else early
// exits are never told.
class ChildWatcher {
 public:
  ChildWatcher(Loop& loop, std::function<void()> changed);
  [[nodiscard]] Result<void> start();

 private:
  Loop& loop_;
  std::function<void()> changed_;
  std::unique_ptr<SignalReader> reader_;
};

}  // namespace sup
