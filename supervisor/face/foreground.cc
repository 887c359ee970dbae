#include "face/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "core/eventlog.h"
#include "core/recorder.h"
#include "core/supervisor.h"
#include "face/console.h"
#include "face/control/server.h"
#include "face/lastword.h"
#include "face/pidfile.h"
#include "face/say.h"
#include "spec/ahead.h"
#include "spec/keys.h"
#include "spec/parked.h"
#include "spec/signals.h"
#include "sys/ahead.h"
#include "sys/pidfd.h"
#include "sys/runtime.h"
#include "sys/unixsocket.h"

namespace sup {
namespace {

// Above this much unread input the keyboard waits; the command's own queue (pipe or pty) comes on top.
constexpr std::size_t kInputMark = 64 * 1024;

// At the end, for clients that have not taken everything: between looks, and altogether.
constexpr std::chrono::milliseconds kLook{10};
constexpr int kLooks = 100;

// The process ends with the run, and the kernel closes faster than we do, some per cent of a short run. Every other build closes
// each handle, and Loop aborts where one was forgotten.
#ifdef SUP_QUICK_END
constexpr bool kQuickEnd = true;
#else
constexpr bool kQuickEnd = false;
#endif

class Foreground : public Viewer {
 public:
  Foreground(const cli::Globals& globals, Spec spec, Facts facts, Plan plan)
      : globals_(globals), spec_(std::move(spec)), id_(facts.id), name_(run_name(id_)), facts_(std::move(facts)),
        plan_(std::move(plan)),
        console_(
            loop_,
            {.typed = [this](std::string_view bytes) { typed(bytes); },
             .input_ended =
                 [this] {
                   if (held_ != nullptr) supervisor_->end_input(*held_);
                 },
             .detach =
                 [] { say_now("--detach-keys: nothing to detach to: a foreground run and its command end together"); },
             .hung_up = [this] { hung_up(); },
             .no_keyboard = [this](const Error& error) { no_keyboard(error); },
             .resized = [this] { resize(); },
             .drained = [this](Channel) { drained(); },
             .lost = [this](Channel channel, int err) { screen_failed(channel, err); },
             .signalled = [this](const signalfd_siginfo& info) { signalled(info); },
             .borrowed = [this] { raw_ = true, time_for_events(); },
             .returned = [this] { raw_ = false, time_for_events(); }}),
        last_looks_(loop_) {}

  Result<int> run() {
    if (auto r = prepare(); !r) {
      if (cidfile_written_) ::unlink(spec_.cidfile.c_str());
      console_.put_back();
      console_.release_signals();
      outcome_.reason = Reason::sup_error;
      outcome_.error = r.error();
      last_word_.say(id_, spec_.name, outcome_, outcome_.shell_status());
      server_.reset();
      supervisor_.reset();
      log_.reset();
      return std::unexpected(r.error());
    }
    if (!finished_) {
      // While init works: who asks for the container finds it, and the start waits for nothing of this.
      supervisor_->begin_no_more();
      serve();
      loop_.run();
    }
    return finish();
  }

 private:
  Result<void> prepare() {
    auto log = EventLog::open(loop_, globals_.events, globals_.log_level, globals_.quiet,
                              [](const Error& error) { say_now(error); });
    if (!log) return std::unexpected(log.error());
    log_ = std::move(*log);
    log_->set_supervisor(name_);
    if (auto r = last_word_.open(spec_); !r) return r;
    if (auto r = pidfile_.prepare(spec_.pidfile); !r) return r;
    if (auto r = write_cidfile(spec_.cidfile, id_); !r) return r;
    cidfile_written_ = !spec_.cidfile.empty();
    if (const auto path = socket_path(name_)) socket_path_ = *path;
    supervisor_ = std::make_unique<Supervisor>(loop_, *log_, logs_path(socket_path_));
    // Its output has its reader already, and a disk is slower than a terminal.
    supervisor_->log_on_demand();
    supervisor_->on_change = [this] { maybe_stop(); };
    if (auto r = supervisor_->start(); !r) return r;
    if (auto r = wire(); !r) return r;
    if (auto r = console_.listen(spec_.sig_proxy); !r) return r;
    // From its first event on there is a history to be asked for.
    server_ = std::make_unique<control::Server>(loop_, *log_, *supervisor_, name_);
    RunRequest request;
    request.spec = spec_;
    request.spec.rm = false;  // its end is the supervisor's: there is nothing to remove it from
    request.size = wiring_.size;
    auto parked = started_ahead();
    request.prepared = {std::move(facts_), std::move(plan_), std::move(wiring_), std::move(parked)};
    auto held = supervisor_->run(std::move(request), this);
    if (!held) return std::unexpected(held.error());
    if (!finished_) held_ = *held;
    return {};
  }

