#include "core/supervisor.h"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "core/refusals.h"
#include "spec/check.h"
#include "spec/plan.h"
#include "sys/facts.h"
#include "sys/initimage.h"

namespace sup {
namespace {

constexpr std::chrono::milliseconds kHeldBack{10};   // a restart that is due during a live upgrade
// What is left to those that run and to us, so that each can be asked for, stopped and told of.
constexpr std::uint64_t kKeptBack = 2U << 20;
// What a small command takes by and by: its process in the kernel, its namespaces, the pages that it writes to.
constexpr std::uint64_t kForOne = 512U << 10;

// What cannot be removed has been removed by somebody else.
void remove_tree(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

std::uint64_t bit_of(int signal) { return signal >= 1 && signal <= 64 ? std::uint64_t{1} << (signal - 1) : 0; }

// What never ran counts as its exit status.
ExitStatus end_status(const Outcome& outcome) {
  return outcome.ran ? outcome.status : ExitStatus{.code = outcome.shell_status(), .signal = 0, .core = false};
}

Fd open_null() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

Error removing(const Held& held) {
  return Error{.code = "E_STATE",
               .where = "restart",
               .what = held.name().empty() ? held.id() : held.name(),
               .err = 0,
               .why = "is being removed",
               .hint = {},
               .path = {},
               .stage = {}};
}

}  // namespace

Supervisor::Supervisor(Loop& loop, EventLog& log, std::string logs)
    : loop_(loop), log_(log), logs_(std::move(logs)), reaper_(loop),
      chance_(static_cast<std::minstd_rand::result_type>(Loop::now_us())), graveyard_(loop) {}
Supervisor::~Supervisor() = default;

Result<void> Supervisor::start() {
  if (auto r = reaper_.start(); !r) return r;
  auto image = load_init();
  if (!image) return std::unexpected(image.error());
  image_ = std::move(*image);
  // Not while a start is under way, nor when this process is about to become another.
  pool_ = std::make_unique<Pool>(
      loop_, reaper_, world_, image_.get(), [this] { return starting_ != 0 || hold_starts_; },
      [this] { return room().has_value(); });
  return {};
}

void Supervisor::keep_parked(std::optional<std::size_t> count) {
  null_ = open_null();
  pool_->keep(count);
}

void Supervisor::set_state(Held& held, ContainerState next) {
  if (is_live(held.state_)) --live_;
  if (is_live(next)) ++live_;
  if (held.state_ == ContainerState::starting) --starting_;
  if (next == ContainerState::starting) ++starting_;
  if (held.state_ == ContainerState::stopping) --stopping_;
  if (next == ContainerState::stopping) ++stopping_;
  held.state_ = next;
}

void Supervisor::tell(std::vector<Held::Told>& all, const Held& held) {
  for (auto& told : std::exchange(all, {})) told(held);
}

Result<void> Supervisor::move(Held& held, ContainerAction action) {
  auto next = next_state(held.state_, action, held.name().empty() ? held.id() : held.name());
  if (!next) return std::unexpected(next.error());
  set_state(held, *next);
  return {};
}

Result<Held*> Supervisor::run(RunRequest request, Viewer* first) {
  if (closing_) return std::unexpected(leaving());
  if (no_more_) return std::unexpected(foreground("run"));
  if (auto r = request.prepared ? Result<void>{} : check(request.spec); !r) return std::unexpected(r.error());
  if (const auto holder = by_name_.find(request.spec.name); holder != by_name_.end()) {
    const Held& other = *holder->second;
    return std::unexpected(
        Error{.code = "E_NAME_TAKEN",
              .where = "--name",
              .what = request.spec.name,
              .err = EEXIST,
              .why = "container " + other.id() + " has it, which is " + std::string(to_string(other.state())),
              .hint = "remove that one (sup rm " + request.spec.name + "), or choose another name",
              .path = {},
              .stage = {}});
  }
  auto held = std::make_unique<Held>();
  held->request_ = std::move(request);
  held->spec_ = std::move(held->request_.spec);
  held->created_ = ::time(nullptr);
  if (held->request_.prepared) {
    held->id_ = held->request_.prepared->facts.id;
  } else {
    do held->id_ = new_id();
    while (held_.contains(held->id_));
  }
  if (!held->name().empty()) {
    auto claim = NameClaim::take(held->name(), "container " + held->id_ + " under " + log_.supervisor());
    if (claim)
      held->claim_ = std::move(*claim);
    else if (claim.error().code == "E_NAME_TAKEN")
      return std::unexpected(claim.error());
  }
  if (first != nullptr)
    held->audience_.add(*first, held->spec_.tty ? std::optional(held->request_.size) : std::nullopt);
  if (!log_on_demand_) held->log_directory_ = logs_ + "/" + held->id_;
  held->asked_ = true;
  if (auto begun = launch(*held); !begun) return std::unexpected(begun.error());
  Held& made = keep(std::move(held), last_number_ + 1);
  enroll(made);
  return &made;
}

Held& Supervisor::keep(std::unique_ptr<Held> held, std::uint64_t number) {
  Held& made = *held;
  made.number_ = number;
  last_number_ = std::max(last_number_, number);
  in_order_.emplace(number, &made);
  if (!made.name().empty()) by_name_.emplace(made.name(), &made);
  held_.emplace(made.id(), std::move(held));
  return made;
}

Result<void> Supervisor::room() {
  if (!spare_memory_) return {};
  return memory_.check(kKeptBack + (starting_ + 1) * kForOne, Loop::now_us());
}

Result<RunRequest::Prepared> Supervisor::prepare(Held& held) {
  if (held.request_.prepared) {
    RunRequest::Prepared prepared = std::move(*held.request_.prepared);
    held.request_.prepared.reset();
    return prepared;
  }
  auto facts = gather(held.spec_, world_);
  if (!facts) return std::unexpected(facts.error());
  facts->id = held.id_;
  facts->environ = held.request_.environ;
  facts->cwd = held.request_.cwd;
  auto plan = compile(held.spec_, *facts);
  if (!plan) return std::unexpected(plan.error());
  Container::Wiring wiring;
  wiring.size = held.request_.size;
  wiring.in = std::move(held.request_.given[0]);
  wiring.out = std::move(held.request_.given[1]);
  wiring.err = std::move(held.request_.given[2]);
  if (!held.spec_.tty && !held.spec_.interactive && !wiring.in) {
    wiring.in = null_ ? std::move(null_) : open_null();
    if (!wiring.in)
      return std::unexpected(Error{.code = "E_STDIN", .where = "/dev/null", .what = "cannot be opened", .err = errno});
    loop_.later([this] {
      if (!null_) null_ = open_null();
    });
  }
  return RunRequest::Prepared{std::move(*facts), std::move(*plan), std::move(wiring)};
}

Result<void> Supervisor::launch(Held& held) {
  if (auto r = room(); !r) return r;
  auto prepared = prepare(held);
  if (!prepared) return std::unexpected(prepared.error());
  if (auto r = move(held, ContainerAction::start); !r) return r;
  held.stopped_by_user_ = false;
  held.sent_ = 0;
  held.log_trouble_told_ = false;
  held.finished_ = 0;
  const auto made_in_advance = [&]() -> std::optional<Parked> {
    if (prepared->parked) {
      reaper_.watch(prepared->parked->pid, [](int, const rusage&, std::uint64_t) {});
      return std::move(prepared->parked);
    }
    // What is limited is made inside of its limits.
    if (!held.spec_.limits.any()) return pool_->take(prepared->plan);
    pool_->pass();
    return std::nullopt;
  };
  auto parked = made_in_advance();
  held.container_ = std::make_unique<Container>(loop_, log_, reaper_, held.spec_, std::move(prepared->facts),
                                                std::move(prepared->plan), hooks(held));
  held.container_->because(std::exchange(held.why_, 0));
  held.container_->start(std::move(prepared->wiring), image_.get(), std::move(parked));
  return {};
}

Container::Hooks Supervisor::hooks(Held& held) {
  return {.started =
              [this, &held] {
                held.started_ = ::time(nullptr);
                held.asked_ = false;
                (void)move(held, ContainerAction::started);
                tell(held.begun_, held);
                held.audience_.started();
              },
          .output = [this, &held](Channel channel, std::string_view bytes) { output(held, channel, bytes); },
          .input_drained = [&held] { held.audience_.input_drained(); },
          .input_closed = [&held] { held.audience_.input_closed(); },
          .ended = [this, &held](const Outcome& outcome) { ended(held, outcome); }};
}

void Supervisor::ended(Held& held, const Outcome& outcome) {
  held.outcome_ = outcome;
  held.finished_ = ::time(nullptr);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (held.log_) {
    for (const auto stream : {OutputStream::out, OutputStream::err, OutputStream::tty}) held.log_->finish(stream, now);
  }
  (void)move(held, outcome.ran ? ContainerAction::exited : ContainerAction::failed);
  held.last_seq_ = held.container_ ? held.container_->last_seq() : 0;
  // At once, and before anybody is told: who asks in this very turn sees whether there is a next time.
  if (!held.remove_at_end_ && !held.again_at_end_ && !closing_) {
    restart_later(held, held.last_seq_);
    enroll(held);
  }
  held.audience_.ended(outcome);
  // Not in its own callback: whoever waits may remove it, and the Container is on the stack.
  loop_.later([this, id = held.id_] {
    const auto found = held_.find(id);
    if (found == held_.end()) return;
    Held& gone = *found->second;
    if (stopping_ != 0 && gone.container_)
      graveyard_.take(std::move(gone.container_));
    else
      gone.container_.reset();
    tell(gone.begun_, gone);
    tell(gone.ended_, gone);
    if (gone.again_at_end_) start_after_end(gone, gone.last_seq_);
    if (!is_live(gone.state_) && !gone.container_ && gone.state_ != ContainerState::backoff &&
        (gone.remove_at_end_ || gone.spec_.rm))
      forget(id);
    if (on_change) on_change();
  });
}

void Supervisor::restart_later(Held& held, std::uint64_t cause) {
  const auto& outcome = *held.outcome_;
  held.backoff_.ended(std::chrono::milliseconds(outcome.ran ? outcome.duration_ms : 0));
  if (std::exchange(held.asked_, false)) return;
  const ExitStatus status = end_status(outcome);
  const bool by_user = held.stopped_by_user_ || (held.sent_ & bit_of(status.signal)) != 0;
  if (decide(held.spec_.restart, status, held.backoff_.count(), by_user) != RestartVerdict::restart) return;
  if (!move(held, ContainerAction::again)) return;
  const auto pause = held.backoff_.next(std::uniform_int_distribution<std::uint64_t>{}(chance_));
  held.why_ = log_.emit(Event{.id = held.id_,
                              .name = held.name(),
                              .cause = cause,
                              .what = event::Restarting{.delay_ms = static_cast<std::uint64_t>(pause.count()),
                                                        .count = held.backoff_.count()}});
  again_after(held, pause);
}

void Supervisor::again_after(Held& held, std::chrono::milliseconds pause) {
  if (!held.again_) held.again_ = std::make_unique<Timer>(loop_);
  held.again_->start(pause, [this, id = held.id_] { again(id); });
}

void Supervisor::again(const std::string& id) {
  const auto found = held_.find(id);
  if (found == held_.end() || found->second->state_ != ContainerState::backoff) return;
  Held& due = *found->second;
  if (hold_starts_) return again_after(due, kHeldBack);
  if (auto launched = launch(due); !launched) {
    // What a start needs is gone (a directory, a descriptor): a crash like any other, told and tried again.
    const auto seq = log_.emit(Event{.id = id,
                                     .name = due.name(),
                                     .cause = std::exchange(due.why_, 0),
                                     .what = event::Problem{.error = launched.error(), .level = Level::error}});
    due.outcome_ = Outcome{.ran = false,
                           .error = launched.error(),
                           .status = {},
                           .reason = Reason::sup_error,
                           .duration_ms = 0,
                           .bytes = {}};
    loop_.later([this, id, seq] {
      const auto still = held_.find(id);
      if (still != held_.end() && still->second->state_ == ContainerState::backoff) {
        set_state(*still->second, ContainerState::exited);
        restart_later(*still->second, seq);
      }
    });
  }
  enroll(due);
}

void Supervisor::forget(const std::string& id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  Held& held = *found->second;
  // By its end, unless somebody asked for it after that.
  const bool by_its_end = held.spec_.rm || held.remove_at_end_;
  log_.emit(Event{.id = id, .name = held.name(), .cause = by_its_end ? held.last_seq_ : 0, .what = event::Removed{}});
  if (roster_ && held.on_roster_) roster_->drop(id);
  const std::string directory = held.log_fd_ ? held.log_directory() : std::string();
  if (const auto named = by_name_.find(held.name()); named != by_name_.end() && named->second == &held)
    by_name_.erase(named);
  in_order_.erase(held.number_);
  set_state(held, ContainerState::removed);
  held_.erase(found);
  if (!directory.empty()) remove_tree(directory);
}

Result<Held*> Supervisor::find(std::string_view reference) {
  const std::string word(reference);
  if (const auto exact = held_.find(word); exact != held_.end()) return exact->second.get();
  if (const auto named = by_name_.find(word); named != by_name_.end()) return named->second;
  // Those that begin so stand beside each other.
  const auto first = held_.lower_bound(word);
  if (word.empty() || first == held_.end() || !first->first.starts_with(word))
    return std::unexpected(no_container(reference));
  if (const auto second = std::next(first); second != held_.end() && second->first.starts_with(word)) {
    return std::unexpected(Error{.code = "E_AMBIGUOUS",
                                 .where = printable(reference),
                                 .what = "more than one container begins so",
                                 .err = 0,
                                 .why = first->first + " and " + second->first,
                                 .hint = "write more of the id",
                                 .path = {},
                                 .stage = {}});
  }
  return first->second.get();
}

Result<void> Supervisor::stop(Held& held, std::optional<int> number, std::optional<std::chrono::milliseconds> wait) {
  const bool live = is_live(held.state_);
  if (auto r = move(held, ContainerAction::stop); !r) return r;
  held.stopped_by_user_ = true;
  held.again_.reset();
  // The last word counts: a restart under way becomes a stop.
  held.again_at_end_ = false;
  if (live && held.container_)
    held.container_->stop(number.value_or(held.spec_.stop_signal), wait.value_or(held.spec_.stop_timeout),
                          Reason::stopped);
  tell(held.again_told_, held);
  enroll(held);
  return {};
}

void Supervisor::pause(Held& held, std::function<void(Result<void>)> done) {
  // Asked before, done after: until everything stands still it runs, and may end.
  const std::string name = held.name().empty() ? held.id() : held.name();
  if (auto next = next_state(held.state_, ContainerAction::pause, name); !next || !held.container_) {
    Result<void> refused = next ? usage("pause", "does not run") : std::unexpected(next.error());
    return loop_.later([done = std::move(done), refused = std::move(refused)] { done(refused); });
  }
  held.container_->pause([this, id = held.id_, done = std::move(done)](Result<void> result) {
    const auto found = held_.find(id);
    if (result && found != held_.end()) result = move(*found->second, ContainerAction::pause);
    done(std::move(result));
  });
}

Result<void> Supervisor::unpause(Held& held) {
  const std::string name = held.name().empty() ? held.id() : held.name();
  if (auto next = next_state(held.state_, ContainerAction::unpause, name); !next) return std::unexpected(next.error());
  if (held.container_) {
    if (auto r = held.container_->unpause(); !r) return r;
  }
  return move(held, ContainerAction::unpause);
}

Result<void> Supervisor::update(Held& held, const Limits& changes) {
  // Of limits that depend on each other both are said: the kernel knows only the result.
  Limits all = held.spec_.limits;
  merge(all, changes);
  if (auto r = check_limits(all); !r) return r;
  if (is_live(held.state_) && held.container_) {
    Limits apply = changes;
    if (changes.memory || changes.memory_swap) apply.memory = all.memory, apply.memory_swap = all.memory_swap;
    if (auto r = held.container_->update(apply); !r) return r;
  }
  held.spec_.limits = std::move(all);
  held.on_roster_ = false;  // it says something else
  enroll(held);
  return {};
}

Result<void> Supervisor::update(Held& held, const RestartPolicy& policy) {
  if (no_more_) return std::unexpected(foreground("update"));
  if (held.spec_.rm && policy.kind != RestartPolicy::Kind::no)
    return usage("update", "--restart is not for what is removed when it ends (--rm)");
  held.spec_.restart = policy;
  if (std::exchange(held.on_roster_, false) && !starts_with_supervisor(policy, false) && roster_)
    roster_->drop(held.id_);
  enroll(held);
  // Its pause has been counted already, as one that was still to come.
  if (held.state_ == ContainerState::backoff && held.outcome_ &&
      decide(policy, end_status(*held.outcome_), std::max(held.backoff_.count(), 1U) - 1, false) !=
          RestartVerdict::restart) {
    held.again_.reset();
    return move(held, ContainerAction::stop);
  }
  return {};
}

Result<void> Supervisor::start(Held& held, std::function<void(const Held&)> told) {
  if (closing_) return std::unexpected(leaving());
  if (no_more_) return std::unexpected(foreground("start"));
  // Dead, but not put away yet: it is in a moment.
  if (held.container_ && !is_live(held.state_)) {
    held.again_at_end_ = true;
    held.again_told_.push_back(std::move(told));
    return {};
  }
  if (auto r = start_anew(held, 0); !r) return r;
  held.begun_.push_back(std::move(told));
  return {};
}

Result<void> Supervisor::start_anew(Held& held, std::uint64_t cause) {
  if (const auto next = next_state(held.state_, ContainerAction::start, held.name().empty() ? held.id() : held.name());
      !next)
    return std::unexpected(next.error());
  held.again_.reset();
  held.backoff_.reset();
  held.asked_ = true;
  held.why_ = log_.emit(
      Event{.id = held.id_, .name = held.name(), .cause = cause, .what = event::Restarting{.delay_ms = 0, .count = 0}});
  auto launched = launch(held);
  if (!launched) {
    held.asked_ = false;
    // Nobody restarts it any more, so it does not wait for that either.
    (void)move(held, ContainerAction::stop);
    log_.emit(Event{.id = held.id_,
                    .name = held.name(),
                    .cause = std::exchange(held.why_, 0),
                    .what = event::Problem{.error = launched.error(), .level = Level::error}});
  }
  enroll(held);
  return launched;
}

Result<void> Supervisor::restart(Held& held, std::optional<std::chrono::milliseconds> wait,
                                 std::function<void(const Held&)> told) {
  if (closing_) return std::unexpected(leaving());
  if (no_more_) return std::unexpected(foreground("restart"));
  if (!is_live(held.state_)) return start(held, std::move(told));
  if (held.remove_at_end_) return std::unexpected(removing(held));
  if (auto r = move(held, ContainerAction::restart); !r) return r;
  held.stopped_by_user_ = true;
  held.container_->stop(held.spec_.stop_signal, wait.value_or(held.spec_.stop_timeout), Reason::stopped);
  held.again_at_end_ = true;
  held.again_told_.push_back(std::move(told));
  return {};
}

void Supervisor::start_after_end(Held& held, std::uint64_t cause) {
  held.again_at_end_ = false;
  auto asked = std::exchange(held.again_told_, {});
  if (!held.remove_at_end_ && !closing_) {
    if (auto started = start_anew(held, cause); started) {
      for (auto& told : asked) held.begun_.push_back(std::move(told));
      return;
    } else {
      held.outcome_ = Outcome{.ran = false,
                              .error = started.error(),
                              .status = {},
                              .reason = Reason::sup_error,
                              .duration_ms = 0,
                              .bytes = {}};
    }
  }
  tell(asked, held);
}

Result<Effect> Supervisor::signal(Held& held, int number, std::optional<std::int64_t> sender) {
  if (auto r = move(held, ContainerAction::kill); !r) return std::unexpected(r.error());
  const Effect effect = held.container_ ? held.container_->signal(number, sender) : Effect::gone;
  if (effect != Effect::delivered) return effect;
  if (number == SIGKILL || number == held.spec_.stop_signal) held.stopped_by_user_ = true;
  held.sent_ |= bit_of(number);
  return effect;
}

Result<void> Supervisor::remove(Held& held, bool force) {
  if (is_live(held.state_) && force) {
    if (auto r = move(held, ContainerAction::stop); !r) return r;
    held.remove_at_end_ = true;
    held.stopped_by_user_ = true;
    held.again_at_end_ = false;
    tell(held.again_told_, held);
    if (held.container_) held.container_->kill(Reason::stopped);
    return {};
  }
  // What waits for its next start has to be stopped first.
  if (force && held.state_ == ContainerState::backoff) {
    if (auto r = stop(held, {}, {}); !r) return r;
  }
  if (auto r = move(held, ContainerAction::remove); !r) return r;
  held.again_at_end_ = false;
  tell(held.again_told_, held);
  loop_.later([this, id = held.id_] {
    forget(id);
    if (on_change) on_change();
  });
  return {};
}

void Supervisor::on_end(Held& held, std::function<void(const Held&)> told) {
  if (is_live(held.state_) || held.container_) {
    held.ended_.push_back(std::move(told));
  } else {
    told(held);
  }
}

void Supervisor::stop_all() {
  // What is stopped from here on has not been stopped by its user.
  const bool again = std::exchange(closing_, true);
  for (const auto& [id, held] : held_) {
    if (!again) {
      // Also what waits to be restarted: it would be, and be left over.
      (void)stop(*held, {}, {});
    } else if (held->container_) {
      held->container_->kill(Reason::stopped);
    }
  }
}

}  // namespace sup
