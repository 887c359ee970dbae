#include "loop/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <string>
#include <utility>

namespace sup {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
// How much of what is left after a hang-up is read by hand. A pty or pipe holds some 64 KiB; the bound is for a
// writer that got hold of the other end and never stops.
constexpr std::size_t kTail = 4 << 20;

char* shared_buffer() {
  // One for all: data is handed on before the next read.
  static char buffer[kPiece];
  return buffer;
}

}  // namespace

struct Stream::State {
  Loop* loop = nullptr;
  Handlers handlers;
  bool is_file = false;
  bool is_socket = false;
  Fd file;                              // regular files only
  UvPtr<uv_pipe_t> pipe;                // everything else; owns the descriptor
  UvPtr<uv_idle_t> idle;                // drives the reads of a file
  Fd shared;                            // open_shared() only: written without O_NONBLOCK, and so without libuv
  Fd room;                              // an epoll(7) of its own on it: uv_poll sets O_NONBLOCK on what it watches
  UvPtr<uv_poll_t> room_watch;
  std::string backlog;
  int number = -1;
  bool is_reading = false;
  bool has_ended = false;
  bool failed = false;
  int revived = 0;                      // times in a row without a byte
  bool has_read = false;                // a byte, ever
  bool ending = false;
  std::size_t queued = 0;

  struct Request {
    uv_write_t write{};
    std::string bytes;
    std::size_t done = 0;
    State* owner = nullptr;             // null once the Stream is gone: a request owns its bytes and itself
  };
  std::deque<Request*> pending;         // at libuv, in order

  void finish_read(int err) {
    if (has_ended) return;
    has_ended = true;
    is_reading = false;
    if (handlers.on_end) handlers.on_end(err);
  }

  // libuv 1.44 stops at the hang-up of a pty while the kernel still holds output (libuv #4992): the rest is read here.
  // True: there is nothing to read now, but the other end is still there.
  bool drain_tail(int fd) {
    std::size_t total = 0;
    int waits = 0;
    while (total < kTail) {
      const ssize_t n = ::read(fd, shared_buffer(), kPiece);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        // Readable, and yet not read: once more, for what is lost here is lost for good.
        const bool again = errno == EAGAIN;
        pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
        if (++waits < 3 && ::poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0) continue;
        return again;
      }
      if (n == 0) return false;
      total += static_cast<std::size_t>(n);
      if (handlers.on_data) handlers.on_data({shared_buffer(), static_cast<std::size_t>(n)});
    }
    return false;
  }

  bool revive();
  void take_descriptors();

  [[nodiscard]] ssize_t put_in_pipe() const {
    iovec all{const_cast<char*>(backlog.data()), backlog.size()};
    const ssize_t n = ::pwritev2(shared.get(), &all, 1, -1, RWF_NOWAIT);
    if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)) return n;
    // Before Linux 6.4. A pipe that poll(2) calls writable has room for PIPE_BUF bytes, unless another writer takes it first:
    // then this waits for the reader.
    pollfd p{.fd = shared.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&p, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
    return ::write(shared.get(), backlog.data(), std::min<std::size_t>(backlog.size(), PIPE_BUF));
  }

  // Writes as much of the backlog as the other side takes now; false: it takes no more.
  bool push() {
    while (!backlog.empty() && !failed) {
      const ssize_t n =
          is_socket ? ::send(shared.get(), backlog.data(), backlog.size(), MSG_DONTWAIT | MSG_NOSIGNAL) : put_in_pipe();
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return false;
      if (n < 0) {
        fail_write(errno);
        return true;
      }
      backlog.erase(0, static_cast<std::size_t>(n));
      queued = backlog.size();
    }
    return true;
  }

  void fail_write(int err) {
    if (failed) return;
    failed = true;
    queued = 0;
    backlog.clear();
    if (handlers.on_fail) handlers.on_fail(err);
  }
};

