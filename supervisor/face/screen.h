// Screen: where output is shown or stored: one of the caller's descriptors, written without blocking the loop.
#pragma once
#include <memory>
#include <string_view>

#include "base/error.h"
#include "loop/stream.h"

namespace sup {

// Puts back the file status flags of a description that is not ours alone: O_NONBLOCK set on it would be met by the
// caller's shell. (A SIGKILL in between is the one case in which it cannot.)
class SharedFlags {
 public:
  SharedFlags() = default;
  ~SharedFlags();
  SharedFlags(const SharedFlags&) = delete;
  SharedFlags& operator=(const SharedFlags&) = delete;
  // Notes the flags of 0-2 before anything of ours has touched them: often they are one description, and what the first
  // user of it has set the next one would take for the caller's.
  static void note();
  // fd's flags are to be put back. Once.
  void keep(int fd);
  // Puts them back now; set again where the loop goes on (again()).
  void give_back() const;
  void again() const;

 private:
  int fd_ = -1;
  int flags_ = 0;
};

class Screen {
 public:
  struct Handlers {
    std::function<void()> on_drained;
    std::function<void(int err)> on_fail;
  };
  // fd: 1 or 2, borrowed.
  static Result<std::unique_ptr<Screen>> open(Loop& loop, int fd, Handlers handlers);

  void write(std::string_view bytes);
  // More is queued than should be: stop the source until on_drained.
  [[nodiscard]] bool full() const;
  [[nodiscard]] bool busy() const;
  [[nodiscard]] bool terminal() const { return terminal_; }
  // Lends the caller's description back as it was, while sup stands still.
  [[nodiscard]] const SharedFlags& flags() const { return flags_; }

 private:
  Screen() = default;
  SharedFlags flags_;
  std::unique_ptr<Stream> stream_;
  bool terminal_ = false;
};

}  // namespace sup
