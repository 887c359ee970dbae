#include "face/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "core/eventlog.h"
#include "core/reaper.h"
#include "core/recorder.h"
#include "face/lastword.h"
#include "face/pidfile.h"
#include "face/say.h"
#include "face/screen.h"
#include "face/terminal.h"
#include "loop/signals.h"
#include "loop/timer.h"
#include "spec/keys.h"
#include "spec/signals.h"
#include "sys/initimage.h"

namespace sup {
namespace {

// Above this much unread input the keyboard waits; the command's own queue (pipe or pty) comes on top.
constexpr std::size_t kInputMark = 64 * 1024;
constexpr std::chrono::milliseconds kPrefixWait{300};

winsize first_size() {
  for (const int fd : {1, 0, 2}) {
    if (const auto size = terminal_size(fd)) return *size;
  }
  const auto from = [](const char* name, unsigned short fallback) {
    const char* text = std::getenv(name);
    const auto value = text == nullptr ? std::nullopt : parse_unsigned<unsigned short>(text);
    return value && *value != 0 ? *value : fallback;
  };
  winsize size{};
  size.ws_row = from("LINES", 24);
  size.ws_col = from("COLUMNS", 80);
  return size;
}

bool job_control(int number) { return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU; }

// What sup takes for itself or passes on. Left out: KILL and STOP, which cannot be had; CHLD, PIPE and URG, which are no
// messages; and the faults: a crash of sup must stay one (face/terminal.h puts the terminal right on the way out).
sigset_t watched(bool proxy) {
  sigset_t set;
  sigemptyset(&set);
  if (!proxy) {
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGCONT}) sigaddset(&set, s);
    return set;
  }
  sigfillset(&set);  // without the two that the C library keeps for itself
  for (const int s : {SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&set, s);
  return set;
}

class Foreground {
 public:
  Foreground(const cli::Globals& globals, const Spec& spec, const Facts& facts, const Plan& plan)
      : globals_(globals), spec_(spec), facts_(facts), plan_(plan), keyboard_terminal_(0), reaper_(loop_), prefix_(loop_) {}

  Result<int> run() {
    if (auto r = prepare(); !r) {
      if (cidfile_written_) ::unlink(spec_.cidfile.c_str());
      put_back();
      signals_.reset();
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
    SharedFlags::note();
    auto log = EventLog::open(loop_, globals_.events, globals_.log_level, globals_.quiet, [](const Error& error) { say_now(error); });
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
    auto signals = SignalReader::open(loop_, watched(spec_.sig_proxy), [this](const signalfd_siginfo& info) { signalled(info); });
    if (!signals) return std::unexpected(signals.error());
    signals_.emplace(std::move(*signals));
    container_ = std::make_unique<Container>(
        loop_, *log_, reaper_, spec_, facts_, plan_,
        Container::Hooks{.started = [this] { started(); },
                         .output = [this](Channel channel, std::string_view bytes) { output(channel, bytes); },
                         .input_drained = [this] { if (keyboard_ && !suspended_) keyboard_->read_start(); },
                         .input_closed = [this] { if (keyboard_) keyboard_->read_stop(), input_closed_ = true; },
                         .ended = [this](const Outcome& outcome) { ended(outcome); }});
    return {};
  }

  // Who gives and takes the command's bytes: see the table in sup(1).
  Result<void> wire() {
    const std::array<bool, 3> is_terminal{::isatty(0) != 0, ::isatty(1) != 0, ::isatty(2) != 0};
    wiring_.size = first_size();
    if (spec_.tty) {
      wiring_.raw_output = !is_terminal[1];
      if (!is_terminal[0] && !is_terminal[1] && !is_terminal[2]) {
        say("-t: no terminal here: the command gets one of " + std::to_string(wiring_.size.ws_col) + "x" + std::to_string(wiring_.size.ws_row) + " all the same");
      }
      if (auto r = show(screens_[0], 1, Channel::out); !r) return r;
      if (!spec_.record.empty()) {
        auto recorder = Recorder::open(spec_.record, wiring_.size, spec_);
        if (!recorder) return std::unexpected(recorder.error());
        recorder_ = std::move(*recorder);
      }
      use_keyboard_ = spec_.interactive;
      if (const auto keys = parse_detach_keys(spec_.detach_keys.value_or("")); keys && !keys->empty()) detach_.emplace(*keys);
    } else {
      if (!spec_.interactive) {
        wiring_.in = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!wiring_.in) return std::unexpected(Error{.code = "E_STDIN", .where = "/dev/null", .what = "cannot be opened", .err = errno});
      } else if (is_terminal[0]) {
        use_keyboard_ = true;  // never the terminal itself: with it comes TIOCSTI
      } else if (auto r = give(wiring_.in, 0); !r) {
        return r;
      }
      for (const int fd : {1, 2}) {
        if (is_terminal[static_cast<std::size_t>(fd)]) {
          if (auto r = show(screens_[static_cast<std::size_t>(fd - 1)], fd, fd == 1 ? Channel::out : Channel::err); !r) return r;
        } else if (auto r = give(fd == 1 ? wiring_.out : wiring_.err, fd); !r) {
          return r;
        }
      }
    }
    raw_wanted_ = spec_.tty && use_keyboard_ && is_terminal[0];
    keyboard_is_terminal_ = is_terminal[0];
    return {};
  }

