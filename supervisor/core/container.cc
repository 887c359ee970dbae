#include "core/container.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <variant>

#include "core/launcher.h"
#include "spec/env.h"
#include "spec/jsonrpc.h"
#include "spec/mount.h"
#include "spec/path.h"
#include "spec/plan_root_text.h"
#include "spec/seccomplog.h"
#include "sys/explain.h"
#include "sys/inside.h"
#include "sys/kernellog.h"
#include "sys/pidfd.h"
#include "sys/pidnamespace.h"
#include "sys/procfs.h"
#include "sys/pty.h"
#include "sys/rootdir.h"

namespace sup {
namespace {

std::uint64_t between(std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; }

Result<Stream*> opened(Loop& loop, std::unique_ptr<Stream>& place, Fd fd, Stream::Handlers handlers) {
  auto stream = Stream::open(loop, std::move(fd), std::move(handlers));
  if (!stream) return std::unexpected(stream.error());
  place = std::move(*stream);
  return place.get();
}

// The user the command becomes, who shall own its terminal; -1: the one who makes it.
uid_t tty_owner(const Plan& plan) {
  for (const auto& step : plan.steps) {
    if (step.op != wire::Op::ids) continue;
    const auto inside = static_cast<std::uint32_t>(step.n[0]);
    return plan.uids.empty() ? inside : outside_id(plan.uids, inside).value_or(inside);
  }
  return static_cast<uid_t>(-1);
}

// A pipe of which one end is ours and the other the command's.
struct PipeEnds {
  Fd read;
  Fd write;
};
Result<PipeEnds> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) {
    return std::unexpected(Error{.code = "E_FDS",
                                 .where = "pipe",
                                 .what = "cannot be made",
                                 .err = errno,
                                 .hint = errno == EMFILE ? "raise the limit: ulimit -n" : "",
                                 .stage = "stdio"});
  }
  return PipeEnds{Fd(ends[0]), Fd(ends[1])};
}

// How long the output of an entry may go on after its end, when others have it open.
constexpr std::chrono::milliseconds kLinger{50};
// How long the kernel's log is waited for, when it may say what a command was killed for.
constexpr std::chrono::milliseconds kLogLook{5};
constexpr int kLogLooks = 8;

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

Container::Container(Loop& loop, EventLog& log, Reaper& reaper, Spec spec, Facts facts, Plan plan, Hooks hooks,
                     std::optional<Entry> entry)
    : loop_(loop), log_(log), reaper_(reaper), spec_(std::move(spec)), facts_(std::move(facts)), plan_(std::move(plan)),
      hooks_(std::move(hooks)), entry_(std::move(entry)), linger_(loop), timeout_(loop), grace_(loop),
      asked_us_(Loop::now_us()) {}

Container::~Container() = default;

std::uint64_t Container::emit(decltype(Event::what) what) {
  cause_ = log_.emit(Event{
      .id = facts_.id, .name = spec_.name, .exec = entry_ ? entry_->id : "", .cause = cause_, .what = std::move(what)});
  return cause_;
}

// The command's ends close with `wiring`: only then can end of file be seen on ours.
void Container::start(Wiring wiring, int image, std::optional<Parked> parked) {
  state_ = State::starting;
  if (auto begun = begin(wiring, image, std::move(parked)); !begun) {
    in_.reset(), out_.reset(), err_.reset(), master_.reset(), boot_.reset();
    announce();
    if (!fence_) return fail(std::move(begun.error()));
    // Nobody is in it: gone at once.
    return fence_->remove([this, error = std::move(begun.error())](int, const std::string&) { fail(error); });
  }
  // Init is at work already: what is said of it costs it nothing.
  announce();
  tell(std::exchange(tolerated_, {}));
}

void Container::announce() {
  emit(event::Starting{.command = spec_.argv.at(0),
                       .tty = spec_.tty,
                       .user_namespace = plan_.user_namespace,
                       .rooted = !spec_.rootfs.empty() && spec_.pid != "host"});
}

