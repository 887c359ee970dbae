#include "core/container.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/launcher.h"
#include "spec/seccomplog.h"
#include "sys/pidfd.h"
#include "sys/pidnamespace.h"
#include "sys/placement.h"
#include "sys/procfs.h"
#include "sys/pty.h"
#include "sys/rootdir.h"

namespace sup {
namespace {

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

}  // namespace

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
    announce();
    return give_up(std::move(begun.error()));
  }
  // Init is at work already: what is said of it costs it nothing.
  announce();
  tell(std::exchange(tolerated_, {}));
}

// Before there is anybody inside.
void Container::give_up(Error error) {
  in_.reset(), out_.reset(), err_.reset(), master_.reset(), boot_.reset();
  if (!fence_) return fail(std::move(error));
  // Nobody is in it: gone at once.
  fence_->remove([this, error = std::move(error)](int, const std::string&) { fail(error); });
}

// What newuidmap(1) and newgidmap(1) do is not waited for here; the rest of the start is mapped()'s.
Result<void> Container::await_maps(Wiring& wiring, const int (&stdio)[3], int image) {
  unmapped_.emplace(Unmapped{.wiring = std::move(wiring), .stdio = {stdio[0], stdio[1], stdio[2]}, .image = image});
  auto mapping = Mapping::start(loop_, reaper_, plan_.uids, plan_.gids, facts_.uid, [this](Result<Fd> made) {
    unmapped_->made = std::move(made);
    loop_.later([this] { mapped(); });
  });
  if (!mapping) {
    unmapped_.reset();
    return std::unexpected(std::move(mapping.error()));
  }
  unmapped_->mapping = std::move(*mapping);
  return {};
}

void Container::mapped() {
  Unmapped begun = std::move(*unmapped_);
  unmapped_.reset();
  begun.mapping.reset();
  if (doomed_) return give_up(ended_early());
  if (!begun.made) return give_up(std::move(begun.made.error()));
  if (auto made = make(begun.stdio, begun.image, std::move(*begun.made)); !made)
    return give_up(std::move(made.error()));
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
      if (auto made = make_source(mount.source); !made) {
        made.error().where = option_of(mount);
        return made;
      }
    }
  }
  int stdio[3] = {-1, -1, -1};
  // Everything that needs a descriptor is made before the clone: afterwards nothing may fail for the want of one.
  if (auto wired = wire(wiring, stdio); !wired) return wired;
  const auto done = parked ? parked->done : 0;
  if (parked && go_on_with(std::move(*parked), stdio)) {
    spare_.emplace(Spare{std::move(wiring), {stdio[0], stdio[1], stdio[2]}, image, done});
    return {};
  }
  if (!plan_.uids.empty() && facts_.uid != 0) return await_maps(wiring, stdio, image);
  return make(stdio, image);
}

Result<void> Container::make(const int (&stdio)[3], int image, Fd user_namespace) {
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
  Fd root;
  if (plan_.joins && entry_) {
    root = Fd(::open(("/proc/" + std::to_string(entry_->pid1) + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) {
      return std::unexpected(Error{.code = "E_JOIN",
                                   .where = "exec",
                                   .what = "the container's root cannot be opened",
                                   .err = errno,
                                   .why = errno == ENOENT ? "it has ended meanwhile" : "",
                                   .hint = {},
                                   .path = {},
                                   .stage = "join"});
    }
  }
  const auto tasks = fence_ ? fence_->task_files() : std::vector<Fd>();
  auto launched = launch(plan_, facts_, stdio, image, theirs->get(), fence_ ? fence_->clone_fd() : -1,
                         {.join = entry_ ? entry_->pidfd : -1,
                          .root = root.get(),
                          .guard = guard.get(),
                          .user_namespace = std::move(user_namespace),
                          .tasks = tasks});
  if (!launched) return std::unexpected(launched.error());
  place_apart(launched->pid);
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
  const auto rest = go_on(plan_, parked.done, stdio, boot_->fd());
  if (!rest) {
    boot_.reset();  // its end as well, should it still be there
    return false;
  }
  if (!rest->empty()) boot_->write(*rest);
  cloned(Loop::now_us() - before);
  under_way(parked.pid, std::move(parked.pidfd));
  return true;
}

// What was parked had been killed, or was just then, and nobody had seen it: nothing of the command has run, so it is made
// anew, this time from the beginning.
void Container::start_over() {
  if (!spare_) return;
  const Spare spare = std::move(*spare_);
  spare_.reset();
  reaped_ = boot_ended_ = false;
  boot_bytes_.clear();
  pid_ = -1;
  pidfd_.reset();
  boot_.reset();
  if (auto made = make(spare.stdio, spare.image); !made) {
    in_.reset(), out_.reset(), err_.reset(), master_.reset(), boot_.reset();
    fail(std::move(made.error()));
  }
}

void Container::cloned(std::uint64_t took_us) {
  cloned_us_ = Loop::now_us();
  spans_.clone = took_us;
  spans_.queue = between(asked_us_, cloned_us_ - took_us);
}

void Container::under_way(pid_t pid, Fd pidfd) {
  pid_ = pid;
  pidfd_ = std::move(pidfd);
  if (plan_.guarded && fence_) fence_->guarded_by(pid_);
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
      spare_.reset();
      exec_said_ = true;
      exec_us_ = Loop::now_us();
      break;
    case wire::Say::running:
      if (!spec_.pid.empty()) command_pid_ = static_cast<pid_t>(record.value);
      now_running();
      break;
    case wire::Say::failed:
      // Up to its wait (whose number is that of the plan's next step) nothing is the command's own: it is made anew, and tells
      // what does not work there.
      if (spare_ && record.step <= spare_->done) break;
      spare_.reset();
      failed_ = record;
      break;
    case wire::Say::exited:
      now_running();  // should {running} not have come through: what has ended has run
      command_status_ = static_cast<int>(record.value);
      break;
    case wire::Say::terminal: take_terminal(record.step); break;
    case wire::Say::joined: joined(static_cast<pid_t>(record.value)); break;
    case wire::Say::parked: break;  // what it waits for has been sent already
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
  if (spare_) return settle();
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
    if (const auto now = signal_state(pid_, number)) {
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
  if (state_ == State::ended) return;
  if (state_ == State::starting) return kill(reason);
  if (const auto left = grace_.remaining()) {
    // Asked already. Whoever has less patience now gets what they ask for, by the signal they name.
    if (number != asked_with_) (void)signal(asked_with_ = number);
    if (wait < *left) grace_.start(wait, [this] { kill(ending_.value_or(Reason::stopped)); });
    return;
  }
  ending_ = reason;
  asked_with_ = number;
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
  if (unmapped_) unmapped_->mapping->stop();
  if (pid_ < 0) return;  // joined() will do it, or mapped()
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

}  // namespace sup