  static Result<void> give(Fd& place, int fd) {
    place = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (place) return {};
    return std::unexpected(Error{.code = "E_FD", .where = "descriptor " + std::to_string(fd), .what = "cannot be passed on", .err = errno});
  }

  Result<void> show(std::unique_ptr<Screen>& place, int fd, Channel channel) {
    auto screen = Screen::open(loop_, fd,
                               {.on_drained = [this, channel] { drained(channel); },
                                .on_fail = [this, channel](int err) { screen_failed(channel, err); }});
    if (!screen) return std::unexpected(screen.error());
    place = std::move(*screen);
    return {};
  }

  // ---- while it runs ----

  void started() {
    pidfile_.write(container_->pid());
    if (use_keyboard_) take_terminal();
  }

  // Raw mode and the keyboard, if they are ours to take; from the background we stop as any program would that
  // wants to read, until the shell brings us back.
  void take_terminal() {
    if (keyboard_is_terminal_) {
      while (!keyboard_terminal_.foreground()) {
        if (!stop_self(SIGTTIN)) return;  // an orphaned process group: nobody could bring us back, so no keyboard
      }
      if (raw_wanted_) {
        if (log_->terminal() >= 0) log_->hold();
        keyboard_terminal_.make_raw();
      }
    }
    if (!keyboard_) {
      auto own = own_description(0, O_RDONLY);
      if (!own) return no_keyboard(own.error());
      if (own->shared) keyboard_flags_.keep(0);
      auto stream = Stream::open(loop_, std::move(own->fd),
                                 {.on_data = [this](std::string_view bytes) { typed(bytes); }, .on_end = [this](int err) { keyboard_ended(err); }});
      if (!stream) return no_keyboard(stream.error());
      keyboard_ = std::move(*stream);
    }
    if (!input_closed_ && container_->input_queued() == 0) keyboard_->read_start();
  }

  // A command that waits for input which cannot come, before a terminal that is raw: there would be no way out.
  void no_keyboard(const Error& error) {
    say_now(error);
    container_->kill(Reason::sup_error);
  }

  void typed(std::string_view bytes) {
    if (detach_) {
      // A prefix of the keys waits for its end, but not for ever: alone it is meant for the command.
      prefix_.stop();
      while (!bytes.empty()) {
        const auto typed = detach_->feed(bytes);
        pass_on(typed.pass);
        if (typed.detached) say_now("--detach-keys: nothing to detach to: a foreground run and its command end together");
        bytes.remove_prefix(typed.used);
      }
      if (detach_->holding()) prefix_.start(kPrefixWait, [this] { pass_on(detach_->release()); });
    } else {
      pass_on(bytes);
    }
  }

  void pass_on(std::string_view bytes) {
    container_->write_input(bytes);
    if (keyboard_ && container_->input_queued() > kInputMark) keyboard_->read_stop();
  }

  void keyboard_ended(int err) {
    if (detach_) pass_on(detach_->release());
    if (!keyboard_is_terminal_) return container_->end_input();
    if (keyboard_terminal_.gone()) return hung_up();
    if (err == EIO && !keyboard_terminal_.foreground()) {
      // Read from the background with TTIN blocked. Stop as we should have, and begin again.
      loop_.later([this] {
        keyboard_.reset();
        take_terminal();
      });
      return;
    }
    container_->end_input();
    if (!spec_.tty) {
      // ctrl-d on a cooked terminal: the input has ended, the terminal has not.
      loop_.later([this] { keyboard_.reset(); });
      input_closed_ = true;
      use_keyboard_ = false;
    }
  }

  // Nobody is there any more. A command that ignores or cannot take HUP would run on unseen.
  void hung_up() { container_->stop(SIGHUP, spec_.stop_timeout, Reason::stopped); }

  void output(Channel channel, std::string_view bytes) {
    auto& screen = screens_[static_cast<std::size_t>(channel)];
    if (recorder_) {
      recorder_->output(bytes);
      if (recorder_->failed() != 0) {
        say_now(Error{.code = "E_RECORD", .where = "--record", .what = spec_.record, .err = recorder_->failed(), .why = {}, .hint = "the recording ends here, the command runs on"});
        recorder_.reset();
      }
    }
    if (!screen) return;
    screen->write(bytes);
    if (log_->terminal() >= 0 && screen->terminal()) log_->at_line_start(bytes.back() == '\n');
    if (screen->full()) container_->pause_output(channel);
  }

  // A reader who has left (EPIPE) is an end like any other; a full disk is a loss that somebody must hear of.
  void screen_failed(Channel channel, int err) {
    if (err != EPIPE) {
      say_now(Error{.code = "E_OUTPUT", .where = channel == Channel::out ? "standard output" : "standard error", .what = "cannot be written",
                .err = err, .why = {}, .hint = "the rest of the command's output is lost"});
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
    if (number == SIGWINCH) return resize();
    if (job_control(number)) return suspend(number);
    if (number == SIGHUP && keyboard_is_terminal_ && keyboard_terminal_.gone()) return hung_up();
    const bool ending = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
    if (ending && container_->dead() && reader_waited_for()) return leave(number);
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
      say_now("PID 1 (" + printable(container_->command_name()) + ") has no handler for " + signal_name(number) + "; press again to kill it, or use --init");
    }
  }