namespace {

void on_alloc(uv_handle_t*, std::size_t, uv_buf_t* buffer) { *buffer = uv_buf_init(shared_buffer(), kPiece); }

bool hung_up(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0;
}

void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buffer) {
  auto* s = static_cast<Stream::State*>(stream->data);
  if (s == nullptr || n == 0) return;
  s->take_descriptors();
  if (n > 0) {
    s->revived = 0;
    s->has_read = true;
    if (s->handlers.on_data) s->handlers.on_data({buffer->base, static_cast<std::size_t>(n)});
    return;
  }
  uv_read_stop(stream);
  // Where nothing has ever come the kernel itself has said that this is the end; else libuv may have concluded it from a hang-up.
  if (n == UV_EOF && !s->has_read) return s->finish_read(0);
  // A failed handle takes no writes any more (libuv clears that before it calls), and what is read may be answered at once.
  if (n != UV_EOF && !hung_up(s->number) && s->revive()) return;
  // EIO is how a pty says that nobody has its other end open any more. Any other error, and that one where somebody has,
  // is the kernel's trouble of a moment: nothing of the stream is over.
  const bool still_there = s->drain_tail(s->number);
  if (n != UV_EOF && still_there && s->revive()) return;
  s->finish_read(n == UV_EOF ? 0 : static_cast<int>(-n));
}

}  // namespace

// libuv gives a passed descriptor as a handle of a stream, which it need not be: only its number is taken from there.
void Stream::State::take_descriptors() {
  if (!handlers.on_descriptor) return;
  while (pipe && uv_pipe_pending_count(pipe.get()) > 0) {
    auto* carrier = new uv_pipe_t;
    if (uv_pipe_init(loop->get(), carrier, 0) != 0) {
      delete carrier;
      return;
    }
    const UvPtr<uv_pipe_t> owned(carrier);
    uv_os_fd_t fd = -1;
    if (uv_accept(reinterpret_cast<uv_stream_t*>(pipe.get()), reinterpret_cast<uv_stream_t*>(carrier)) != 0 ||
        uv_fileno(reinterpret_cast<uv_handle_t*>(carrier), &fd) != 0) {
      return;
    }
    if (Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); copy) handlers.on_descriptor(std::move(copy));
  }
}

// After an error libuv reads a handle no more: the same description goes on under a new one.
bool Stream::State::revive() {
  if (!pending.empty() || ending || ++revived > 3) return false;
  Fd again(::fcntl(number, F_DUPFD_CLOEXEC, 3));
  if (!again) return false;
  auto* next = new uv_pipe_t;
  if (uv_pipe_init(loop->get(), next, handlers.on_descriptor ? 1 : 0) != 0) {
    delete next;
    return false;
  }
  UvPtr<uv_pipe_t> owned(next);
  if (uv_pipe_open(next, again.get()) != 0) return false;
  number = again.release();
  next->data = this;
  pipe = std::move(owned);
  return uv_read_start(reinterpret_cast<uv_stream_t*>(next), on_alloc, on_read) == 0;
}

namespace {

void on_written(uv_write_t* write, int status) {
  auto* request = static_cast<Stream::State::Request*>(write->data);
  auto* s = request->owner;
  if (s != nullptr) {
    s->pending.pop_front();
    if (!s->failed) s->queued -= request->bytes.size() - request->done;
  }
  delete request;
  if (s == nullptr) return;
  if (status < 0) {
    s->fail_write(-status);
  } else if (s->queued == 0 && !s->failed && s->handlers.on_drained) {
    s->handlers.on_drained();
  }
}

void on_room(uv_poll_t* watch, int, int) {
  auto* s = static_cast<Stream::State*>(watch->data);
  if (s == nullptr || !s->push()) return;
  uv_poll_stop(watch);
  if (!s->failed && s->handlers.on_drained) s->handlers.on_drained();
}

void on_idle(uv_idle_t* idle) {
  auto* s = static_cast<Stream::State*>(idle->data);
  if (s == nullptr) return;
  const ssize_t n = ::read(s->file.get(), shared_buffer(), kPiece);
  if (n < 0 && errno == EINTR) return;
  if (n > 0) {
    if (s->handlers.on_data) s->handlers.on_data({shared_buffer(), static_cast<std::size_t>(n)});
    return;
  }
  uv_idle_stop(idle);
  s->finish_read(n < 0 ? errno : 0);
}

}  // namespace

