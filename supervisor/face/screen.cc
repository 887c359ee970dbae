#include "face/screen.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace sup {
namespace {
// Bounds the memory that a reader who sleeps can cost; a pty or pipe of the command's fills up behind it.
constexpr std::size_t kMark = 256 * 1024;

std::array<int, 3> noted{-1, -1, -1};
}  // namespace

SharedFlags::~SharedFlags() { give_back(); }

void SharedFlags::note() {
  for (int fd = 0; fd < 3; ++fd) noted[static_cast<std::size_t>(fd)] = ::fcntl(fd, F_GETFL);
}

void SharedFlags::give_back() const {
  if (fd_ >= 0) ::fcntl(fd_, F_SETFL, flags_);
}

void SharedFlags::again() const {
  if (fd_ >= 0) ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
}

void SharedFlags::keep(int fd) {
  if (fd_ >= 0) return;
  const int first = fd < 3 ? noted[static_cast<std::size_t>(fd)] : -1;
  flags_ = first >= 0 ? first : ::fcntl(fd, F_GETFL);
  if (flags_ >= 0) fd_ = fd;
}

Result<std::unique_ptr<Screen>> Screen::open(Loop& loop, int fd, Handlers handlers) {
  std::unique_ptr<Screen> screen(new Screen);
  auto own = own_description(fd, O_WRONLY);
  if (!own) return std::unexpected(own.error());
  screen->terminal_ = own->terminal;
  const bool borrowed = own->shared && !own->terminal;
  if (own->shared && !borrowed) screen->flags_.keep(fd);
  Stream::Handlers both{.on_drained = std::move(handlers.on_drained), .on_fail = std::move(handlers.on_fail)};
  auto stream = borrowed ? Stream::open_shared(loop, std::move(own->fd), std::move(both))
                         : Stream::open(loop, std::move(own->fd), std::move(both));
  if (!stream) return std::unexpected(stream.error());
  screen->stream_ = std::move(*stream);
  return screen;
}

void Screen::write(std::string_view bytes) { stream_->write(bytes); }
bool Screen::full() const { return stream_->queued() > kMark; }
bool Screen::busy() const { return stream_->queued() > 0; }

}  // namespace sup
