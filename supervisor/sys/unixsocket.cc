#include "sys/unixsocket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/text.h"
#include "sys/procfs.h"
#include "sys/runtime.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace sup {
namespace {

Error failed(std::string code, const std::string& path, int err, std::string why, std::string hint) {
  return Error{.code = std::move(code),
               .where = "supervisor",
               .what = path,
               .err = err,
               .why = std::move(why),
               .hint = std::move(hint),
               .path = path,
               .stage = {}};
}

Result<sockaddr_un> address(const std::string& path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path) {
    return std::unexpected(failed("E_SOCKET_PATH", path, ENAMETOOLONG, "a socket's path has at most 107 bytes",
                                  "set SUP_RUNTIME_DIR to a shorter one"));
  }
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  return where;
}

// What a namespace file of a process is: "pid:[4026531836]"; empty: not to be had.
std::string namespace_of(const std::string& process, const char* kind) {
  char text[64];
  const ssize_t n = ::readlink(("/proc/" + process + "/ns/" + kind).c_str(), text, sizeof text);
  return n <= 0 ? std::string() : std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

ListeningSocket::ListeningSocket(std::string path, Fd lock, Fd socket)
    : path_(std::move(path)), lock_(std::move(lock)), socket_(std::move(socket)) {}

ListeningSocket ListeningSocket::adopt(std::string path, Fd lock, Fd socket, bool borrowed) {
  ListeningSocket adopted(std::move(path), std::move(lock), std::move(socket));
  adopted.borrowed_ = borrowed;
  return adopted;
}

ListeningSocket::~ListeningSocket() {
  // Under the lock; the lock file stays, or two could hold locks on two files of the same name.
  if (socket_ && !borrowed_) ::unlink(path_.c_str());
}

namespace {

Result<Fd> lock_for(const std::string& path) {
  const std::string lock_path = path + ".lock";
  Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return std::unexpected(failed("E_SOCKET", lock_path, errno, {}, {}));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    return std::unexpected(failed("E_SUPERVISOR_RUNS", path, EADDRINUSE, "a supervisor of this name runs already",
                                  "use it, or choose another name with -S"));
  }
  return lock;
}

}  // namespace

Result<std::optional<ListeningSocket>> ListeningSocket::handed_in(const std::string& path) {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::to_string(::getpid()) != pid ||
      parse_unsigned<unsigned>(count).value_or(0) == 0)
    return std::optional<ListeningSocket>();
  // Meant for us, not for what we start.
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  constexpr int kFirst = 3;
  int listening = 0;
  socklen_t size = sizeof listening;
  sockaddr_un name{};
  socklen_t length = sizeof name;
  const bool good = ::getsockopt(kFirst, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0 &&
                    ::getsockname(kFirst, reinterpret_cast<sockaddr*>(&name), &length) == 0 &&
                    name.sun_family == AF_UNIX;
  if (!good)
    return std::unexpected(failed("E_SOCKET", path, ENOTSOCK, "what $LISTEN_FDS hands in is no listening unix socket",
                                  "ListenStream=" + path));
  if (path != name.sun_path) {
    return std::unexpected(failed("E_SOCKET", path, EINVAL, "what $LISTEN_FDS hands in is " + printable(name.sun_path),
                                  "ListenStream=" + path));
  }
  Fd socket(kFirst);
  auto lock = lock_for(path);
  if (!lock) return std::unexpected(lock.error());
  if (::fcntl(kFirst, F_SETFL, ::fcntl(kFirst, F_GETFL) | O_NONBLOCK) < 0 || ::fcntl(kFirst, F_SETFD, FD_CLOEXEC) < 0) {
    return std::unexpected(failed("E_SOCKET", path, errno, {}, {}));
  }
  ListeningSocket made(path, std::move(*lock), std::move(socket));
  made.borrowed_ = true;
  return std::optional<ListeningSocket>(std::move(made));
}

namespace {

Result<Fd> listen_at(const std::string& path) {
  const auto where = address(path);
  if (!where) return std::unexpected(where.error());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(failed("E_SOCKET", path, errno, {}, {}));
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*where), sizeof *where);
  const int err = errno;
  ::umask(before);
  if (bound < 0) return std::unexpected(failed("E_SOCKET", path, err, {}, {}));
  if (::listen(socket.get(), SOMAXCONN) < 0) {
    const int refused = errno;
    ::unlink(path.c_str());
    return std::unexpected(failed("E_SOCKET", path, refused, {}, {}));
  }
  return socket;
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const std::string& path) {
  if (const auto where = address(path); !where) return std::unexpected(where.error());
  auto lock = lock_for(path);
  if (!lock) return std::unexpected(lock.error());
  ::unlink(path.c_str());  // whoever left it has lost the lock
  auto socket = listen_at(path);
  if (!socket) return std::unexpected(socket.error());
  return ListeningSocket(path, std::move(*lock), std::move(*socket));
}

Result<ListeningSocket> ListeningSocket::open_own(const std::string& path) {
  const std::string unseen = path + std::string(kUnseenSuffix);
  auto socket = listen_at(unseen);
  if (!socket) return std::unexpected(socket.error());
  if (::rename(unseen.c_str(), path.c_str()) < 0) {
    const int err = errno;
    ::unlink(unseen.c_str());
    return std::unexpected(failed("E_SOCKET", path, err, {}, {}));
  }
  return ListeningSocket(path, Fd(), std::move(*socket));
}

Result<Fd> connect_to(const std::string& path) {
  const auto where = address(path);
  if (!where) return std::unexpected(where.error());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return std::unexpected(failed("E_SOCKET", path, errno, {}, {}));
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*where), sizeof *where) < 0) {
    if (errno == EINTR) continue;
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return std::unexpected(failed("E_NO_SUPERVISOR", path, errno, "no supervisor listens there",
                                    "start one: sup daemon, or sup run -d"));
    }
    return std::unexpected(failed("E_SOCKET", path, errno, {}, {}));
  }
  return socket;
}

Result<SocketPeer> peer_of(int socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
    return std::unexpected(failed("E_SOCKET", "peer", errno, {}, {}));
  SocketPeer peer{.pid = who.pid, .uid = who.uid, .same_namespaces = false};
  // A pid of 0 has no name in our pid namespace: it is outside of it.
  if (who.pid <= 0) return peer;
  // The pidfd (Linux 6.5) tells whether the process that /proc shows is still the one that connected.
  int number = -1;
  size = sizeof number;
  const Fd pidfd(::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &number, &size) == 0 ? number : -1);
  const std::string process = std::to_string(who.pid);
  bool same = true;
  for (const char* kind : {"pid", "user"}) {
    const std::string theirs = namespace_of(process, kind);
    // Root's are not ours to read; it needs no socket to do with us what it likes.
    if (theirs.empty() && who.uid == 0 && ::geteuid() != 0) continue;
    same = same && !theirs.empty() && theirs == namespace_of("self", kind);
  }
  if (pidfd) {
    pollfd gone{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    if (::poll(&gone, 1, 0) != 0) same = false;
  }
  peer.same_namespaces = same;
  return peer;
}

std::optional<pid_t> stopped_peer(int socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.pid <= 0) return std::nullopt;
  const auto stat = read_file("/proc/" + std::to_string(who.pid) + "/stat");
  // Behind the name, which may hold anything: "PID (NAME) STATE ...".
  const auto name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end == std::string::npos || name_end + 2 >= stat->size()) return std::nullopt;
  const char state = (*stat)[name_end + 2];
  if (state != 'T' && state != 't') return std::nullopt;
  return who.pid;
}

}  // namespace sup
