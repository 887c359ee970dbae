#include "sys/ahead.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "sys/pidfd.h"

constinit sup::AheadMade sup_ahead_made = {};

namespace sup {

Ahead::Ahead(Ahead&& other) noexcept
    : pid(std::exchange(other.pid, -1)), pidfd(std::move(other.pidfd)), boot(std::move(other.boot)) {}

Ahead::~Ahead() {
  if (pid < 0) return;
  (void)pidfd_signal(pidfd.get(), SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<Ahead> take_ahead() {
  if (sup_ahead_made.pid == 0) return std::nullopt;
  Ahead out;
  out.pid = std::exchange(sup_ahead_made.pid, 0);
  out.pidfd = Fd(sup_ahead_made.pidfd);
  out.boot = Fd(sup_ahead_made.boot);
  return out;
}

Fd take_ahead_image() { return sup_ahead_made.image == 0 ? Fd() : Fd(std::exchange(sup_ahead_made.image, 0)); }

}  // namespace sup