  // The init that has been at work since before main(), if this is a run for it.
  std::optional<Parked> started_ahead() {
    auto started = take_ahead();
    if (!started) return std::nullopt;
    const Plan beginning = ahead::plan();
    // It ends here, and is waited for: where processes are counted, there may be room for one only.
    if (!fits(beginning, plan_) || spec_.limits.any()) return std::nullopt;
    return Parked{.pid = std::exchange(started->pid, -1),
                  .pidfd = std::move(started->pidfd),
                  .boot = std::move(started->boot),
                  .done = done(beginning)};
  }

  // The control socket. Without one the command runs all the same, only nobody else reaches it.
  void serve() {
    const auto served = [this]() -> Result<void> {
      if (auto dir = make_runtime_dir(); !dir) return std::unexpected(dir.error());
      auto socket = ListeningSocket::open_own(socket_path_);
      if (!socket) return std::unexpected(socket.error());
      return server_->listen(std::move(*socket));
    }();
    if (served) return;
    server_.reset();
    // No runtime directory: as so often in cron, or in a container. Anything else is worth a line in the log, such as one that is
    // somebody else's or open to others (EPERM).
    if (served.error().code != "E_RUNTIME_DIR" || served.error().err == EPERM) {
      log_->emit(Event{.id = id_,
                       .name = spec_.name,
                       .cause = 0,
                       .what = event::Problem{.error = served.error(), .level = Level::warning}});
    }
  }

  // Who gives and takes the command's bytes: see the table in sup(1).
  Result<void> wire() {
    const auto& is_terminal = console_.is_terminal();
    wiring_.size = Console::first_window();
    if (spec_.tty) {
      wiring_.raw_output = !is_terminal[1];
      Console::say_if_no_terminal(wiring_.size);
      if (auto r = console_.show(Channel::out, 1); !r) return r;
      if (!spec_.record.empty()) {
        auto recorder = Recorder::open(spec_.record, wiring_.size, spec_);
        if (!recorder) return std::unexpected(recorder.error());
        recorder_ = std::move(*recorder);
        recorded_ = wiring_.size;
      }
      use_keyboard_ = spec_.interactive;
      if (const auto keys = parse_detach_keys(spec_.detach_keys.value_or("")))
        console_.set({.tty = use_keyboard_, .detach_keys = *keys});
    } else {
      if (!spec_.interactive) {
        wiring_.in = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!wiring_.in)
          return std::unexpected(
              Error{.code = "E_STDIN", .where = "/dev/null", .what = "cannot be opened", .err = errno});
      } else if (is_terminal[0]) {
        use_keyboard_ = true;  // never the terminal itself: with it comes TIOCSTI
      } else if (auto r = give(wiring_.in, 0); !r) {
        return r;
      }
      for (const int fd : {1, 2}) {
        if (is_terminal[static_cast<std::size_t>(fd)]) {
          if (auto r = console_.show(fd == 1 ? Channel::out : Channel::err, fd); !r) return r;
        } else if (auto r = give(fd == 1 ? wiring_.out : wiring_.err, fd); !r) {
          return r;
        }
      }
    }
    return {};
  }

  static Result<void> give(Fd& place, int fd) {
    place = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (place) return {};
    return std::unexpected(Error{
        .code = "E_FD", .where = "descriptor " + std::to_string(fd), .what = "cannot be passed on", .err = errno});
  }

  // ---- while it runs ----