Result<void> Container::begin(Wiring& wiring, int image, std::optional<Parked> parked) {
  if (!entry_) {
    for (const Mount& mount : spec_.mounts) {
      // Of the others create is about the target alone.
      if (!mount.create || (mount.kind != Mount::Kind::bind && mount.kind != Mount::Kind::overlay)) continue;
      if (auto made = make_source(mount.source); !made) return made;
    }
  }
  int stdio[3] = {-1, -1, -1};
  // Everything that needs a descriptor is made before the clone: afterwards nothing may fail for the want of one.
  if (auto wired = wire(wiring, stdio); !wired) return wired;
  if (parked && go_on_with(std::move(*parked), stdio)) return {};
  auto theirs = watch_boot();
  if (!theirs) return std::unexpected(theirs.error());
  boot_->read_start();
  loop_.settle();
  if (auto raised = raise_fence(); !raised) return raised;
  Fd guard;
  if (plan_.guarded) {
    auto opened = fence_->kill_file();
    if (!opened) return std::unexpected(std::move(opened.error()));
    guard = std::move(*opened);
  }
  auto launched = launch(plan_, facts_, stdio, image, theirs->get(), fence_ ? fence_->clone_fd() : -1,
                         entry_ ? entry_->pidfd : -1, guard.get());
  if (!launched) return std::unexpected(launched.error());
  cloned(launched->clone_us);
  if (entry_) {
    outside_ = true;
    reaper_.watch(launched->pid, [this](int, const rusage&, std::uint64_t) {
      outside_ = false;
      settle();
    });
    return {};
  }
  under_way(launched->pid, std::move(launched->pidfd));
  return {};
}

bool Container::go_on_with(Parked parked, const int (&stdio)[3]) {
  const auto before = Loop::now_us();
  auto stream = opened(loop_, boot_, std::move(parked.boot), boot_handlers());
  if (!stream) return false;
  boot_->read_start();
  if (!go_on(plan_, parked.done, stdio, boot_->fd())) {
    boot_.reset();  // its end as well, should it still be there
    return false;
  }
  cloned(Loop::now_us() - before);
  under_way(parked.pid, std::move(parked.pidfd));
  return true;
}

void Container::cloned(std::uint64_t took_us) {
  cloned_us_ = Loop::now_us();
  spans_.clone = took_us;
  spans_.queue = between(asked_us_, cloned_us_ - took_us);
}

void Container::under_way(pid_t pid, Fd pidfd) {
  pid_ = pid;
  pidfd_ = std::move(pidfd);
  reaper_.watch(pid_, [this](int status, const rusage& usage, std::uint64_t since) { reaped(status, usage, since); });
}

Result<void> Container::wire(Wiring& wiring, int (&stdio)[3]) {
  if (spec_.tty) {
    size_ = wiring.size;
    bytes_.out = 0;
    bytes_.in = 0;
    if (plan_.own_tty) {
      // Init makes it where it belongs; what comes for it meanwhile is kept.
      awaited_ = Awaited{.raw_output = wiring.raw_output};
      wiring.in = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!wiring.in)
        return std::unexpected(
            Error{.code = "E_FDS", .where = "/dev/null", .what = "cannot be opened", .err = errno, .stage = "stdio"});
      stdio[0] = stdio[1] = stdio[2] = wiring.in.get();
      return {};
    }
    auto pty = open_pty(wiring.size, wiring.raw_output, tty_owner(plan_));
    if (!pty) return std::unexpected(pty.error());
    wiring.in = std::move(pty->slave);
    stdio[0] = stdio[1] = stdio[2] = wiring.in.get();
    auto master = opened(loop_, master_, std::move(pty->master), master_handlers());
    if (!master) return std::unexpected(master.error());
    return {};
  }
  if (!wiring.in) {
    auto pipe = make_pipe();
    if (!pipe) return std::unexpected(pipe.error());
    wiring.in = std::move(pipe->read);
    bytes_.in = 0;
    auto in = opened(loop_, in_, std::move(pipe->write), input_handlers());
    if (!in) return std::unexpected(in.error());
  }
  const auto pump = [&](Fd& given, std::unique_ptr<Stream>& place, std::optional<std::uint64_t>& count,
                        Channel channel) -> Result<void> {
    if (given) return {};
    auto pipe = make_pipe();
    if (!pipe) return std::unexpected(pipe.error());
    given = std::move(pipe->write);
    count = 0;
    auto stream = opened(loop_, place, std::move(pipe->read), output_handlers(channel));
    if (!stream) return std::unexpected(stream.error());
    return {};
  };
  if (auto r = pump(wiring.out, out_, bytes_.out, Channel::out); !r) return r;
  if (auto r = pump(wiring.err, err_, bytes_.err, Channel::err); !r) return r;
  stdio[0] = wiring.in.get();
  stdio[1] = wiring.out.get();
  stdio[2] = wiring.err.get();
  return {};
}