Stream::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Stream>> Stream::open(Loop& loop, Fd fd, Handlers handlers) {
  const auto failed = [](int err) {
    return std::unexpected(
        Error{.code = "E_STREAM", .where = "stream", .what = "cannot watch a descriptor", .err = err});
  };
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return failed(errno);
  auto state = std::make_unique<State>();
  state->loop = &loop;
  state->handlers = std::move(handlers);
  state->number = fd.get();
  state->is_socket = S_ISSOCK(st.st_mode);
  // uv_pipe_open takes a file or /dev/null without a word and uv_run aborts on it later: epoll refuses them (EPERM).
  state->is_file = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode);
  // Only where the device itself says so: a terminal that cannot be asked just now is one all the same.
  if (S_ISCHR(st.st_mode) && ::isatty(fd.get()) == 0 && (errno == ENOTTY || errno == EINVAL)) state->is_file = true;
  if (state->is_file) {
    auto* idle = new uv_idle_t;
    uv_idle_init(loop.get(), idle);  // cannot fail
    state->idle.reset(idle);
    idle->data = state.get();
    state->file = std::move(fd);
  } else {
    auto* pipe = new uv_pipe_t;
    if (const int r = uv_pipe_init(loop.get(), pipe, state->handlers.on_descriptor ? 1 : 0); r != 0) {
      delete pipe;
      return failed(-r);
    }
    state->pipe.reset(pipe);
    if (const int r = uv_pipe_open(pipe, fd.get()); r != 0) return failed(-r);
    (void)fd.release();  // uv_close closes it
    pipe->data = state.get();
  }
  return std::unique_ptr<Stream>(new Stream(std::move(state)));
}

Result<std::unique_ptr<Stream>> Stream::open_shared(Loop& loop, Fd fd, Handlers handlers) {
  const auto failed = [](int err) {
    return std::unexpected(Error{.code = "E_STREAM",
                                 .where = "stream",
                                 .what = "cannot watch a descriptor",
                                 .err = err,
                                 .hint = err == EMFILE ? "raise the limit: ulimit -n" : ""});
  };
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return failed(errno);
  if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) return open(loop, std::move(fd), std::move(handlers));
  auto state = std::make_unique<State>();
  state->loop = &loop;
  state->handlers = std::move(handlers);
  state->number = fd.get();
  state->is_socket = S_ISSOCK(st.st_mode);
  state->has_ended = true;  // nothing is read here
  state->shared = std::move(fd);
  state->room = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!state->room) return failed(errno);
  epoll_event wanted{.events = EPOLLOUT, .data = {}};
  if (::epoll_ctl(state->room.get(), EPOLL_CTL_ADD, state->number, &wanted) < 0) return failed(errno);
  auto* watch = new uv_poll_t;
  if (const int r = uv_poll_init(loop.get(), watch, state->room.get()); r != 0) {
    delete watch;
    return failed(-r);
  }
  watch->data = state.get();
  state->room_watch.reset(watch);
  return std::unique_ptr<Stream>(new Stream(std::move(state)));
}

Stream::~Stream() {
  for (auto* request : state_->pending) request->owner = nullptr;
}

void Stream::read_start() {
  auto& s = *state_;
  if (s.is_reading || s.has_ended) return;
  s.is_reading = true;
  if (s.is_file) {
    uv_idle_start(s.idle.get(), on_idle);
  } else if (!s.pipe) {
    s.finish_read(0);  // end() closed it
  } else if (const int r = uv_read_start(reinterpret_cast<uv_stream_t*>(s.pipe.get()), on_alloc, on_read); r != 0) {
    s.finish_read(-r);
  }
}

void Stream::read_stop() {
  auto& s = *state_;
  if (!s.is_reading) return;
  s.is_reading = false;
  if (s.is_file) {
    uv_idle_stop(s.idle.get());
  } else if (s.pipe) {
    uv_read_stop(reinterpret_cast<uv_stream_t*>(s.pipe.get()));
  }
}

void Stream::read_rest() {
  auto& s = *state_;
  if (s.pipe && !s.has_ended) (void)s.drain_tail(s.number);
}

bool Stream::reading() const { return state_->is_reading; }
bool Stream::ended() const { return state_->has_ended; }
std::size_t Stream::queued() const { return state_->queued; }
int Stream::fd() const { return state_->number; }

bool Stream::ending() const { return state_->ending; }

