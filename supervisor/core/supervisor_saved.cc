// A Supervisor across a live upgrade.
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/supervisor.h"
#include "spec/spec_json.h"

namespace sup {
namespace {

constexpr std::chrono::milliseconds kAtOnce{0};

SavedOutcome save_outcome(const Outcome& outcome) {
  return {.ran = outcome.ran,
          .error = outcome.error,
          .status = outcome.status,
          .reason = static_cast<int>(outcome.reason),
          .duration_ms = outcome.duration_ms,
          .bytes = outcome.bytes};
}

Outcome restore_outcome(SavedOutcome saved) {
  Outcome outcome;
  outcome.ran = saved.ran;
  outcome.error = std::move(saved.error);
  if (!outcome.ran && !outcome.error)
    outcome.error = Error{.code = "E_STATE", .where = "reload", .what = "the reason of its end was not kept"};
  outcome.status = saved.status;
  if (saved.reason >= 0 && saved.reason <= static_cast<int>(Reason::sup_error))
    outcome.reason = static_cast<Reason>(saved.reason);
  outcome.duration_ms = saved.duration_ms;
  outcome.bytes = saved.bytes;
  return outcome;
}

}  // namespace

std::vector<int> descriptors_in(const SavedSupervisor& saved) {
  std::vector<int> all;
  const auto add = [&all](const SavedContainer& c) {
    for (const int fd : {c.pidfd, c.pasta_pidfd, c.boot.fd, c.master.fd, c.in.fd, c.out.fd, c.err.fd}) {
      if (fd >= 0) all.push_back(fd);
    }
    all.insert(all.end(), c.group_locks.begin(), c.group_locks.end());
  };
  for (const auto& held : saved.held) {
    if (held.container) add(*held.container);
    if (held.claim_fd >= 0) all.push_back(held.claim_fd);
  }
  for (const auto& exec : saved.execs) add(exec.command);
  return all;
}

void Supervisor::hold_starts(bool hold) { hold_starts_ = hold; }

bool Supervisor::settled() const {
  return asked_.empty() && std::ranges::all_of(execs_, [](const auto& entry) { return entry.second->can_save(); }) &&
         std::ranges::all_of(held_, [](const auto& entry) {
           const Held& held = *entry.second;
           return held.container_ ? held.container_->can_save() : !is_live(held.state_);
         });
}

// What is worth knowing also after a reboot.
SavedHeld Supervisor::lasting(const Held& held) {
  SavedHeld s;
  s.id = held.id_;
  s.number = held.number_;
  s.spec = spec_to_json(held.spec_).dump();
  s.environ = held.request_.environ;
  s.cwd = held.request_.cwd;
  s.rows = held.request_.size.ws_row;
  s.cols = held.request_.size.ws_col;
  if (held.outcome_) s.outcome = save_outcome(*held.outcome_);
  s.created = held.created_;
  s.started = held.started_;
  s.finished = held.finished_;
  return s;
}

SavedHeld Supervisor::save(const Held& held) {
  SavedHeld s = lasting(held);
  s.state = to_string(held.state_);
  if (held.container_ && held.container_->can_save()) s.container = held.container_->save();
  s.restarts = held.backoff_.count();
  if (const auto left = held.again_ ? held.again_->remaining() : std::nullopt) s.again_ms = left->count();
  s.why = held.why_;
  s.stopped_by_user = held.stopped_by_user_;
  s.sent = held.sent_;
  s.remove_at_end = held.remove_at_end_;
  s.again_at_end = held.again_at_end_;
  const auto log = held.log_ ? held.log_->memory() : LogFile::Memory{};
  s.log_held.assign(log.held.begin(), log.held.end());
  s.log_dropped_bytes = held.log_ ? log.dropped_bytes : held.log_missed_;
  s.log_dropped_records = log.dropped_records;
  s.log_dropped_total = log.dropped_total;
  s.log_seq = log.seq;
  for (auto& chunk : held.ring_.snapshot())
    s.ring.push_back({.stream = static_cast<int>(chunk.stream), .bytes = std::move(chunk.bytes)});
  s.ring_total = held.ring_.total();
  s.claim = held.claim_.path();
  s.claim_fd = held.claim_.fd();
  s.on_roster = held.on_roster_;
  s.roster_stopped = held.roster_stopped_;
  return s;
}

SavedSupervisor Supervisor::save() const {
  SavedSupervisor all;
  all.closing = closing_;
  all.last_number = last_number_;
  for (const auto& [id, command] : execs_) {
    if (command->can_save())
      all.execs.push_back(
          {.container = command->facts().id, .spec = spec_to_json(command->spec()).dump(), .command = command->save()});
  }
  for (const auto& [number, held] : in_order_) all.held.push_back(save(*held));
  return all;
}

void Supervisor::restore(SavedSupervisor saved) {
  closing_ = saved.closing;
  last_number_ = saved.last_number;
  for (auto& held : saved.held) restore(std::move(held));
  for (auto& exec : saved.execs) {
    const std::string id = exec.command.exec;
    unclaimed_.insert_or_assign(id, std::move(exec));
  }
}

Result<Container*> Supervisor::resume_exec(const std::string& id, Container::Hooks hooks) {
  const auto failed = [](std::string why) {
    return std::unexpected(Error{.code = "E_STATE",
                                 .where = "reload",
                                 .what = "a command of exec was not kept",
                                 .err = 0,
                                 .why = std::move(why)});
  };
  auto saved = unclaimed_.extract(id);
  if (saved.empty()) return failed("there is none of that id");
  auto spec = spec_from_json(nlohmann::json::parse(saved.mapped().spec, nullptr, false));
  if (!spec) return failed(spec.error().message);
  Facts facts;
  facts.id = saved.mapped().container;
  auto command = Container::restore(loop_, log_, reaper_, std::move(*spec), std::move(facts),
                                    std::move(saved.mapped().command), exec_hooks(id, std::move(hooks)));
  if (!command) return std::unexpected(command.error());
  return execs_.emplace(id, std::move(*command)).first->second.get();
}

void Supervisor::resume_rest() {
  while (!unclaimed_.empty()) {
    const std::string id = unclaimed_.begin()->first;
    if (auto command = resume_exec(id, {}); !command) {
      log_.emit(Event{
          .id = {}, .name = {}, .cause = 0, .what = event::Problem{.error = command.error(), .level = Level::error}});
    }
  }
  for (const auto& [id, held] : held_) eased(*held);
}

void Supervisor::restore(SavedHeld saved) {
  const auto state = parse_state(saved.state);
  const auto json = nlohmann::json::parse(saved.spec, nullptr, false);
  auto spec = spec_from_json(json);
  if (!state || *state == ContainerState::removed || !spec || held_.contains(saved.id) ||
      in_order_.contains(saved.number)) {
    log_.emit(
        Event{.id = saved.id,
              .name = {},
              .cause = 0,
              .what = event::Problem{.error = Error{.code = "E_STATE",
                                                    .where = "reload",
                                                    .what = "container " + saved.id + " was not kept",
                                                    .err = 0,
                                                    .why = !spec ? spec.error().message : "its state makes no sense"},
                                     .level = Level::error}});
    return;
  }
  auto made = std::make_unique<Held>();
  Held& held = *made;
  held.id_ = saved.id;
  held.spec_ = std::move(*spec);
  held.request_.environ = std::move(saved.environ);
  held.request_.cwd = std::move(saved.cwd);
  held.request_.size.ws_row = static_cast<unsigned short>(saved.rows);
  held.request_.size.ws_col = static_cast<unsigned short>(saved.cols);
  if (saved.outcome) held.outcome_ = restore_outcome(std::move(*saved.outcome));
  held.backoff_ = Backoff(saved.restarts);
  held.why_ = saved.why;
  held.stopped_by_user_ = saved.stopped_by_user;
  held.sent_ = saved.sent;
  held.remove_at_end_ = saved.remove_at_end;
  held.again_at_end_ = saved.again_at_end;
  held.created_ = saved.created;
  held.started_ = saved.started;
  held.finished_ = saved.finished;
  held.on_roster_ = saved.on_roster;
  held.roster_stopped_ = saved.roster_stopped;
  if (saved.claim_fd >= 0) held.claim_ = NameClaim::adopt(std::move(saved.claim), Fd(saved.claim_fd));
  std::vector<Ring::Chunk> chunks;
  for (auto& chunk : saved.ring) {
    if (chunk.stream < 0 || chunk.stream >= static_cast<int>(kOutputStreams)) continue;
    chunks.push_back({.stream = static_cast<OutputStream>(chunk.stream), .bytes = std::move(chunk.bytes)});
  }
  held.ring_.restore(chunks, saved.ring_total);
  keep(std::move(made), saved.number);
  set_state(held, *state);
  held.log_directory_ = logs_ + "/" + held.id_;
  if (::access(held.log_directory_.c_str(), F_OK) < 0) {
    held.log_missed_ = saved.log_dropped_bytes;  // none yet
  } else if (auto log = open_log(held); !log) {
    log_.emit(Event{.id = held.id_,
                    .name = held.name(),
                    .cause = 0,
                    .what = event::Problem{.error = log.error(), .level = Level::error}});
  } else {
    LogFile::Memory memory{.held = {},
                           .dropped_bytes = saved.log_dropped_bytes,
                           .dropped_records = saved.log_dropped_records,
                           .dropped_total = saved.log_dropped_total,
                           .seq = saved.log_seq};
    for (std::size_t i = 0; i < kOutputStreams && i < saved.log_held.size(); ++i)
      memory.held[i] = std::move(saved.log_held[i]);
    held.log_->remember(std::move(memory));
  }
  if (saved.container) {
    Facts facts;
    facts.id = held.id_;
    facts.environ = held.request_.environ;
    auto container = Container::restore(loop_, log_, reaper_, held.spec_, std::move(facts), std::move(*saved.container),
                                        hooks(held));
    if (container) {
      held.container_ = std::move(*container);
    } else {
      log_.emit(Event{.id = held.id_,
                      .name = held.name(),
                      .cause = 0,
                      .what = event::Problem{.error = container.error(), .level = Level::error}});
    }
  }
  // A process that nobody watches has no end.
  if (is_live(held.state_) && !held.container_) set_state(held, ContainerState::exited);
  if (held.state_ == ContainerState::backoff)
    again_after(held, saved.again_ms ? std::chrono::milliseconds(*saved.again_ms) : kAtOnce);
}

// ---- the roster -------------------------------------------------------------------------------

void Supervisor::use_roster(Roster roster, bool anew) {
  roster_.emplace(std::move(roster));
  if (anew) {
    auto all = roster_->all();
    for (auto& error : all.damaged) {
      log_.emit(Event{
          .id = {}, .name = {}, .cause = 0, .what = event::Problem{.error = std::move(error), .level = Level::error}});
    }
    for (auto& held : all.held) come_back(std::move(held));
  } else {
    for (const auto& [id, held] : held_) enroll(*held);
  }
}

void Supervisor::come_back(SavedHeld saved) {
  const std::string id = saved.id;
  const bool stopped = saved.stopped_by_user;
  saved.state = to_string(ContainerState::exited);
  restore(std::move(saved));
  const auto found = held_.find(id);
  if (found == held_.end()) return;  // told already
  Held& held = *found->second;
  held.on_roster_ = true;
  held.roster_stopped_ = stopped;
  if (!held.name().empty()) {
    auto claim = NameClaim::take(held.name(), "container " + id + " under " + log_.supervisor());
    if (claim) {
      held.claim_ = std::move(*claim);
    } else if (claim.error().code == "E_NAME_TAKEN") {
      // Not started under a name that is another's; it is there to be removed, or to be started when that one has gone.
      log_.emit(Event{.id = id,
                      .name = held.name(),
                      .cause = 0,
                      .what = event::Problem{.error = std::move(claim.error()), .level = Level::error}});
      return;
    }
  }
  if (!starts_with_supervisor(held.spec_.restart, stopped)) return;
  set_state(held, ContainerState::backoff);
  held.why_ =
      log_.emit(Event{.id = id, .name = held.name(), .cause = 0, .what = event::Restarting{.delay_ms = 0, .count = 0}});
  again_after(held, kAtOnce);
}

// Brings the roster up to date with one container, where it says something else.
void Supervisor::enroll(Held& held) {
  if (!roster_ || closing_ || held.spec_.rm || held.remove_at_end_ ||
      !starts_with_supervisor(held.spec_.restart, false))
    return;
  // Also while it is being stopped: this may be the last that is heard of it.
  const bool stopped = held.stopped_by_user_ && !held.again_at_end_ && held.state_ != ContainerState::backoff &&
                       (!is_live(held.state_) || held.state_ == ContainerState::stopping);
  if (held.on_roster_ && held.roster_stopped_ == stopped) return;
  SavedHeld saved = lasting(held);
  saved.stopped_by_user = stopped;
  if (auto put = roster_->put(saved); !put) {
    log_.emit(Event{.id = held.id_,
                    .name = held.name(),
                    .cause = 0,
                    .what = event::Problem{.error = put.error(), .level = Level::warning}});
    return;
  }
  held.on_roster_ = true;
  held.roster_stopped_ = stopped;
}

}  // namespace sup
