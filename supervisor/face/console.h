// Console: the caller's side of a running command: keyboard, screens, window, and the job control of the caller's shell.
#pragma once
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/container.h"
#include "face/screen.h"
#include "face/terminal.h"
#include "loop/loop.h"
#include "loop/signals.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "spec/keys.h"

namespace sup {

// Owned by whoever shows a command: a foreground run, a client that is attached. Descriptors 0, 1 and 2 are the caller's and
// come back as they were (put_back()).
class Console {
 public:
  struct Handlers {
    std::function<void(std::string_view)> typed{};  // for the command
    std::function<void()> input_ended{};
    std::function<void()> detach{};  // the detach keys
    std::function<void()> hung_up{};  // nobody is at the terminal any more
    std::function<void(const Error&)> no_keyboard{};  // it was wanted, and cannot be read
    std::function<void()> resized{};  // perhaps: see window()
    std::function<void(Channel)> drained{};  // a screen has taken all
    std::function<void(Channel, int err)> lost{};  // a screen takes no more
    std::function<void(const signalfd_siginfo&)> signalled{};  // what is not the console's own
    std::function<void()> borrowed{}, returned{};  // the terminal turns raw; it is the shell's again
  };
  struct Options {
    bool tty = false;  // the command has a terminal: with a keyboard, ours becomes raw
    std::string detach_keys{};  // what parse_detach_keys() gives
  };

  Console(Loop& loop, Handlers handlers);

  void set(Options options) { options_ = std::move(options); }
  // Shows a channel on descriptor 1 or 2.
  [[nodiscard]] Result<void> show(Channel channel, int fd);
  // Takes the signals. proxy: all of them that can be had; else only those that would end or stop us.
  [[nodiscard]] Result<void> listen(bool proxy);
  // Reads descriptor 0 from now on, and makes the terminal raw where that is wanted. May stop the process first: from the
  // background it waits for its turn, as any program would.
  void take_keyboard();

  [[nodiscard]] bool shows(Channel channel) const { return static_cast<bool>(screens_[index(channel)]); }
  [[nodiscard]] bool on_terminal(Channel channel) const {
    return shows(channel) && screens_[index(channel)]->terminal();
  }
  // False: the source should wait until `drained`.
  bool write(Channel channel, std::string_view bytes);
  [[nodiscard]] bool full() const;
  [[nodiscard]] bool busy() const;  // not everything has been taken

  // Back-pressure: the command has enough input for now; it has room again; it reads no more.
  void pause_input();
  void resume_input();
  void close_input();
  // There is nobody left to type to.
  void leave_keyboard();

  [[nodiscard]] const std::array<bool, 3>& is_terminal() const { return is_terminal_; }
  // The window the output is seen in; none: no terminal here.
  [[nodiscard]] static std::optional<winsize> window();
  // The same, else $LINES and $COLUMNS, else 24x80.
  [[nodiscard]] static winsize first_window();

  // A command gets a terminal of that size, and here is none: the caller may not have meant that.
  static void say_if_no_terminal(const winsize& size);

  // All of the caller's as it was. Nothing is shown or read any more.
  void put_back();
  // The process is about to end with a status of its own: see SignalReader.
  void stay_blocked();
  void release_signals() { signals_.reset(); }

 private:
  static std::size_t index(Channel channel) { return static_cast<std::size_t>(channel); }
  void signal(const signalfd_siginfo& info);
  void typed(std::string_view bytes);
  void keyboard_ended(int err);
  void suspend(int number);
  bool stop_self(int number);
  void give_back();

  Loop& loop_;
  Handlers handlers_;
  Options options_;
  std::array<bool, 3> is_terminal_{};
  Terminal terminal_;
  SharedFlags flags_;  // of the keyboard
  std::optional<SignalReader> signals_;
  std::array<std::unique_ptr<Screen>, 2> screens_;  // by Channel
  std::unique_ptr<Stream> keyboard_;
  std::optional<DetachFilter> detach_;
  Timer prefix_;
  bool wanted_ = false;  // the keyboard
  bool waits_ = false;  // pause_input()
  bool closed_ = false;  // close_input()
  bool suspended_ = false;
  bool over_ = false;  // put_back()
};

}  // namespace sup
