#include "core/fence.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sys/pidnamespace.h"

namespace sup {
namespace {

using std::chrono::milliseconds;

// Between two looks, doubled from 1 ms on.
constexpr milliseconds kLongestPause{50};
// A process in the middle of a write to a dead network disk freezes when that answers. Then it is better not paused.
constexpr milliseconds kFreezeWithin{10'000};
// The kernel takes some milliseconds at most after the last exit.
constexpr milliseconds kRemoveWithin{2'000};
// Each round finds what was forked during the one before; who forks faster than we move is stopped by the freezing itself.
constexpr int kAdoptRounds = 64;

}  // namespace

Fence::Fence(Loop& loop, std::string id) : loop_(loop), id_(std::move(id)), timer_(loop) {}

Result<void> Fence::make_group() {
  if (group_) return {};
  auto home = cgroup_home();
  if (!home) return std::unexpected(home.error());
  auto made = Cgroup::make(std::move(*home), id_);
  if (!made) return std::unexpected(made.error());
  group_ = std::move(*made);
  return {};
}

std::vector<Error> Fence::make(const Limits& limits) {
  if (auto r = make_group(); !r) return {r.error()};
  return group_->apply(limits);
}

void Fence::reopen(bool frozen, std::vector<Fd> locks) {
  auto home = cgroup_home();
  if (!home) return;
  auto opened = Cgroup::open(std::move(*home), id_, std::move(locks));
  if (!opened) return;
  group_ = std::move(*opened);
  frozen_ = frozen;
}

std::vector<Error> Fence::update(const Limits& limits, pid_t first) {
  if (auto r = make_group(); !r) return {r.error()};
  auto errors = group_->apply(limits);
  // New groups, if it took any, are empty.
  if (auto r = adopt(first); !r) errors.push_back(r.error());
  return errors;
}

Result<Fd> Fence::kill_file() const {
  if (group_) return group_->kill_file();
  return std::unexpected(
      Error{.code = "E_CGROUP", .where = "cgroup", .what = "cannot be made", .err = ENOENT, .stage = "cgroup"});
}

Result<void> Fence::place(pid_t pid) { return group_ ? group_->place(pid) : Result<void>{}; }

Result<void> Fence::adopt(pid_t first) {
  for (int round = 0; round < kAdoptRounds; ++round) {
    bool outside = false;
    for (const pid_t pid : processes_with(first)) {
      if (pid == guard_ || group_->holds(pid) != false) continue;
      outside = true;
      if (auto r = group_->place(pid); !r) return r;
    }
    if (!outside) return {};
  }
  return std::unexpected(Error{.code = "E_CGROUP",
                               .where = "cgroup",
                               .what = "cannot take in all processes",
                               .err = EAGAIN,
                               .why = "they fork faster than they can be moved",
                               .hint = "give it a limit from the start: run --pids-limit N",
                               .path = group_->path(),
                               .stage = "cgroup"});
}

void Fence::freeze(pid_t first, std::function<void(Result<void>)> done) {
  done_ = std::move(done);
  first_ = first;
  pause_ = milliseconds{1};
  waited_ = milliseconds{0};
  Result<void> ready = make_group();
  if (ready) ready = group_->make_freezable();
  if (ready) ready = adopt(first);
  if (ready && guard_ > 0) ready = group_->put_aside(guard_);
  if (ready) {
    if (const int err = group_->freeze(true); err != 0) {
      ready = std::unexpected(Error{.code = "E_PAUSE",
                                    .where = "pause",
                                    .what = "cannot be frozen",
                                    .err = err,
                                    .path = group_->path(),
                                    .stage = "cgroup"});
    }
  }
  loop_.later([this, ready = std::move(ready)] {
    if (!done_) return;
    if (!ready) return finish(ready);
    look();
  });
}

void Fence::look() {
  // One that was forked during the last look, outside: frozen as it comes in.
  if (auto r = adopt(first_); !r) return finish(r);
  if (group_->frozen() == true) return finish({});
  if (waited_ >= kFreezeWithin) {
    return finish(std::unexpected(
        Error{.code = "E_PAUSE",
              .where = "pause",
              .what = "does not stand still",
              .err = ETIMEDOUT,
              .why = "a process waits in the kernel for something that does not come (a disk, a network file system)",
              .hint = "try again when it does",
              .path = group_->path(),
              .stage = "cgroup"}));
  }
  // The v1 freezer goes on with what it could not freeze when it is asked for its state, which is what we do.
  timer_.start(pause_, [this] {
    if (done_) look();
  });
  waited_ += pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Fence::finish(Result<void> result) {
  timer_.stop();
  frozen_ = result.has_value();
  if (!result && group_) (void)group_->freeze(false);
  if (auto done = std::exchange(done_, {})) done(std::move(result));
}

Result<void> Fence::thaw() {
  if (!group_) return {};
  if (freezing()) {
    finish(std::unexpected(
        Error{.code = "E_STATE", .where = "pause", .what = id_, .err = 0, .why = "was stopped before it stood still"}));
    return {};
  }
  if (const int err = group_->freeze(false); err != 0 && err != ENOENT) {
    return std::unexpected(Error{.code = "E_PAUSE",
                                 .where = "unpause",
                                 .what = "cannot be thawed",
                                 .err = err,
                                 .path = group_->path(),
                                 .stage = "cgroup"});
  }
  frozen_ = false;
  return {};
}

void Fence::kill() {
  if (!group_) return;
  (void)group_->kill();
  // v1's frozen ones die when they thaw. v2's have died, and it is no harm.
  if (frozen_ || freezing()) (void)thaw();
}

std::optional<CgroupSample> Fence::sample() const {
  if (!group_) return std::nullopt;
  return group_->sample();
}

void Fence::watch_oom(std::function<bool()> risen) {
  if (!oom_ && group_) oom_ = OomWatch::open(loop_, group_->oom_events(), std::move(risen));
}

void Fence::remove(std::function<void(int err, const std::string& path)> done) {
  if (freezing()) {
    finish(std::unexpected(
        Error{.code = "E_STATE", .where = "pause", .what = id_, .err = 0, .why = "ended before it stood still"}));
  }
  oom_.reset();
  removed_ = std::move(done);
  pause_ = milliseconds{1};
  waited_ = milliseconds{0};
  try_remove();
}

void Fence::try_remove() {
  const std::string path = group_ ? group_->path() : std::string();
  const int err = group_ ? group_->remove() : 0;
  if (err == 0 || waited_ >= kRemoveWithin) {
    group_.reset();
    if (auto removed = std::exchange(removed_, {})) removed(err, path);
    return;
  }
  timer_.start(pause_, [this] { try_remove(); });
  waited_ += pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

}  // namespace sup