Stream::Handlers Container::master_handlers() {
  return {.on_data = [this](std::string_view b) { output(Channel::out, b); },
          .on_end = [this](int) { settle(); },
          .on_drained =
              [this] {
                if (hooks_.input_drained) hooks_.input_drained();
              },
          .on_fail = [this](int err) { keyboard_failed(err); }};
}

Stream::Handlers Container::input_handlers() {
  return {.on_drained =
              [this] {
                if (hooks_.input_drained) hooks_.input_drained();
              },
          .on_fail =
              [this](int) {
                if (hooks_.input_closed) hooks_.input_closed();
              }};
}

Stream::Handlers Container::output_handlers(Channel channel) {
  return {.on_data = [this, channel](std::string_view b) { output(channel, b); }, .on_end = [this](int) { settle(); }};
}

// ---- the boot channel -------------------------------------------------------------------------

Result<Fd> Container::watch_boot() {
  auto channel = make_boot_channel();
  if (!channel) return std::unexpected(channel.error());
  auto stream = opened(loop_, boot_, std::move(channel->ours), boot_handlers());
  if (!stream) return std::unexpected(stream.error());
  return std::move(channel->theirs);
}

Stream::Handlers Container::boot_handlers() {
  // Only the one whose terminal is to come passes anything.
  std::function<void(Fd)> passed;
  if (plan_.own_tty)
    passed = [this](Fd fd) {
      if (awaited_) awaited_->master = std::move(fd);
    };
  return {.on_data =
              [this](std::string_view bytes) {
                boot_bytes_.append(bytes);
                while (boot_bytes_.size() >= sizeof(wire::Record)) {
                  wire::Record record{};
                  std::memcpy(&record, boot_bytes_.data(), sizeof record);
                  boot_bytes_.erase(0, sizeof record);
                  heard(record);
                }
              },
          .on_end = [this](int) { boot_ended(); },
          .on_fail = [this](int err) { boot_failed(err); },
          .on_descriptor = std::move(passed)};
}

// Init waits for what cannot be sent. (One that is dead waits for nothing, and has its reason.)
void Container::boot_failed(int err) {
  if (state_ != State::starting || err == EPIPE || err == ECONNRESET || outcome_.error) return;
  outcome_.error = Error{
      .code = "E_SYNC", .where = "boot channel", .what = "init cannot be told to go on", .err = err, .stage = "sync"};
  (void)pidfd_signal(pidfd_.get(), SIGKILL);
}

// The terminal that init has made: from here on it is as one of ours.
void Container::take_terminal(std::uint16_t step) {
  if (!awaited_) return;
  Awaited awaited = std::move(*awaited_);
  awaited_.reset();
  auto ready = prepare_master(awaited.master.get(), size_, awaited.raw_output);
  if (ready && !awaited.closed) {
    auto master = opened(loop_, master_, std::move(awaited.master), master_handlers());
    if (!master) ready = std::unexpected(master.error());
  }
  if (!ready) {
    outcome_.error = std::move(ready.error());
    (void)pidfd_signal(pidfd_.get(), SIGKILL);
    return;
  }
  write_input(awaited.input);
  // Who held back because of what was kept is told; of what is queued still, the stream tells.
  if (!awaited.input.empty() && input_queued() == 0 && hooks_.input_drained) hooks_.input_drained();
  if (awaited.input_ended) end_input();
  waits_ = true;
  wait_step_ = step;
  go();
}

