#include "face/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "core/eventlog.h"
#include "core/reaper.h"
#include "core/recorder.h"
#include "face/console.h"
#include "face/lastword.h"
#include "face/pidfile.h"
#include "face/say.h"
#include "spec/keys.h"
#include "spec/signals.h"
#include "sys/initimage.h"

namespace sup {
namespace {

// Above this much unread input the keyboard waits; the command's own queue (pipe or pty) comes on top.
constexpr std::size_t kInputMark = 64 * 1024;

class Foreground {
 public:
  Foreground(const cli::Globals& globals, const Spec& spec, const Facts& facts, const Plan& plan)
      : globals_(globals), spec_(spec), facts_(facts), plan_(plan), reaper_(loop_),
        console_(
            loop_,
            {.typed = [this](std::string_view bytes) { typed(bytes); },
             .input_ended = [this] { container_->end_input(); },
             .detach =
                 [] { say_now("--detach-keys: nothing to detach to: a foreground run and its command end together"); },
             .hung_up = [this] { hung_up(); },
             .no_keyboard = [this](const Error& error) { no_keyboard(error); },
             .resized = [this] { resize(); },
             .drained = [this](Channel channel) { drained(channel); },
             .lost = [this](Channel channel, int err) { screen_failed(channel, err); },
             .signalled = [this](const signalfd_siginfo& info) { signalled(info); },
             .borrowed =
                 [this] {
                   if (log_->terminal() >= 0) log_->hold();
                 },
             .returned =
                 [this] {
                   if (log_) log_->release();
                 }}) {}

  Result<int> run() {
    if (auto r = prepare(); !r) {
      if (cidfile_written_) ::unlink(spec_.cidfile.c_str());
      console_.put_back();
      console_.release_signals();
      outcome_.reason = Reason::sup_error;
      outcome_.error = r.error();
      last_word_.say(facts_.id, spec_.name, outcome_, outcome_.shell_status());
      container_.reset();
      log_.reset();
      return std::unexpected(r.error());
    }
    container_->start(std::move(wiring_), image_.get());
    if (!finished_) loop_.run();
    return finish();
  }

 private:
  Result<void> prepare() {
    auto log = EventLog::open(loop_, globals_.events, globals_.log_level, globals_.quiet,
                              [](const Error& error) { say_now(error); });
    if (!log) return std::unexpected(log.error());
    log_ = std::move(*log);
    log_->set_supervisor("run-" + facts_.id);
    if (auto r = last_word_.open(spec_); !r) return r;
    if (auto r = pidfile_.prepare(spec_.pidfile); !r) return r;
    if (auto r = write_cidfile(spec_.cidfile, facts_.id); !r) return r;
    cidfile_written_ = !spec_.cidfile.empty();
    if (auto r = reaper_.start(); !r) return r;
    auto image = load_init();
    if (!image) return std::unexpected(image.error());
    image_ = std::move(*image);
    if (auto r = wire(); !r) return r;
    if (auto r = console_.listen(spec_.sig_proxy); !r) return r;
    container_ = std::make_unique<Container>(
        loop_, *log_, reaper_, spec_, facts_, plan_,
        Container::Hooks{.started = [this] { started(); },
                         .output = [this](Channel channel, std::string_view bytes) { output(channel, bytes); },
                         .input_drained = [this] { console_.resume_input(); },
                         .input_closed = [this] { console_.close_input(); },
                         .ended = [this](const Outcome& outcome) { ended(outcome); }});
    return {};
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

  void started() {
    pidfile_.write(container_->pid());
    if (use_keyboard_) console_.take_keyboard();
  }

  // A command that waits for input which cannot come, before a terminal that is raw: there would be no way out.
  void no_keyboard(const Error& error) {
    say_now(error);
    container_->kill(Reason::sup_error);
  }

  void typed(std::string_view bytes) {
    container_->write_input(bytes);
    if (container_->input_queued() > kInputMark) console_.pause_input();
  }

  // Nobody is there any more. A command that ignores or cannot take HUP would run on unseen.
  void hung_up() { container_->stop(SIGHUP, spec_.stop_timeout, Reason::stopped); }

  void output(Channel channel, std::string_view bytes) {
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
    const bool room = console_.write(channel, bytes);
    if (log_->terminal() >= 0 && console_.on_terminal(channel)) log_->at_line_start(bytes.back() == '\n');
    if (!room) container_->pause_output(channel);
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
    if (container_) container_->close_output(channel);
  }

  void drained(Channel channel) {
    if (container_) container_->resume_output(channel);
    if (finished_) maybe_stop();
  }

  // ---- signals ----

  void signalled(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    const bool ending = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
    if (ending && container_->dead() && console_.busy()) return leave(number);
    if (!spec_.sig_proxy) {
      if (number == SIGCONT) return;
      // Not passed on: it ends sup, and with sup the container.
      own_signal_ = number;
      return container_->kill(Reason::stopped);
    }
    if (ending && warned_) return container_->kill(Reason::stopped);
    const auto sender = info.ssi_pid != 0 ? std::optional<std::int64_t>(info.ssi_pid) : std::nullopt;
    if (container_->signal(number, sender) == Effect::dropped_pid1 && ending) {
      warned_ = true;
      say_now("PID 1 (" + printable(container_->command_name()) + ") has no handler for " + signal_name(number) +
              "; press again to kill it, or use --init");
    }
  }

  // The command is dead, and all that keeps us is a reader who takes nothing: there is nobody else left to tell to end.
  void leave(int number) {
    own_signal_ = number;
    leaving_ = true;
    for (const Channel channel : {Channel::out, Channel::err}) {
      if (console_.shows(channel)) container_->close_output(channel);
    }
    if (finished_) loop_.stop();
  }

  void resize() {
    if (finished_) return;
    const auto size = Console::window();
    if (size && container_->resize(*size) && recorder_) recorder_->resized(*size);
  }

  // ---- the end ----

  void ended(const Outcome& outcome) {
    outcome_ = outcome;
    finished_ = true;
    console_.leave_keyboard();
    maybe_stop();
  }

  // Not one byte is left behind: the loop turns until the slowest reader has taken the last one.
  void maybe_stop() {
    if (leaving_ || !console_.busy()) loop_.stop();
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
    last_word_.say(facts_.id, spec_.name, outcome_, status);
    log_->flush();
    container_.reset();
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
  const Spec& spec_;
  const Facts& facts_;
  const Plan& plan_;

  Loop loop_;  // outlives every handle below
  std::unique_ptr<EventLog> log_;
  Reaper reaper_;
  Fd image_;
  LastWord last_word_;
  Pidfile pidfile_;
  Container::Wiring wiring_;
  std::unique_ptr<Recorder> recorder_;
  Console console_;  // shows what the command was not given itself
  std::unique_ptr<Container> container_;

  bool cidfile_written_ = false;
  bool output_lost_ = false;
  bool use_keyboard_ = false;
  bool warned_ = false;
  bool finished_ = false;
  bool leaving_ = false;
  int own_signal_ = 0;
  Outcome outcome_;
};

}  // namespace

Result<int> run_foreground(const cli::Globals& globals, const Spec& spec, const Facts& facts, const Plan& plan) {
  auto foreground = std::make_unique<Foreground>(globals, spec, facts, plan);
  auto status = foreground->run();
#ifdef NDEBUG
  // The process ends now, and the kernel closes faster than we do, some per cent of a short run. Every other build closes each
  // handle, and Loop aborts where one was forgotten.
  (void)foreground.release();
#endif
  return status;
}

}  // namespace sup
