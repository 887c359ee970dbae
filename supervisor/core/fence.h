// Fence: what holds one container within its limits, and together when it is paused: its control groups from the start to
// the end.
//
// Made before the clone where a limit is asked for; else at the first pause or update, when all its processes are moved in. So
// a plain start pays nothing (two directories cost some 130 µs each, to make and to remove, a quarter of a start).
//
//   none ──make()/adopt()──► there ──remove()──► none, once the kernel has let go
//                             │  ▲
//                   freeze()  ▼  │ thaw()
//                            frozen
#pragma once
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "core/oomwatch.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "spec/limits.h"
#include "sys/cgroup.h"

namespace sup {

// Owned by the Container.
class Fence {
 public:
  // id: the container's.
  Fence(Loop& loop, std::string id);

  [[nodiscard]] bool there() const { return group_ != nullptr; }
  [[nodiscard]] bool frozen() const { return frozen_; }
  [[nodiscard]] bool freezing() const { return static_cast<bool>(done_); }

  // Before there is a process. What could not be applied, one Error each; none: all is as asked. There may be a group or not.
  [[nodiscard]] std::vector<Error> make(const Limits& limits);
  // The group that an earlier process image of this supervisor made (core/saved.h), with its locks(); none: it is gone.
  void reopen(bool frozen, std::vector<Fd> locks);
  // Its group's (Cgroup::locks()), which it keeps.
  [[nodiscard]] std::vector<int> locks() const { return group_ ? group_->locks() : std::vector<int>(); }
  // The same as make() for one that runs: `first` is its PID 1, and everything inside comes along.
  [[nodiscard]] std::vector<Error> update(const Limits& limits, pid_t first);
  [[nodiscard]] int clone_fd() const { return group_ ? group_->clone_fd() : -1; }
  [[nodiscard]] std::vector<Fd> task_files() const { return group_ ? group_->task_files() : std::vector<Fd>(); }
  // For the one who guards it from inside; E_CGROUP: there is none, or it cannot be killed at once (Cgroup::kill_file()).
  [[nodiscard]] Result<Fd> kill_file() const;
  // A process that is to belong to it: PID 1 while it waits, an exec before it execs. Without a group nothing is to be done.
  [[nodiscard]] Result<void> place(pid_t pid);

  // done: when everything stands still, or why it does not (then it runs on). Not from within this call.
  void freeze(pid_t first, std::function<void(Result<void>)> done);
  [[nodiscard]] Result<void> thaw();
  // KILL to all of it, frozen or not; the caller has sent it to PID 1.
  void kill();

  // How many the kernel has killed here for want of memory.
  [[nodiscard]] std::uint64_t oom_kills() const { return group_ ? group_->oom_kills() : 0; }
  // risen: they may have become more; it says whether they have. Until remove(). Once; nothing where the kernel does not tell.
  void watch_oom(std::function<bool()> risen);
  [[nodiscard]] std::optional<CgroupSample> sample() const;
  // Who is to outlive a pause's freezing: one who has to kill the others should we be killed meanwhile. Not moved in any more, and
  // out before they are frozen.
  void guarded_by(pid_t guard) { guard_ = guard; }

  // When nobody is in it any more. done: with 0, or the errno with which the kernel refused for too long; at once where possible.
  void remove(std::function<void(int err, const std::string& path)> done);

 private:
  [[nodiscard]] Result<void> make_group();
  [[nodiscard]] Result<void> adopt(pid_t first);
  void look();
  void finish(Result<void> result);
  void try_remove();

  Loop& loop_;
  std::string id_;
  std::unique_ptr<Cgroup> group_;
  std::unique_ptr<OomWatch> oom_;  // none: no memory limit is watched
  Timer timer_;  // of the freezing or of the removal
  std::chrono::milliseconds pause_{1};
  std::chrono::milliseconds waited_{0};
  bool frozen_ = false;
  pid_t first_ = -1;
  pid_t guard_ = -1;
  std::function<void(Result<void>)> done_;  // of a freeze that is under way
  std::function<void(int, const std::string&)> removed_;
};

}  // namespace sup
