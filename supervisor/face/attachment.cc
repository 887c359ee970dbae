#include "face/attachment.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text.h"
#include "face/console.h"
#include "face/control/remote.h"
#include "face/say.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "spec/jsonmember.h"
#include "spec/screenstate.h"
#include "spec/signals.h"

namespace sup {
namespace {

// Above this much input on the way to the supervisor the keyboard waits.
constexpr std::size_t kInputMark = std::size_t{64} << 10;
// For the supervisor's answer to our leaving.
constexpr std::chrono::milliseconds kGoodbye{1'000};
// For its answer to a signal: we are in the middle of showing something.
constexpr std::chrono::milliseconds kSignal{5'000};

class Attachment {
 public:
  explicit Attachment(AttachmentOptions options)
      : options_(std::move(options)), goodbye_(loop_),
        console_(loop_,
                 {.typed = [this](std::string_view bytes) { typed(bytes); },
                  .input_ended =
                      [this] {
                        if (!leaving_) remote_->end_input();
                      },
                  .detach = [this] { leave(0); },
                  .hung_up = [this] { go(128 + SIGHUP); },
                  .no_keyboard = [this](const Error& error) { lost(error); },
                  .resized = [this] { resized(); },
                  .drained = [this](Channel) { drained(); },
                  .lost = [this](Channel channel, int err) { screen_failed(channel, err); },
                  .signalled = [this](const signalfd_siginfo& info) { signalled(static_cast<int>(info.ssi_signo)); }}) {
  }

  Result<int> run(control::Client::Upgraded connection) {
    auto remote =
        control::Remote::open(loop_, std::move(connection),
                              {.output = [this](Channel channel, std::string_view bytes) { output(channel, bytes); },
                               .ended = [this](std::string_view json) { ended(json); },
                               .detached = [this](std::string_view why) { detached(why); },
                               .lost = [this](const Error& error) { lost(error); },
                               .drained = [this] { console_.resume_input(); }});
    if (!remote) return std::unexpected(remote.error());
    remote_ = std::move(*remote);
    if (auto r = begin(); !r) {
      console_.put_back();
      return std::unexpected(r.error());
    }
    loop_.run();
    console_.put_back();
    console_.stay_blocked();
    if (error_) return std::unexpected(*error_);
    return status_;
  }

 private:
  Result<void> begin() {
    console_.set(
        {.tty = options_.tty && options_.input, .detach_keys = options_.tty ? options_.detach_keys : std::string()});
    for (const int fd : {1, 2}) {
      if ((options_.tty && fd == 2) || std::ranges::find(options_.given, fd) != options_.given.end()) continue;
      if (auto r = console_.show(fd == 1 ? Channel::out : Channel::err, fd); !r) return r;
    }
    if (auto r = console_.listen(options_.sig_proxy); !r) return r;
    resized();
    if (options_.input) console_.take_keyboard();
    if (error_) return std::unexpected(*error_);
    return {};
  }

  void resized() {
    if (!options_.tty || leaving_) return;
    const auto size = Console::window();
    if (!size) return;
    remote_->resize({.rows = size->ws_row, .cols = size->ws_col});
    if (options_.resized) options_.resized(*size);
  }

  void typed(std::string_view bytes) {
    if (leaving_) return;
    remote_->type(bytes);
    if (remote_->queued() > kInputMark) console_.pause_input();
  }

  void output(Channel channel, std::string_view bytes) {
    if (leaving_) return;
    if (options_.tty) {
      screen_.feed(bytes);
      if (options_.recorded) options_.recorded(bytes);
    }
    if (!console_.write(channel, bytes)) remote_->pause();
  }

  void drained() {
    if (!console_.full()) remote_->resume();
    if (finished_ && !console_.busy()) loop_.stop();
  }

  void screen_failed(Channel channel, int err) {
    // A reader who has left is an end like any other.
    if (err == EPIPE) return options_.may_kill ? hang_up() : leave(0);
    fail(Error{.code = "E_OUTPUT",
               .where = channel == Channel::out ? "standard output" : "standard error",
               .what = "cannot be written",
               .err = err,
               .why = {},
               .hint = options_.hangs_up ? "" : "the container runs on",
               .path = {},
               .stage = {}});
    go(125);
  }

  void signalled(int number) {
    const bool ending = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
    if (finished_ || leaving_) {
      // All that keeps us is a reader who takes nothing, or a supervisor that does not answer.
      if (ending) status_ = 128 + number, loop_.stop();
      return;
    }
    if (!options_.sig_proxy || !options_.signal) {
      if (ending) go(128 + number);
      return;
    }
    if (ending && warned_) {
      if (!options_.may_kill) return leave(128 + number);
      options_.signal(SIGKILL);
      return;
    }
    if (options_.signal(number) == "dropped-pid1" && ending) {
      warned_ = true;
      say_now("PID 1 of " + printable(options_.name) + " has no handler for " + signal_name(number) +
              (options_.may_kill ? "; press again to kill it, or use --init" : "; press again to leave it"));
    }
  }

  // Nobody sees what the command does, and nobody else has asked for it.
  void hang_up() {
    const std::string effect = options_.signal ? options_.signal(SIGHUP) : std::string();
    if (effect.empty()) return leave(0);
    if (effect == "dropped-pid1") options_.signal(SIGKILL);
  }

  // Without being asked to leave it behind.
  void go(int status) {
    if (!options_.hangs_up) return leave(status);
    if (std::exchange(leaving_, true) || finished_) return;
    status_ = status;
    console_.leave_keyboard();
    // The connection ends without a word, which is the hang-up.
    loop_.stop();
  }

  // The command stays, we go.
  void leave(int status) {
    if (std::exchange(leaving_, true) || finished_) return;
    status_ = status;
    // In the middle of a full-screen program: the shell finds a terminal that it can use.
    if (options_.tty && console_.on_terminal(Channel::out) && !console_.busy())
      (void)console_.write(Channel::out, screen_.mend() + "\r\n");
    console_.leave_keyboard();
    remote_->resume();
    remote_->detach();
    goodbye_.start(kGoodbye, [this] { loop_.stop(); });
  }

  void ended(std::string_view json) {
    finished_ = true;
    const auto last = nlohmann::json::parse(json, nullptr, false);
    status_ = last.is_object() && last.contains("status") && last["status"].is_number_integer()
                  ? last["status"].get<int>()
                  : 125;
    if (options_.ended) options_.ended(json, status_);
    console_.leave_keyboard();
    if (!console_.busy()) loop_.stop();
  }

  void detached(std::string_view why) {
    if (!leaving_) {
      fail(Error{.code = "E_DETACHED",
                 .where = options_.verb,
                 .what = printable(options_.name),
                 .err = 0,
                 .why = why == "slow_client" ? "let go by the supervisor: its output was not taken for too long"
                                             : "let go by the supervisor: " + printable(why),
                 .hint = "it runs on: attach again",
                 .path = {},
                 .stage = {}});
    }
    loop_.stop();
  }

  void lost(const Error& error) {
    if (!leaving_) fail(error);
    loop_.stop();
  }

  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  AttachmentOptions options_;
  Loop loop_;
  Timer goodbye_;
  Console console_;
  ScreenState screen_;
  std::unique_ptr<control::Remote> remote_;
  std::optional<Error> error_;
  int status_ = 125;
  bool warned_ = false;
  bool leaving_ = false;
  bool finished_ = false;
};

}  // namespace

Result<int> show_attached(control::Client::Upgraded connection, AttachmentOptions options) {
  return Attachment(std::move(options)).run(std::move(connection));
}

Result<std::vector<int>> to_give(bool input) {
  std::vector<int> all;
  for (const int fd : {0, 1, 2}) {
    if (fd == 0 && !input) continue;
    if (::fcntl(fd, F_GETFD) < 0) {
      return std::unexpected(Error{.code = "E_FD",
                                   .where = "descriptor " + std::to_string(fd),
                                   .what = "cannot be passed on",
                                   .err = errno,
                                   .path = {},
                                   .stage = {}});
    }
    if (::isatty(fd) == 0) all.push_back(fd);
  }
  return all;
}

void hold_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::function<std::string(int)> signals_to(const control::Client& client, std::string container, std::string exec) {
  // The first signal opens the connection: most commands never get one.
  auto second = std::make_shared<std::optional<control::Client>>();
  return [second, path = client.path(), container = std::move(container),
          exec = std::move(exec)](int number) -> std::string {
    if (!*second) {
      auto fresh = control::Client::connect(path);
      if (!fresh) return "";
      fresh->set_patience(kSignal);
      second->emplace(std::move(*fresh));
    }
    nlohmann::json params = {{"container", container}, {"signal", signal_name(number)}};
    if (!exec.empty()) params["exec"] = exec;
    auto answer = (*second)->call("container.kill", params);
    if (!answer) {
      if (answer.error().code == "E_SUPERVISOR_LOST") second->reset();
      return "";
    }
    return text_in(*answer, "effect");
  };
}

}  // namespace sup
