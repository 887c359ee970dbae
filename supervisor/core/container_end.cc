// A Container's end: reaped, every stream ended, told; and why it did not begin.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>
#include <variant>

#include "core/container.h"
#include "spec/env.h"
#include "spec/jsonrpc.h"
#include "spec/mount.h"
#include "spec/path.h"
#include "spec/plan_root_text.h"
#include "spec/seccomplog.h"
#include "sys/explain.h"
#include "sys/inside.h"
#include "sys/rootdir.h"

namespace sup {
namespace {

// How long the output of an entry may go on after its end, when others have it open.
constexpr std::chrono::milliseconds kLinger{50};

Error container_ended() {
  return Error{.code = "E_CONTAINER_ENDED",
               .where = "exec",
               .what = "the command did not run",
               .err = 0,
               .why = "the container has ended meanwhile",
               .hint = {},
               .path = {},
               .stage = "join"};
}

}  // namespace

int Outcome::shell_status() const {
  if (!ran) return error ? error->status : 125;
  return status.to_shell();
}

void Container::reaped(int status, const rusage& usage, std::uint64_t since_us) {
  reaped_ = true;
  dead_us_ = Loop::now_us();
  spans_.reap = between(since_us, dead_us_);
  wait_status_ = status;
  const auto us = [](const timeval& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(t.tv_usec);
  };
  usage_ = {.user_us = us(usage.ru_utime),
            .system_us = us(usage.ru_stime),
            .max_rss_kib = usage.ru_maxrss,
            .minor_faults = usage.ru_minflt,
            .major_faults = usage.ru_majflt,
            .voluntary_switches = usage.ru_nvcsw,
            .involuntary_switches = usage.ru_nivcsw};
  timeout_.stop();
  grace_.stop();
  // The guard has done so, unless it was killed itself.
  if (!spec_.pid.empty() && fence_) fence_->kill();
  if (pasta_) pasta_->end();
  if (state_ == State::running) take_rest();
  settle();
}

// What is left of a dead command's output is no more than the kernel held for it. Whoever shows it slowly gets it from there on from
// our memory, and keeps nobody from the container's end: not who has stopped it, nor who removes it.
void Container::take_rest() {
  for (auto* s : {master_.get(), out_.get(), err_.get()}) {
    if (s == nullptr || s->ended() || s->reading()) continue;
    s->read_rest();
    s->read_start();
  }
}

// The pid namespace is empty once PID 1 is reaped, so every end of file is on its way; only when all have come
// is every byte counted and shown, and only then is it over. An entry's end leaves others running, who may hold its output: they
// are not waited for.
void Container::settle() {
  if (state_ == State::ended || !boot_ended_ || explaining_) return;
  if (outside_ || (!reaped_ && !(entry_ && pid_ < 0))) return;
  if (spare_) {
    if (!ending_ && !doomed_ && !waits_) return loop_.later([this] { start_over(); });
    spare_.reset();
    read_output();
  }
  for (const auto* s : {master_.get(), out_.get(), err_.get()}) {
    if (s == nullptr || s->ended()) continue;
    if (entry_ && !linger_.active()) linger_.start(kLinger, [this] { linger(); });
    return;
  }
  linger_.stop();
  if (pasta_ && pasta_->there()) return;
  if (entry_ && pid_ >= 0) end_session(entry_->pid1, pid_, pidfd_.get());
  if (!fence_removed()) return;
  if (!outcome_.ran) {
    if (outcome_.error) return fail(*outcome_.error);
    if (failed_ && entry_) return explain(*failed_);
    if (failed_) return fail(step_error(*failed_, AT_FDCWD));
    if (entry_) return fail(container_ended());
    return fail(ended_early());
  }
  // Init as PID 1 reports the command's true status; its own is only a copy that cannot die by a signal.
  const int status = command_status_.value_or(wait_status_);
  outcome_.status = ExitStatus::from_wait(status).value_or(ExitStatus{.code = 125});
  const bool may_be_filtered = outcome_.status.signal == SIGSYS && filter_kills(facts_.seccomp);
  if (may_be_filtered && !call_known_) return ask_which_call();
  state_ = State::ended;
  // KILL that nobody of ours sent, in a group where the kernel killed for memory: that is why. (Init as PID 1 may be the one
  // that was hit, or report it of the command.)
  const bool oom = oom_kills_ != 0 && !kill_sent_ && outcome_.status.signal == SIGKILL;
  outcome_.reason = ending_.value_or(oom ? Reason::oom : outcome_.status.signal != 0 ? Reason::signal : Reason::exit);
  // From just before the clone: that the command runs is heard of late on a busy machine, and a run must not look shorter
  // than it was.
  outcome_.duration_ms = between(cloned_us_ - spans_.clone.value_or(0), dead_us_) / 1000;
  outcome_.bytes = bytes_;
  const auto now = Loop::now_us();
  spans_.drain = between(dead_us_, now);
  event::Exited e;
  if (outcome_.status.signal != 0) {
    e.signal = outcome_.status.signal;
    e.core = outcome_.status.core;
    e.may_be_filtered = may_be_filtered;
    e.syscall = std::move(killed_for_);
  } else {
    e.exit_code = outcome_.status.code;
  }
  e.reason = outcome_.reason;
  e.duration_ms = outcome_.duration_ms;
  e.spans = spans_;
  e.usage = usage_;
  e.bytes = bytes_;
  emit(std::move(e));
  if (hooks_.ended) hooks_.ended(outcome_);
}

void Container::ask_which_call() {
  if (which_call_) return;
  which_call_ = reaper_.kill_log().ask(filtered_pid_ < 0 ? pid_ : filtered_pid_, cloned_us_,
                                       [this](std::optional<std::string> call) {
                                         killed_for_ = std::move(call);
                                         call_known_ = true;
                                         // Not in its own callback.
                                         loop_.later([this] {
                                           which_call_.reset();
                                           settle();
                                         });
                                       });
}

// All of a stream that nobody has stopped reading has been read by now, but what came in this very moment: that still
// counts. One that was stopped waits for its reader.
void Container::linger() {
  for (auto* place : {&master_, &out_, &err_}) {
    auto& s = *place;
    if (!s || s->ended()) continue;
    if (!s->reading()) return linger_.start(kLinger, [this] { linger(); });
    s->read_rest();
    s.reset();
  }
  settle();
}

// The container's files are its own affair, and looking at them may take for ever: a process aside does it.
void Container::explain(const wire::Record& record) {
  const auto look = [this, record] {
    const std::string first = "/proc/" + std::to_string(entry_->pid1);
    const Fd root(::open((first + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return error_line("0", root ? step_error(record, root.get()) : container_ended());
  };
  auto aside = Aside::ask(loop_, reaper_, look, [this, record](const std::optional<std::string>& text) {
    // Not in its own callback.
    loop_.later([this, record, text] {
      explaining_.reset();
      const auto said = text ? parse_said(*text) : std::unexpected(RpcError{});
      const auto* answer = said ? std::get_if<Answer>(&*said) : nullptr;
      fail(answer != nullptr && answer->failed() ? answer->error : plain_error(record));
    });
  });
  if (!aside) return fail(plain_error(record));
  explaining_ = std::move(*aside);
}

Error Container::ended_early() const {
  // Behind a profile that forbids init's last calls it cannot say so, nor even exit.
  const int by = WIFSIGNALED(wait_status_) ? WTERMSIG(wait_status_) : 0;
  const bool shut =
      !facts_.seccomp.empty() && (by == SIGILL || by == SIGTRAP || by == SIGSYS || (by == 0 && init_stays(spec_)));
  return Error{.code = "E_INIT_DIED",
               .where = "init",
               .what = "ended before the command ran",
               .err = 0,
               .why = shut ? "the seccomp profile forbids what a start takes"
                           : "it was killed from outside, or the kernel refused to run it",
               .hint = shut ? "allow execve, sendto, exit_group, prctl, capget and capset in it" : "",
               .path = {},
               .stage = "init"};
}

// What can be said without a look at anything.
Error Container::plain_error(const wire::Record& record) const {
  const bool known = record.step < plan_.steps.size();
  const bool absent = record.err == ENOENT || record.err == ENOTDIR;
  const bool exec = known && plan_.steps[record.step].op == wire::Op::exec;
  return Error{.code = known ? std::string(failure_code(plan_.steps[record.step])) : "E_INIT_PLAN",
               .where = "exec",
               .what = exec    ? spec_.argv.at(0)
                       : known ? describe(plan_.steps[record.step])
                               : "init refused its plan",
               .err = record.err,
               .why = {},
               .hint = "the container's files do not answer",
               .path = {},
               .status = !exec    ? 125
                         : absent ? 127
                                  : 126,
               .stage = known ? std::string(stage(plan_.steps[record.step])) : "init"};
}

void Container::fail(Error error) {
  state_ = State::ended;
  outcome_.ran = false;
  outcome_.reason = Reason::sup_error;
  emit(event::Problem{.error = error, .level = Level::error});
  emit(event::Failed{.error = error, .exit_code = error.status});
  outcome_.error = std::move(error);
  if (hooks_.ended) hooks_.ended(outcome_);
}

Error Container::step_error(const wire::Record& record, int root) const {
  if (record.step >= plan_.steps.size()) {
    return Error{.code = "E_INIT_PLAN",
                 .where = "init",
                 .what = "refused its plan",
                 .err = record.err,
                 .hint = "sup and its init are of different versions: install sup again",
                 .stage = "init"};
  }
  const Step& step = plan_.steps[record.step];
  std::string workdir = facts_.cwd;
  Credentials who{.uid = facts_.uid, .gid = facts_.gid, .groups = {}};
  for (const auto& s : plan_.steps) {
    if (s.op == wire::Op::workdir) workdir = s.s[0];
    if (s.op == wire::Op::ids) who.uid = static_cast<uid_t>(s.n[0]), who.gid = static_cast<gid_t>(s.n[1]);
    if (s.op == wire::Op::groups) who.groups.assign(s.numbers.begin(), s.numbers.end());
  }
  if (step.op == wire::Op::exec) {
    ExecAttempt attempt;
    attempt.argv0 = spec_.argv.at(0);
    attempt.candidates = step.lists.at(0);
    attempt.failing = record.value;
    attempt.err = record.err;
    attempt.workdir = workdir;
    attempt.who = who;
    attempt.size = exec_size(step.lists.at(1), step.lists.at(2));
    attempt.root = root;
    if (entry_) attempt.mounts = "/proc/" + std::to_string(entry_->pid1) + "/mountinfo";
    // What volumes and an overlay bring is not seen from here; the directory itself is.
    Fd directory;
    if (!spec_.rootfs.empty() && !entry_) {
      if (auto opened = open_root(spec_.rootfs)) directory = std::move(opened->fd), attempt.root = directory.get();
    }
    if (attempt.argv0.find('/') == std::string::npos) {
      attempt.too_long = candidates(attempt.argv0, env_value(step.lists.at(2), "PATH").value_or(kDefaultPath)).too_long;
    }
    return explain_exec(attempt);
  }
  // The kernel takes no process into a pid namespace whose first one has ended.
  if (step.op == wire::Op::join && (record.err == ENOMEM || record.err == ESRCH)) return container_ended();
  SpawnAttempt attempt;
  attempt.stage = stage(step);
  attempt.err = record.err;
  attempt.clone_flags = step.op == wire::Op::unshare || step.op == wire::Op::join ? step.n[0] : plan_.clone_flags;
  attempt.uid = facts_.uid;
  attempt.what = describe(step);
  if (step.op == wire::Op::filesystem) attempt.fstype = step.s[0];
  if (step.op == wire::Op::mount) attempt.target = step.s[1], attempt.fstype = step.s[2];
  Error error = explain_spawn(attempt);
  auto known = explain_root_step(step, record.err);
  if (const Mount* const mount = mount_of(spec_, plan_, record.step)) {
    error.where = option_of(*mount);
    error.path = step.op == wire::Op::tree ? mount->source : mount->target;
    if (!known.why.empty()) error.what = mount_failure(*mount, step, known);
  }
  if (!known.why.empty()) error.why = known.why, error.hint = known.hint;
  if (step.op == wire::Op::stay && record.err == EAGAIN && spec_.limits.pids == 1) {
    error.why = "init stays as a process, too, and --pids-limit 1 leaves none for the command";
    error.hint = plan_.guarded ? "--pids-limit 2 or more" : "--pids-limit 2 or more, or leave --init out";
  }
  if (error.code == "E_STEP") error.code = failure_code(step);
  return error;
}

}  // namespace sup
