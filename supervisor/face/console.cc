#include "face/console.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "face/say.h"

namespace sup {
namespace {

constexpr std::chrono::milliseconds kPrefixWait{300};

bool job_control(int number) { return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU; }

// What sup takes for itself or passes on. Left out: KILL and STOP, which cannot be had; CHLD, PIPE and URG, which are no
// messages; and the faults: a crash of sup must stay one (face/terminal.h puts the terminal right on the way out).
sigset_t watched(bool proxy) {
  sigset_t set;
  sigemptyset(&set);
  if (!proxy) {
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGCONT})
      sigaddset(&set, s);
    return set;
  }
  sigfillset(&set);  // without the two that the C library keeps for itself
  for (const int s : {SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
    sigdelset(&set, s);
  return set;
}

}  // namespace

Console::Console(Loop& loop, Handlers handlers)
    : loop_(loop), handlers_(std::move(handlers)), is_terminal_{::isatty(0) != 0, ::isatty(1) != 0, ::isatty(2) != 0},
      terminal_(0), prefix_(loop) {
  SharedFlags::note();
}

std::optional<winsize> Console::window() {
  for (const int fd : {1, 0, 2}) {
    if (const auto size = terminal_size(fd)) return size;
  }
  return std::nullopt;
}

winsize Console::first_window() {
  if (const auto size = window()) return *size;
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

void Console::say_if_no_terminal(const winsize& size) {
  for (const int fd : {0, 1, 2}) {
    if (::isatty(fd) != 0) return;
  }
  say("-t: no terminal here: the command gets one of " + std::to_string(size.ws_col) + "x" +
      std::to_string(size.ws_row) + " all the same");
}

Result<void> Console::show(Channel channel, int fd) {
  auto screen = Screen::open(loop_, fd,
                             {.on_drained = [this, channel] { handlers_.drained(channel); },
                              .on_fail = [this, channel](int err) { handlers_.lost(channel, err); }});
  if (!screen) return std::unexpected(screen.error());
  screens_[index(channel)] = std::move(*screen);
  return {};
}

Result<void> Console::listen(bool proxy) {
  auto signals = SignalReader::open(loop_, watched(proxy), [this](const signalfd_siginfo& info) { signal(info); });
  if (!signals) return std::unexpected(signals.error());
  signals_.emplace(std::move(*signals));
  return {};
}

// ---- screens ----

bool Console::write(Channel channel, std::string_view bytes) {
  auto& screen = screens_[index(channel)];
  if (!screen) return true;
  screen->write(bytes);
  return !screen->full();
}

bool Console::full() const {
  for (const auto& screen : screens_) {
    if (screen && screen->full()) return true;
  }
  return false;
}

bool Console::busy() const {
  for (const auto& screen : screens_) {
    if (screen && screen->busy()) return true;
  }
  return false;
}

// ---- the keyboard ----

// Raw mode and the keyboard, if they are ours to take; from the background we stop as any program would that
// wants to read, until the shell brings us back.
void Console::take_keyboard() {
  wanted_ = true;
  if (!detach_ && !options_.detach_keys.empty()) detach_.emplace(options_.detach_keys);
  if (is_terminal_[0]) {
    while (!terminal_.foreground()) {
      if (!stop_self(SIGTTIN)) return;  // an orphaned process group: nobody could bring us back, so no keyboard
    }
    if (options_.tty) {
      if (handlers_.borrowed) handlers_.borrowed();
      terminal_.make_raw();
    }
  }
  if (!keyboard_) {
    auto own = own_description(0, O_RDONLY);
    if (!own) return handlers_.no_keyboard(own.error());
    if (own->shared) flags_.keep(0);
    auto stream = Stream::open(loop_, std::move(own->fd),
                               {.on_data = [this](std::string_view bytes) { typed(bytes); },
                                .on_end = [this](int err) { keyboard_ended(err); }});
    if (!stream) return handlers_.no_keyboard(stream.error());
    keyboard_ = std::move(*stream);
  }
  if (!closed_ && !waits_) keyboard_->read_start();
}

void Console::typed(std::string_view bytes) {
  if (!detach_) return handlers_.typed(bytes);
  // A prefix of the keys waits for its end, but not for ever: alone it is meant for the command.
  prefix_.stop();
  while (!bytes.empty()) {
    const auto typed = detach_->feed(bytes);
    if (!typed.pass.empty()) handlers_.typed(typed.pass);
    if (typed.detached) handlers_.detach();
    bytes.remove_prefix(typed.used);
  }
  if (detach_->holding()) prefix_.start(kPrefixWait, [this] { handlers_.typed(detach_->release()); });
}

void Console::keyboard_ended(int err) {
  if (detach_ && detach_->holding()) handlers_.typed(detach_->release());
  if (!is_terminal_[0]) return handlers_.input_ended();
  if (terminal_.gone()) return handlers_.hung_up();
  if (err == EIO && !terminal_.foreground()) {
    // Read from the background with TTIN blocked. Stop as we should have, and begin again.
    loop_.later([this] {
      keyboard_.reset();
      take_keyboard();
    });
    return;
  }
  handlers_.input_ended();
  if (!options_.tty) {
    // ctrl-d on a cooked terminal: the input has ended, the terminal has not.
    loop_.later([this] { keyboard_.reset(); });
    closed_ = true;
    wanted_ = false;
  }
}

void Console::pause_input() {
  waits_ = true;
  if (keyboard_) keyboard_->read_stop();
}

void Console::resume_input() {
  waits_ = false;
  if (keyboard_ && !suspended_ && !closed_) keyboard_->read_start();
}

void Console::close_input() {
  closed_ = true;
  if (keyboard_) keyboard_->read_stop();
}

void Console::leave_keyboard() {
  wanted_ = false;
  close_input();
}

// ---- signals and the shell ----

void Console::signal(const signalfd_siginfo& info) {
  const int number = static_cast<int>(info.ssi_signo);
  if (number == SIGWINCH) return handlers_.resized();
  if (job_control(number)) return suspend(number);
  if (number == SIGHUP && is_terminal_[0] && terminal_.gone()) return handlers_.hung_up();
  handlers_.signalled(info);
}

// The terminal goes back to the shell as we found it, and comes again with CONT.
void Console::suspend(int number) {
  suspended_ = true;
  if (keyboard_) keyboard_->read_stop();
  give_back();
  stop_self(number);
  suspended_ = false;
  if (over_) return;
  if (wanted_) take_keyboard();
  handlers_.resized();
}

void Console::give_back() {
  terminal_.restore();
  if (handlers_.returned) handlers_.returned();
}

// Stops this process by `number`'s default action; returns when continued. False: the kernel did not stop us (orphaned
// process group), told by the CONT that is not there: it is blocked, so it would be pending.
bool Console::stop_self(int number) {
  // Whoever has the terminal meanwhile is to find it as it was.
  flags_.give_back();
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
  flags_.again();
  for (const auto& screen : screens_) {
    if (screen) screen->flags().again();
  }
  return ::sigtimedwait(&cont, nullptr, &now) == SIGCONT;
}

// ---- the end ----

void Console::put_back() {
  over_ = true;
  prefix_.stop();
  keyboard_.reset();
  for (auto& screen : screens_) screen.reset();
  give_back();
  flags_.give_back();
}

void Console::stay_blocked() {
  if (signals_) signals_->stay_blocked();
}

}  // namespace sup
