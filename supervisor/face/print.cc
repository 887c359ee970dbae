#include "face/print.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace sup {

Result<int> print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(1, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      pollfd p{.fd = 1, .events = POLLOUT, .revents = 0};
      ::poll(&p, 1, -1);
      continue;
    }
    if (n < 0 && errno == EPIPE) return 0;
    if (n < 0)
      return std::unexpected(
          Error{.code = "E_OUTPUT", .where = "standard output", .what = "cannot be written", .err = errno});
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace sup
