// A Container's control group, and its way out.
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/container.h"
#include "sys/pidfd.h"

namespace sup {

// Before the clone: the limits stand before there is anybody to limit.
Result<void> Container::raise_fence() {
  if (!needs_group(spec_)) return {};
  fence_ = std::make_unique<Fence>(loop_, facts_.id);
  auto errors = fence_->make(spec_.limits);
  watch_oom(spec_.limits);
  if (errors.empty()) return {};
  if (!spec_.limits.best_effort || (plan_.guarded && !fence_->there()))
    return std::unexpected(std::move(errors.front()));
  tolerated_ = std::move(errors);
  return {};
}

void Container::tell(const std::vector<Error>& tolerated) {
  for (const Error& error : tolerated) emit(event::Problem{.error = error, .level = Level::warning});
}

void Container::waiting(const wire::Record& record) {
  if (record.step >= plan_.steps.size() || plan_.steps[record.step].op != wire::Op::wait) return;
  const auto reason = static_cast<wire::WaitFor>(plan_.steps[record.step].n[0]);
  if (reason == wire::WaitFor::network) return connect();
  if (reason != wire::WaitFor::cgroup) return;
  if (auto placed = enclose(pid_); !placed) {
    if (!spec_.limits.best_effort || plan_.guarded) {
      outcome_.error = std::move(placed.error());
      (void)pidfd_signal(pidfd_.get(), SIGKILL);
      return;
    }
    tell({placed.error()});
  }
  go();
}

// ---- the network ------------------------------------------------------------------------------

void Container::connect() {
  const auto refuse = [this](Error error) {
    outcome_.error = std::move(error);
    (void)pidfd_signal(pidfd_.get(), SIGKILL);
  };
  auto hooks = network_hooks();
  hooks.ready = [this, refuse](Result<void> ready) {
    if (!ready) return refuse(std::move(ready.error()));
    if (!reaped_) go();
  };
  auto pasta = Pasta::start(loop_, reaper_, pid_, spec_, std::move(hooks));
  if (!pasta) return refuse(std::move(pasta.error()));
  pasta_ = std::move(*pasta);
}

Pasta::Hooks Container::network_hooks() {
  return {.ready = {},
          .lost =
              [this] {
                if (reaped_) return;
                emit(event::Problem{
                    .error = Error{.code = "E_NETWORK",
                                   .where = "--network",
                                   .what = "pasta has ended",
                                   .err = 0,
                                   .why = "the container has no way out any more",
                                   .hint = "restart it: sup restart " + (spec_.name.empty() ? facts_.id : spec_.name),
                                   .path = {},
                                   .stage = "network"},
                    .level = Level::warning});
              },
          .gone = [this] { settle(); }};
}

void Container::pause(std::function<void(Result<void>)> done) {
  const auto refuse = [this, &done](std::string why) {
    loop_.later([done = std::move(done), error = Error{.code = "E_STATE",
                                                       .where = "pause",
                                                       .what = spec_.name.empty() ? facts_.id : spec_.name,
                                                       .err = 0,
                                                       .why = std::move(why)}] { done(std::unexpected(error)); });
  };
  if (state_ != State::running || reaped_) return refuse("only what runs can be paused");
  if (fence_ && (fence_->frozen() || fence_->freezing()))
    return refuse(fence_->frozen() ? "is already paused" : "is being paused");
  if (!fence_) fence_ = std::make_unique<Fence>(loop_, facts_.id);
  fence_->freeze(pid_, [this, done = std::move(done)](Result<void> result) {
    if (result) emit(event::Paused{});
    done(std::move(result));
  });
}

Result<void> Container::unpause() {
  if (!fence_ || !(fence_->frozen() || fence_->freezing())) return {};
  const bool was = fence_->frozen();
  if (auto r = fence_->thaw(); !r) return r;
  if (was) emit(event::Unpaused{});
  return {};
}

Result<void> Container::update(const Limits& changes) {
  if (state_ != State::running || reaped_) {
    return std::unexpected(Error{.code = "E_STATE",
                                 .where = "update",
                                 .what = spec_.name.empty() ? facts_.id : spec_.name,
                                 .err = 0,
                                 .why = state_ == State::starting ? "is starting" : "has exited",
                                 .hint = "update it when it runs"});
  }
  if (!fence_) fence_ = std::make_unique<Fence>(loop_, facts_.id);
  auto errors = fence_->update(changes, pid_);
  watch_oom(changes);
  if (!errors.empty()) return std::unexpected(std::move(errors.front()));
  return {};
}

bool Container::count_oom() {
  const std::uint64_t kills = fence_ ? fence_->oom_kills() : 0;
  if (kills <= oom_kills_) return false;
  oom_kills_ = kills;
  emit(event::Oom{.kills = kills});
  return true;
}

// Only where memory is limited: no other group is killed in for want of it.
void Container::watch_oom(const Limits& limits) {
  if (limits.memory && *limits.memory != kNoLimit) fence_->watch_oom([this] { return count_oom(); });
}

// Takes stock of the group, and sends it away. True when there is none, or none any more.
bool Container::fence_removed() {
  if (!fence_) return true;
  if (fence_going_) return !fence_->there();
  fence_going_ = true;
  count_oom();
  // What died with the namespace is in no rusage, but here it is; a group that came later has seen only a part.
  if (const auto sample = fence_->sample()) {
    usage_.user_us = std::max(usage_.user_us, sample->user_us.value_or(0));
    usage_.system_us = std::max(usage_.system_us, sample->system_us.value_or(0));
  }
  fence_->remove([this](int err, const std::string& path) {
    if (err != 0) {
      emit(event::Problem{.error = Error{.code = "E_CGROUP",
                                         .where = "cgroup",
                                         .what = "cannot be removed",
                                         .err = err,
                                         .path = path,
                                         .stage = "cgroup"},
                          .level = Level::warning});
    }
    loop_.later([this] { settle(); });
  });
  return false;
}

}  // namespace sup