void Container::heard(const wire::Record& record) {
  switch (static_cast<wire::Say>(record.say)) {
    case wire::Say::exec:
      exec_said_ = true;
      exec_us_ = Loop::now_us();
      break;
    case wire::Say::running:
      if (!spec_.pid.empty()) command_pid_ = static_cast<pid_t>(record.value);
      now_running();
      break;
    case wire::Say::failed: failed_ = record; break;
    case wire::Say::exited:
      now_running();  // should {running} not have come through: what has ended has run
      command_status_ = static_cast<int>(record.value);
      break;
    case wire::Say::terminal: take_terminal(record.step); break;
    case wire::Say::joined: joined(static_cast<pid_t>(record.value)); break;
    case wire::Say::wait:
      waits_ = true;
      wait_step_ = record.step;
      if (!entry_) {
        waiting(record);
      } else {
        go();
      }
      break;
    case wire::Say::go: break;  // ours to say
  }
}

// ---- limits -----------------------------------------------------------------------------------

// Before the clone: the limits stand before there is anybody to limit.
Result<void> Container::raise_fence() {
  if (!needs_group(spec_)) return {};
  fence_ = std::make_unique<Fence>(loop_, facts_.id);
  auto errors = fence_->make(spec_.limits);
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
  if (!errors.empty()) return std::unexpected(std::move(errors.front()));
  return {};
}

void Container::count_oom() {
  const std::uint64_t kills = fence_ ? fence_->oom_kills() : 0;
  if (kills <= oom_kills_) return;
  oom_kills_ = kills;
  emit(event::Oom{.kills = kills});
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

// ---- an entry ---------------------------------------------------------------------------------

// The one outside has said who went in. It could be anybody who says so: who is in there as root may have got hold of the
// channel. So it must be a child of ours that nobody else watches.
void Container::joined(pid_t pid) {
  if (!entry_ || pid_ >= 0 || pid <= 0 || reaper_.watches(pid)) return;
  Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  siginfo_t who{};
  if (!handle && errno != ESRCH) {
    // It is let go of: without our end of the channel it ends, before it has done anything.
    outcome_.error = Error{.code = "E_FDS",
                           .where = "exec",
                           .what = "no descriptor for the process",
                           .err = errno,
                           .hint = errno == EMFILE ? "raise the limit: ulimit -n" : "",
                           .stage = "join"};
    return loop_.later([this] {
      boot_.reset();
      boot_ended();
    });
  }
  // Dead and reaped already: the container ended at that very moment. Then nobody is there to wait for.
  if (!handle ||
      ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(handle.get()), &who, WEXITED | WNOHANG | WNOWAIT) < 0)
    return;
  pid_ = pid;
  pidfd_ = std::move(handle);
  reaper_.watch(pid_, [this](int status, const rusage& usage, std::uint64_t since) { reaped(status, usage, since); });
  if (doomed_) (void)pidfd_signal(pidfd_.get(), SIGKILL);
  go();
}

// Watched, and in its place: now it may run, and end.
void Container::go() {
  if (!waits_ || pid_ < 0) return;
  waits_ = false;
  if (entry_ && entry_->place) {
    if (auto placed = entry_->place(pid_); !placed) {
      outcome_.error = std::move(placed.error());
      (void)pidfd_signal(pidfd_.get(), SIGKILL);
      return;
    }
  }
  const wire::Record record{static_cast<std::uint16_t>(wire::Say::go), wait_step_, 0, 0, 0};
  boot_->write({reinterpret_cast<const char*>(&record), sizeof record});
}

void Container::boot_ended() {
  boot_ended_ = true;
  // CLOEXEC closed it: the command runs. (Init as PID 1 says so in words, and keeps the channel.)
  if (exec_said_ && !failed_ && !init_stays(spec_)) now_running();
  read_output();
  settle();
}

void Container::read_output() {
  for (auto* s : {master_.get(), out_.get(), err_.get()}) {
    if (s != nullptr) s->read_start();
  }
}

void Container::now_running() {
  if (state_ != State::starting) return;
  state_ = State::running;
  running_us_ = Loop::now_us();
  outcome_.ran = true;
  if (exec_us_ == 0) exec_us_ = running_us_;
  spans_.setup = between(cloned_us_, exec_us_);
  spans_.exec = between(exec_us_, running_us_);
  emit(event::Started{.command = spec_.argv.at(0), .pid = pid_, .spans = spans_});
  // Init stays, and is not who may be killed by the filter.
  if (init_stays(spec_) && filter_kills(facts_.seccomp))
    filtered_pid_ = command_pid_ >= 0 ? command_pid_ : first_child(pid_).value_or(pid_);
  // What it was needed for is done; several KiB, the environment among them, for as long as the container runs.
  plan_ = {};
  if (spec_.timeout) {
    timeout_.start(*spec_.timeout, [this] { stop(spec_.stop_signal, spec_.stop_timeout, Reason::timeout); });
  }
  if (hooks_.started) hooks_.started();
  read_output();
  for (const auto& [number, sender] : std::exchange(early_, {})) signal(number, sender);
}

