#include "sys/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"

namespace sup {

void notify_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (*path != '/' && *path != '@')) return;
  const std::size_t length = std::strlen(path);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (length < 2 || length >= sizeof to.sun_path) return;
  std::memcpy(to.sun_path, path, length);
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // an abstract one
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return;
  (void)!::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
                  static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

}  // namespace sup
