// Terminal: the user's own terminal, borrowed: raw while a command has it, and as it was afterwards, on every way out.
#pragma once
#include <sys/ioctl.h>
#include <termios.h>

#include <optional>
#include <string_view>

#include "base/error.h"

namespace sup {

// One a process: the settings to restore are also kept where a crash handler finds them.
class Terminal {
 public:
  // fd: an open terminal of the caller's, borrowed.
  explicit Terminal(int fd);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // cfmakeraw(3), at once (not after the output has drained: a stopped terminal would hold us).
  void make_raw();
  void restore();
  // Restores whatever terminal is raw, from wherever: async-signal-safe, allocates nothing.
  static void restore_any();
  // What restore_any() writes as well: how to leave the screen. It stays where it is; {}: nothing.
  static void farewell(std::string_view bytes);
  [[nodiscard]] bool raw() const { return raw_; }
  // Whether we are its foreground process group; a background one must not touch it.
  [[nodiscard]] bool foreground() const;
  // Hung up: nobody is there any more.
  [[nodiscard]] bool gone() const;

 private:
  int fd_;
  bool raw_ = false;
  termios saved_{};
};

// The size of the terminal at fd, when it is one and knows it (not 0x0).
[[nodiscard]] std::optional<winsize> terminal_size(int fd);

}  // namespace sup
