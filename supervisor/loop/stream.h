// Stream: bytes in and out of one descriptor, by the loop, with back-pressure.
#pragma once
#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "loop/loop.h"
#include "loop/uvptr.h"

namespace sup {

// Owns its descriptor and one libuv handle for it (a pty master is one duplex Stream). Pipes, sockets and terminals
// are read and written by a uv_pipe on a descriptor of our own; a regular file is always ready, so it is
// read a piece a turn and written at once.
//
// It does not buffer what it reads: data goes to on_data() at once, and read_stop() is how a reader says "enough".
// What cannot be written at once is queued; queued() tells how much, and on_drained() when it is gone; the one who
// writes decides when to stop its source.
class Stream {
 public:
  // What the two ends may do; all optional. on_end comes once, after the last byte: err is 0 for end of file, else
  // errno. on_fail comes once, when writing has become impossible (EPIPE…); what was queued is dropped.
  struct Handlers {
    std::function<void(std::string_view)> on_data{};
    std::function<void(int err)> on_end{};
    std::function<void()> on_drained{};
    std::function<void(int err)> on_fail{};
    // A unix socket's only: a descriptor that the other side has passed (SCM_RIGHTS), told before the bytes it came with;
    // CLOEXEC, its flags as they were. Without this they are closed unseen.
    std::function<void(Fd)> on_descriptor{};
  };

  // Takes the descriptor; it becomes non-blocking, so it must be ours alone (see own_description()).
  static Result<std::unique_ptr<Stream>> open(Loop& loop, Fd fd, Handlers handlers);
  // For writing only, to a pipe or socket whose open file description others use as well: the command may have it as its
  // own output. Its flags stay as they are.
  static Result<std::unique_ptr<Stream>> open_shared(Loop& loop, Fd fd, Handlers handlers);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void read_start();
  void read_stop();
  [[nodiscard]] bool reading() const;
  // What is there at this moment is read now and given to on_data(): for who is about to let go of a stream that has not
  // ended. At most some MiB, should a writer never stop.
  void read_rest();
  [[nodiscard]] bool ended() const;

  // Writes or queues all of it. After a failure it does nothing.
  void write(std::string_view bytes);
  [[nodiscard]] std::size_t queued() const;
  // No more writes: what is queued goes out, then the descriptor's write side ends (shutdown(2) of a socket; a
  // pipe is closed whole, so call it on write-only streams).
  void end();
  // Writes out what is queued without the loop, waiting as long as it takes for the other side. For the very end.
  void flush_blocking();
  // Whether flush_blocking() would have to wait now.
  [[nodiscard]] bool stuck() const;

  [[nodiscard]] int fd() const;

  // For a process that is about to become another program with the same descriptors (a live upgrade): what was written and
  // has not gone out yet, in order. Nothing changes; when the exec fails the stream goes on.
  [[nodiscard]] std::string unsent() const;
  // end() was called: nothing is written after what is unsent.
  [[nodiscard]] bool ending() const;

  struct State;

 private:
  explicit Stream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A descriptor of our own for what the caller's `fd` refers to, so that O_NONBLOCK on it does not reach the caller's
// shell (the flag belongs to the open file description). Through /proc/self/fd where the kernel allows; sockets
// and other users' terminals cannot be reopened: then a duplicate is returned and `shared` is true,
// and the one who made it non-blocking has to take that back (see SharedFlags).
struct OwnDescription {
  Fd fd;
  bool shared = false;
  bool terminal = false;
};
[[nodiscard]] Result<OwnDescription> own_description(int fd, int access_mode);

}  // namespace sup
