#include "face/screen.h"

#include <fcntl.h>
#include <unistd.h>

namespace sup {
namespace {
// Bounds the memory that a reader who sleeps can cost; a pty or pipe of the command's fills up behind it.
constexpr std::size_t kMark = 256 * 1024;
}  // namespace

SharedFlags::~SharedFlags() {
  if (fd_ >= 0) ::fcntl(fd_, F_SETFL, flags_);
}

void SharedFlags::keep(int fd) {
  if (fd_ >= 0) return;
  flags_ = ::fcntl(fd, F_GETFL);
  if (flags_ >= 0) fd_ = fd;
}

Result<std::unique_ptr<Screen>> Screen::open(Loop& loop, int fd, Handlers handlers) {
  std::unique_ptr<Screen> screen(new Screen);
  auto own = own_description(fd, O_WRONLY);
  if (!own) return std::unexpected(own.error());
  if (own->shared) screen->flags_.keep(fd);
  screen->terminal_ = ::isatty(fd) != 0;
  auto stream = Stream::open(loop, std::move(own->fd), {.on_drained = std::move(handlers.on_drained), .on_fail = std::move(handlers.on_fail)});
  if (!stream) return std::unexpected(stream.error());
  screen->stream_ = std::move(*stream);
  return screen;
}

void Screen::write(std::string_view bytes) { stream_->write(bytes); }
bool Screen::full() const { return stream_->queued() > kMark; }
bool Screen::busy() const { return stream_->queued() > 0; }

}  // namespace sup