  // The command is dead, and all that keeps us is a reader who takes nothing: there is nobody else left to tell to end.
  void leave(int number) {
    own_signal_ = number;
    leaving_ = true;
    for (const Channel channel : {Channel::out, Channel::err}) {
      if (screens_[static_cast<std::size_t>(channel)]) container_->close_output(channel);
    }
    if (finished_) loop_.stop();
  }

  [[nodiscard]] bool reader_waited_for() const {
    for (const auto& screen : screens_) {
      if (screen && screen->busy()) return true;
    }
    return false;
  }

  void resize() {
    for (const int fd : {1, 0, 2}) {
      const auto size = terminal_size(fd);
      if (!size) continue;
      if (container_->resize(*size) && recorder_) recorder_->resized(*size);
      return;
    }
  }

  // The terminal goes back to the shell as we found it, and comes again with CONT.
  void suspend(int number) {
    suspended_ = true;
    if (keyboard_) keyboard_->read_stop();
    give_back();
    stop_self(number);
    suspended_ = false;
    if (finished_) return;
    if (use_keyboard_) take_terminal();
    resize();
  }

  void give_back() {
    keyboard_terminal_.restore();
    if (log_) log_->release();
  }

  // Stops this process by `number`'s default action; returns when continued. False: the kernel did not stop us (orphaned
  // process group), told by the CONT that is not there: it is blocked, so it would be pending.
  bool stop_self(int number) {
    // Whoever has the terminal meanwhile is to find it as it was.
    keyboard_flags_.give_back();
    for (const auto& screen : screens_) {
      if (screen) screen->flags().give_back();
    }
    sigset_t one;
    sigset_t cont;
    sigemptyset(&one);
    sigaddset(&one, number);
    sigemptyset(&cont);
    sigaddset(&cont, SIGCONT);
    const timespec now{};
    while (::sigtimedwait(&cont, nullptr, &now) > 0) {
    }
    ::kill(::getpid(), number);
    pthread_sigmask(SIG_UNBLOCK, &one, nullptr);  // here we stand still
    pthread_sigmask(SIG_BLOCK, &one, nullptr);
    keyboard_flags_.again();
    for (const auto& screen : screens_) {
      if (screen) screen->flags().again();
    }
    return ::sigtimedwait(&cont, nullptr, &now) == SIGCONT;
  }

  // ---- the end ----

  void ended(const Outcome& outcome) {
    outcome_ = outcome;
    finished_ = true;
    if (keyboard_) keyboard_->read_stop();
    maybe_stop();
  }

  // Not one byte is left behind: the loop turns until the slowest reader has taken the last one.
  void maybe_stop() {
    if (leaving_ || !reader_waited_for()) loop_.stop();
  }

  int finish() {
    int status = own_signal_ != 0 ? 128 + own_signal_ : outcome_.shell_status();
    if (status == 0 && output_lost_) status = 125;  // no success without its output
    put_back();
    if (recorder_) recorder_->ended(status);
    pidfile_.remove();
    if (!outcome_.ran && cidfile_written_) ::unlink(spec_.cidfile.c_str());
    // Only words are left to write. Who does not take them can be left at any time, by the signals' own means; else the
    // status is the command's, whatever comes now.
    if (last_words_wait()) {
      signals_.reset();
    } else {
      signals_->stay_blocked();
    }
    if (outcome_.error) say(*outcome_.error);
    last_word_.say(facts_.id, spec_.name, outcome_, status);
    log_->flush();
    container_.reset();
    signals_.reset();
    log_.reset();
    return status;
  }

  // What is the caller's, as we found it. Not left to destructors: a release build ends without them.
  void put_back() {
    keyboard_.reset();
    for (auto& screen : screens_) screen.reset();
    give_back();
    keyboard_flags_.give_back();
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

  Loop loop_;                                    // outlives every handle below
  Terminal keyboard_terminal_;
  SharedFlags keyboard_flags_;
  std::unique_ptr<EventLog> log_;
  Reaper reaper_;
  std::optional<SignalReader> signals_;
  Fd image_;
  LastWord last_word_;
  Pidfile pidfile_;
  Container::Wiring wiring_;
  std::unique_ptr<Recorder> recorder_;
  std::array<std::unique_ptr<Screen>, 2> screens_;  // by Channel; none: the command has the descriptor itself
  std::unique_ptr<Stream> keyboard_;
  std::optional<DetachFilter> detach_;
  Timer prefix_;
  std::unique_ptr<Container> container_;

  bool cidfile_written_ = false;
  bool output_lost_ = false;
  bool use_keyboard_ = false;
  bool keyboard_is_terminal_ = false;
  bool raw_wanted_ = false;
  bool input_closed_ = false;
  bool suspended_ = false;
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
