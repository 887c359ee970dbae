// Unix sockets: the supervisor's listening one, a client's, and who is at the other end.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

// A listening socket and the lock that makes it ours. The lock file (PATH.lock, kept open) decides between two who start at
// once, not connect(2) and not the socket's existence: a socket left by one that was killed is replaced under the lock.
// The destructor removes the socket.
class ListeningSocket {
 public:
  // Mode 0600 from its first moment. E_SUPERVISOR_RUNS (errno EADDRINUSE) when another supervisor holds the lock.
  static Result<ListeningSocket> open(const std::string& path);
  // At a path that nobody else can want (a name made by chance): without a lock, and there only once it listens, so that one
  // whose connections are refused has been left behind (abandoned_run()). Mode 0600 from its first moment.
  static Result<ListeningSocket> open_own(const std::string& path);
  // As it was before a live upgrade: both descriptors are ours already. borrowed: it had been handed in.
  static ListeningSocket adopt(std::string path, Fd lock, Fd socket, bool borrowed);
  // The one that a service manager hands in (sd_listen_fds(3)): the first of $LISTEN_FDS, which must be bound to `path`. It stays where
  // it is at the end. none: there is none.
  static Result<std::optional<ListeningSocket>> handed_in(const std::string& path);
  ListeningSocket(ListeningSocket&&) = default;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] int lock() const { return lock_.get(); }
  [[nodiscard]] bool borrowed() const { return borrowed_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ListeningSocket(std::string path, Fd lock, Fd socket);
  std::string path_;
  Fd lock_;
  Fd socket_;
  bool borrowed_ = false;
};

// Descriptors that may go along with one message.
inline constexpr std::size_t kMaxPassed = 3;

// E_NO_SUPERVISOR when nobody listens (errno ENOENT, ECONNREFUSED).
[[nodiscard]] Result<Fd> connect_to(const std::string& path);

// The process at the other end, as the kernel knows it (SO_PEERCRED; not what it says of itself).
struct SocketPeer {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  bool same_namespaces = false;  // its pid and user namespaces are ours: it is not inside a container
};
[[nodiscard]] Result<SocketPeer> peer_of(int socket);

// The pid of who listens at the other end, when it is stopped (ctrl-z): it answers nobody until it is continued. none: it is not.
[[nodiscard]] std::optional<pid_t> stopped_peer(int socket);

}  // namespace sup
