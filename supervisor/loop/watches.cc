#include "loop/watches.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sup {
namespace {

Watches* first = nullptr;

int kernels_control(int epoll, int op, int fd, epoll_event* event) {
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, op, fd, event));
}

int kernels_wait(int epoll, epoll_event* events, int room, int timeout) {
  return static_cast<int>(::syscall(SYS_epoll_pwait, epoll, events, room, timeout, nullptr, 0));
}

// Whether it is the kernel's last word on this descriptor, which libuv knows how to take, and no refusal for now.
bool is_final(int err, int fd) {
  if (err == EEXIST || err == ENOENT || err == EBADF || err == EINVAL || err == ELOOP) return true;
  struct stat st{};
  return err == EPERM && (::fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

}  // namespace

Watches::Watches(int epoll) : Watches(epoll, kernels_control) {}

Watches::Watches(int epoll, Ctl kernel) : epoll_(epoll), kernel_(kernel), next_(first) { first = this; }

Watches::~Watches() {
  Watches** at = &first;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

Watches* Watches::of(int epoll) {
  for (Watches* each = first; each != nullptr; each = each->next_) {
    if (each->epoll_ == epoll) return each;
  }
  return nullptr;
}

int Watches::control(int op, int fd, epoll_event* event) {
  const auto found = refused_.find(fd);
  if (op == EPOLL_CTL_DEL) {
    const int r = kernel_(epoll_, op, fd, event);
    // What was refused may be in epoll all the same: see below.
    if (found != refused_.end()) {
      refused_.erase(found);
      return 0;
    }
    // One that stays although nobody wants it any more is told of, which libuv passes over, until it is closed or wanted again
    // (EEXIST, and libuv changes it).
    return r < 0 && !is_final(errno, fd) ? 0 : r;
  }
  // One that is polled is not in there, unless a change to it was refused: then epoll knows the old events, and is asked to
  // forget it first.
  if (found != refused_.end()) (void)kernel_(epoll_, EPOLL_CTL_DEL, fd, event);
  if (kernel_(epoll_, found != refused_.end() ? EPOLL_CTL_ADD : op, fd, event) == 0) {
    if (found != refused_.end()) refused_.erase(found);
    return 0;
  }
  if (found == refused_.end() && is_final(errno, fd)) return -1;
  refused_.insert_or_assign(fd, *event);
  return 0;
}

void Watches::ask_again() {
  for (auto each = refused_.begin(); each != refused_.end();) {
    const bool there = kernel_(epoll_, EPOLL_CTL_ADD, each->first, &each->second) == 0 ||
                       (errno == EEXIST && kernel_(epoll_, EPOLL_CTL_MOD, each->first, &each->second) == 0);
    each = there ? refused_.erase(each) : std::next(each);
  }
}

int Watches::wait(epoll_event* events, int room, int timeout) {
  if (!refused_.empty()) ask_again();
  return refused_.empty() ? kernels_wait(epoll_, events, room, timeout) : wait_polling(events, room, timeout);
}

int Watches::wait_polling(epoll_event* events, int room, int timeout) {
  polled_.assign(1, {.fd = epoll_, .events = POLLIN, .revents = 0});
  // EPOLLIN and its like are POLLIN and its like (epoll_ctl(2)).
  for (const auto& [fd, event] : refused_) {
    const std::uint32_t wanted = event.events;
    polled_.push_back({.fd = fd, .events = static_cast<short>(wanted), .revents = 0});
  }
  for (;;) {
    if (const int ready = ::poll(polled_.data(), polled_.size(), timeout); ready <= 0) return ready;
    int count = 0;
    for (std::size_t i = 1; i < polled_.size() && count < room; ++i) {
      if (polled_[i].revents == 0) continue;
      const short seen = (polled_[i].revents & POLLNVAL) != 0 ? POLLERR : polled_[i].revents;
      events[count] = refused_.at(polled_[i].fd);
      events[count++].events = static_cast<std::uint32_t>(seen);
    }
    if (polled_[0].revents == 0 || count == room) return count;
    const int others = kernels_wait(epoll_, events + count, room - count, 0);
    if (others > 0) count += others;
    // Nothing after all: libuv does not expect that of a wait without an end.
    if (count != 0 || timeout != -1) return count;
  }
}

}  // namespace sup

extern "C" int epoll_ctl(int epoll, int op, int fd, epoll_event* event) noexcept {
  sup::Watches* watches = sup::Watches::of(epoll);
  return watches != nullptr ? watches->control(op, fd, event) : sup::kernels_control(epoll, op, fd, event);
}

extern "C" int epoll_wait(int epoll, epoll_event* events, int room, int timeout) {
  sup::Watches* watches = sup::Watches::of(epoll);
  return watches != nullptr ? watches->wait(events, room, timeout) : sup::kernels_wait(epoll, events, room, timeout);
}