  void started() override {
    if (Container* const running = container()) pidfile_.write(running->pid());
    if (use_keyboard_) console_.take_keyboard();
  }

  [[nodiscard]] Container* container() const { return held_ != nullptr ? held_->container() : nullptr; }

  // A command that waits for input which cannot come, before a terminal that is raw: there would be no way out.
  void no_keyboard(const Error& error) {
    say_now(error);
    if (Container* const running = container()) running->kill(Reason::sup_error);
  }

  void typed(std::string_view bytes) {
    if (held_ == nullptr) return;
    supervisor_->type(*held_, *this, bytes);
    if (held_->input_queued() > kInputMark) console_.pause_input();
  }
  void input_drained() override { console_.resume_input(); }
  void input_closed() override { console_.close_input(); }

  // Nobody is there any more. A command that ignores or cannot take HUP would run on unseen.
  void hung_up() {
    if (held_ != nullptr) (void)supervisor_->stop(*held_, SIGHUP, spec_.stop_timeout);
  }

  void output(OutputStream stream, std::string_view bytes) override {
    const Channel channel = stream == OutputStream::err ? Channel::err : Channel::out;
    if (recorder_) {
      recorder_->output(bytes);
      if (recorder_->failed() != 0) {
        say_now(Error{.code = "E_RECORD",
                      .where = "--record",
                      .what = spec_.record,
                      .err = recorder_->failed(),
                      .why = {},
                      .hint = "the recording ends here, the command runs on"});
        recorder_.reset();
      }
    }
    console_.write(channel, bytes);
    if (log_->terminal() >= 0 && console_.on_terminal(channel)) log_->at_line_start(bytes.back() == '\n');
    time_for_events();
  }
  [[nodiscard]] bool full() const override { return console_.full(); }

  // Events never stand inside of the command's output: while it is on its way to a terminal that both share they wait, and while
  // that is raw.
  void time_for_events() {
    if (!log_ || log_->terminal() < 0) return;
    const bool shared = console_.on_terminal(Channel::out) || console_.on_terminal(Channel::err);
    if (raw_ || (shared && console_.busy()))
      log_->hold();
    else
      log_->release();
  }

  // A reader who has left (EPIPE) is an end like any other; a full disk is a loss that somebody must hear of.
  void screen_failed(Channel channel, int err) {
    if (err != EPIPE) {
      say_now(Error{.code = "E_OUTPUT",
                    .where = channel == Channel::out ? "standard output" : "standard error",
                    .what = "cannot be written",
                    .err = err,
                    .why = {},
                    .hint = "the rest of the command's output is lost"});
      output_lost_ = true;
    }
    time_for_events();
    Container* const running = container();
    if (running == nullptr) return;
    // Others may watch as well: then it goes on for them.
    if (held_->viewers() > 1) return supervisor_->eased(*held_);
    running->close_output(channel);
  }

  void drained() {
    time_for_events();
    if (held_ != nullptr) supervisor_->eased(*held_);
    if (finished_) maybe_stop();
  }

  // ---- signals ----

  void signalled(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    const bool ending = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
    Container* const running = container();
    if (running == nullptr || (running->dead() && console_.busy())) {
      if (ending) leave(number);
      return;
    }
    if (!spec_.sig_proxy) {
      if (number == SIGCONT) return;
      // Not passed on: it ends sup, and with sup the container.
      own_signal_ = number;
      return running->kill(Reason::stopped);
    }
    if (ending && warned_) return running->kill(Reason::stopped);
    const auto sender = info.ssi_pid != 0 ? std::optional<std::int64_t>(info.ssi_pid) : std::nullopt;
    if (running->signal(number, sender) == Effect::dropped_pid1 && ending) {
      warned_ = true;
      say_now("PID 1 (" + printable(running->command_name()) + ") has no handler for " + signal_name(number) +
              "; press again to kill it, or use --init");
    }
  }

  // The command is dead, and all that keeps us is a reader who takes nothing: there is nobody else left to tell to end.
  void leave(int number) {
    own_signal_ = number;
    leaving_ = true;
    if (Container* const running = container()) {
      for (const Channel channel : {Channel::out, Channel::err}) {
        if (console_.shows(channel)) running->close_output(channel);
      }
    }
    if (finished_) loop_.stop();
  }