// ---- streams ------------------------------------------------------------------------------------

void Container::output(Channel channel, std::string_view bytes) {
  auto& count = channel == Channel::out ? bytes_.out : bytes_.err;
  *count += bytes.size();
  if (!spans_.first_byte && running_us_ != 0) spans_.first_byte = between(running_us_, Loop::now_us());
  if (hooks_.output) hooks_.output(channel, bytes);
}

void Container::write_input(std::string_view bytes) {
  if (awaited_) {
    awaited_->input.append(bytes);
    return;
  }
  auto* to = master_ ? master_.get() : in_.get();
  if (to == nullptr || bytes.empty()) return;
  *bytes_.in += bytes.size();
  if (termios modes{}; master_ && ::tcgetattr(master_->fd(), &modes) == 0) eof_.feed(bytes, modes);
  to->write(bytes);
}

// A terminal takes input as long as it is there; one that does not would leave its user, before a raw terminal, no way
// out: not even ctrl-c would arrive.
void Container::keyboard_failed(int err) {
  if (hooks_.input_closed) hooks_.input_closed();
  if (state_ != State::running) return;
  outcome_.error =
      Error{.code = "E_INPUT", .where = "terminal", .what = "cannot pass input on to the command", .err = err};
  kill(Reason::sup_error);
}

std::size_t Container::input_queued() const {
  if (awaited_) return awaited_->input.size();
  const auto* to = master_ ? master_.get() : in_.get();
  return to == nullptr ? 0 : to->queued();
}

void Container::end_input() {
  if (awaited_) {
    awaited_->input_ended = true;
    return;
  }
  if (in_) return in_->end();
  if (!master_) return;
  termios t{};
  if (::tcgetattr(master_->fd(), &t) < 0 || t.c_cc[VEOF] == _POSIX_VDISABLE) return;
  // A program that reads keys (a shell's line editor) takes ctrl-d itself: what a person at the end would press.
  const int count = (t.c_lflag & ICANON) != 0 ? eof_.needed(t) : 1;
  master_->write(std::string(static_cast<std::size_t>(count), static_cast<char>(t.c_cc[VEOF])));
}

void Container::pause_output(Channel channel) {
  auto* from = master_ ? master_.get() : channel == Channel::out ? out_.get() : err_.get();
  if (from != nullptr) from->read_stop();
}

void Container::resume_output(Channel channel) {
  auto* from = master_ ? master_.get() : channel == Channel::out ? out_.get() : err_.get();
  if (from != nullptr && state_ != State::starting) from->read_start();
}

void Container::close_output(Channel channel) {
  // In the next turn: we may stand in this stream's own callback.
  loop_.later([this, channel] {
    auto& from = master_ ? master_ : channel == Channel::out ? out_ : err_;
    from.reset();
    if (awaited_) awaited_->closed = true;
    settle();
  });
}

bool Container::resize(const winsize& size) {
  if (awaited_) size_ = size;
  if (!master_ || (size.ws_row == size_.ws_row && size.ws_col == size_.ws_col)) return false;
  if (::ioctl(master_->fd(), TIOCSWINSZ, &size) < 0) return false;  // gone: its end is on the way
  size_ = size;
  emit(event::Resized{.rows = size.ws_row, .cols = size.ws_col});
  return true;
}

// ---- signals ------------------------------------------------------------------------------------