std::string Stream::unsent() const {
  const auto& s = *state_;
  if (s.shared) return s.backlog;
  std::string bytes;
  for (const auto* request : s.pending) bytes += request->bytes;
  // How much of the first one has gone out already only libuv knows.
  const std::size_t left =
      s.pipe ? uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(s.pipe.get())) : 0;
  return left < bytes.size() ? bytes.substr(bytes.size() - left) : bytes;
}

void Stream::write(std::string_view bytes) {
  auto& s = *state_;
  if (s.failed || s.ending) return;
  if (s.shared) {
    s.backlog.append(bytes);
    s.queued = s.backlog.size();
    if (s.push()) return;
    if (const int r = uv_poll_start(s.room_watch.get(), UV_READABLE, on_room); r != 0) s.fail_write(-r);
    return;
  }
  if (s.is_file) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(s.file.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return s.fail_write(errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return;
  }
  auto* stream = reinterpret_cast<uv_stream_t*>(s.pipe.get());
  if (s.pending.empty()) {
    auto piece = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    const int n = uv_try_write(stream, &piece, 1);
    if (n < 0 && n != UV_EAGAIN && n != UV_EINTR) return s.fail_write(-n);
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    if (bytes.empty()) return;
  }
  auto* request = new State::Request;
  request->bytes = bytes;
  request->owner = &s;
  request->write.data = request;
  auto piece = uv_buf_init(request->bytes.data(), static_cast<unsigned>(request->bytes.size()));
  if (const int r = uv_write(&request->write, stream, &piece, 1, on_written); r != 0) {
    delete request;
    return s.fail_write(-r);
  }
  s.queued += bytes.size();
  s.pending.push_back(request);
}

void Stream::end() {
  auto& s = *state_;
  if (s.ending) return;
  s.ending = true;
  if (s.is_file || s.failed || s.shared) return;
  if (s.is_socket) {
    auto* request = new uv_shutdown_t;
    if (uv_shutdown(request, reinterpret_cast<uv_stream_t*>(s.pipe.get()), [](uv_shutdown_t* r, int) { delete r; }) !=
        0)
      delete request;
    return;
  }
  if (s.pending.empty()) {
    s.pipe.reset();
    return;
  }
  s.handlers.on_drained = [&s] { s.pipe.reset(); };
}

bool Stream::stuck() const {
  const auto& s = *state_;
  pollfd p{.fd = s.number, .events = POLLOUT, .revents = 0};
  return s.queued > 0 && !s.failed && ::poll(&p, 1, 0) == 0;
}

void Stream::flush_blocking() {
  auto& s = *state_;
  while (s.shared && !s.push()) {
    pollfd p{.fd = s.number, .events = POLLOUT, .revents = 0};
    if (::poll(&p, 1, -1) < 0 && errno != EINTR) return;
  }
  if (s.is_file || !s.pipe) return;
  auto* stream = reinterpret_cast<uv_stream_t*>(s.pipe.get());
  while (s.queued > 0 && !s.failed) {
    pollfd p{.fd = s.number, .events = POLLOUT, .revents = 0};
    if (::poll(&p, 1, -1) < 0 && errno != EINTR) return;
    // A turn of the loop would run everybody's callbacks; the queue is libuv's, so only it can write it out.
    uv_run(stream->loop, UV_RUN_NOWAIT);
  }
}

Result<OwnDescription> own_description(int fd, int access_mode) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  struct stat st{};
  const bool known = ::fstat(fd, &st) == 0;
  const bool terminal = ::isatty(fd) != 0;
  // /dev/ptmx opened again is another terminal: what goes there nobody reads.
  const bool other_again = S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2);
  if (known && !S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode) && !other_again) {
    Fd own(::open(path.c_str(), access_mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) return OwnDescription{std::move(own), false, terminal};
  }
  // A regular file keeps its offset with its description (`>>log`, `(sup run …; echo) >file`): shared on purpose, and
  // O_NONBLOCK means nothing to it.
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy)
    return std::unexpected(
        Error{.code = "E_FD", .where = "descriptor " + std::to_string(fd), .what = "cannot be used", .err = errno});
  return OwnDescription{std::move(copy), !S_ISREG(st.st_mode), terminal};
}

}  // namespace sup