  void resize() {
    const auto size = Console::window();
    if (!size || held_ == nullptr || !spec_.tty) return;
    supervisor_->resize(*held_, *this, *size);
    if (recorder_ && (size->ws_row != recorded_.ws_row || size->ws_col != recorded_.ws_col)) {
      recorded_ = *size;
      recorder_->resized(*size);
    }
  }

  // ---- the end ----

  void ended(const Outcome& outcome) override {
    outcome_ = outcome;
    finished_ = true;
    held_ = nullptr;
    console_.leave_keyboard();
  }

  // Not one byte is left behind: the loop turns until the slowest reader has taken the last one. Clients are waited for
  // as well, but not for ever: they have not started it.
  void maybe_stop() {
    if (!finished_ || supervisor_->live() != 0) return;
    if (!leaving_ && (console_.busy() || supervisor_->execs() != 0)) return;
    if (leaving_ || !server_ || !server_->busy() || looks_ == kLooks) return loop_.stop();
    ++looks_;
    last_looks_.start(kLook, [this] { maybe_stop(); });
  }

  int finish() {
    int status = own_signal_ != 0 ? 128 + own_signal_ : outcome_.shell_status();
    if (status == 0 && output_lost_) status = 125;  // no success without its output
    console_.put_back();
    if (recorder_) recorder_->ended(status);
    pidfile_.remove();
    if (!outcome_.ran && cidfile_written_) ::unlink(spec_.cidfile.c_str());
    // Only words are left to write. Who does not take them can be left at any time, by the signals' own means; else the
    // status is the command's, whatever comes now.
    if (last_words_wait()) {
      console_.release_signals();
    } else {
      console_.stay_blocked();
    }
    if (outcome_.error) say(*outcome_.error);
    last_word_.say(id_, spec_.name, outcome_, status);
    log_->flush();
    server_.reset();
    // Nothing of it is outside of this process any more (see kQuickEnd), but for its name.
    if (!kQuickEnd || supervisor_->execs() != 0 || !spec_.name.empty()) supervisor_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(logs_path(socket_path_), ignored);
    if (kQuickEnd) return status;
    console_.release_signals();
    log_.reset();
    return status;
  }

  [[nodiscard]] bool last_words_wait() const {
    const auto full = [](int fd) {
      pollfd p{.fd = fd, .events = POLLOUT, .revents = 0};
      return fd >= 0 && ::poll(&p, 1, 0) == 0;
    };
    return log_->stuck() || (outcome_.error && full(2)) || full(spec_.status_fd);
  }

  const cli::Globals& globals_;
  Spec spec_;
  std::string id_;
  std::string name_;  // as a supervisor
  Facts facts_;  // until prepare() gives them away, and so the plan
  Plan plan_;

  Loop loop_;  // outlives every handle below
  std::unique_ptr<EventLog> log_;
  LastWord last_word_;
  Pidfile pidfile_;
  Container::Wiring wiring_;
  std::unique_ptr<Recorder> recorder_;
  Console console_;  // shows what the command was not given itself
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<control::Server> server_;  // none: nobody else reaches it
  std::string socket_path_;
  Held* held_ = nullptr;  // the supervisor's; none: its command has ended
  Timer last_looks_;
  int looks_ = 0;

  winsize recorded_{};
  bool cidfile_written_ = false;
  bool output_lost_ = false;
  bool use_keyboard_ = false;
  bool raw_ = false;  // the terminal
  bool warned_ = false;
  bool finished_ = false;
  bool leaving_ = false;
  int own_signal_ = 0;
  Outcome outcome_;
};

}  // namespace

Result<int> run_foreground(const cli::Globals& globals, Spec spec, Facts facts, Plan plan) {
  auto foreground = std::make_unique<Foreground>(globals, std::move(spec), std::move(facts), std::move(plan));
  auto status = foreground->run();
  if (kQuickEnd) (void)foreground.release();
  return status;
}

}  // namespace sup