Effect Container::signal(int number, std::optional<std::int64_t> sender) {
  if (state_ == State::starting) {
    // Init has everything blocked; what came now would be lost when it sets the defaults.
    early_.emplace_back(number, sender);
    return Effect::delivered;
  }
  if (state_ != State::running) return Effect::gone;
  Effect effect = Effect::delivered;
  // A PID 1 without a handler does not get what its parent namespace sends (pid_namespaces(7)), and kill(2) says 0
  // all the same: look first. KILL, STOP and CONT work always; init as PID 1 passes everything on.
  if (!init_stays(spec_) && number != SIGKILL && number != SIGSTOP && number != SIGCONT) {
    if (const auto now = signal_state(pid_)) {
      if (now->ignores(number)) {
        effect = Effect::ignored;
      } else if (!entry_ && !now->has_handler(number) && !now->blocks(number)) {
        effect = Effect::dropped_pid1;
      }
    }
  }
  if (pidfd_signal(pidfd_.get(), number) != 0) effect = Effect::gone;
  if (number == SIGKILL) {
    kill_sent_ = true;
    if (fence_) fence_->kill();
  }
  emit(event::Signalled{.signal = number, .effect = effect, .sender = sender});
  return effect;
}

void Container::stop(int number, std::chrono::milliseconds wait, Reason reason) {
  if (state_ == State::ended || grace_.active()) return;
  if (state_ == State::starting) return kill(reason);
  ending_ = reason;
  emit(event::Stopping{.signal = number, .reason = reason});
  const Effect effect = signal(number);
  if (effect == Effect::dropped_pid1 || effect == Effect::ignored) return kill(reason);
  // Asked, it must be able to answer.
  if (auto thawed = unpause(); !thawed) return kill(reason);
  grace_.start(wait, [this, reason] { kill(reason); });
}

void Container::kill(Reason reason) {
  if (state_ == State::ended || reaped_) return;
  ending_ = reason;
  doomed_ = true;
  if (pid_ < 0) return;  // joined() will do it
  const int err = pidfd_signal(pidfd_.get(), SIGKILL);
  if (fence_) fence_->kill();
  emit(event::Signalled{.signal = SIGKILL, .effect = err == 0 ? Effect::delivered : Effect::gone, .sender = {}});
}

Container::Inmost Container::inmost() const {
  if (command_pid_ < 0) return {.pid = pid_, .own = {}, .pidfd = pidfd_.get()};
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, command_pid_, 0)));
  // Init reaps it: the number could be another's by now, but that one is no child of init's.
  if (!fd || parent_of(command_pid_) != pid_) return {};
  const int number = fd.get();
  return {.pid = command_pid_, .own = std::move(fd), .pidfd = number};
}

std::string Container::command_name() const {
  const auto now = pid_ > 0 ? signal_state(pid_) : std::nullopt;
  return now ? now->command : spec_.argv.at(0);
}

// ---- the end --------------------------------------------------------------------------------------

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
  settle();
}

// The pid namespace is empty once PID 1 is reaped, so every end of file is on its way; only when all have come
// is every byte counted and shown, and only then is it over. An entry's end leaves others running, who may hold its output: they
// are not waited for.
void Container::settle() {
  if (state_ == State::ended || !boot_ended_ || explaining_) return;
  if (outside_ || (!reaped_ && !(entry_ && pid_ < 0))) return;
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
    return fail(Error{.code = "E_INIT_DIED",
                      .where = "init",
                      .what = "ended before the command ran",
                      .err = 0,
                      .why = "it was killed from outside, or the kernel refused to run it",
                      .stage = "init"});
  }
  // Init as PID 1 reports the command's true status; its own is only a copy that cannot die by a signal.
  const int status = command_status_.value_or(wait_status_);
  outcome_.status = ExitStatus::from_wait(status).value_or(ExitStatus{.code = 125});
  const bool may_be_filtered = outcome_.status.signal == SIGSYS && filter_kills(facts_.seccomp);
  std::optional<std::string> killed_for;
  if (may_be_filtered) {
    const auto call = call_that_was_killed(filtered_pid_ < 0 ? pid_ : filtered_pid_, cloned_us_);
    // The kernel's thread may be behind.
    if (!call && call.error() == NoCall::not_there && log_looks_++ < kLogLooks)
      return linger_.start(kLogLook, [this] { settle(); });
    if (call) killed_for = *call;
  }
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
    e.syscall = std::move(killed_for);
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
  if (const auto known = explain_root_step(step, record.err); !known.why.empty())
    error.why = known.why, error.hint = known.hint;
  if (error.code == "E_STEP") error.code = failure_code(step);
  return error;
}

}  // namespace sup
