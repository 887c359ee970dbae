#include "face/control/server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "face/control/session.h"

namespace sup::control {
namespace {
constexpr std::chrono::milliseconds kRetry{100};
}

Server::Server(Loop& loop, EventLog& log, Supervisor& supervisor, std::string name)
    : loop_(loop), log_(log), supervisor_(supervisor), name_(std::move(name)), events_(loop, log), again_(loop) {}

Server::~Server() = default;

Result<void> Server::listen(ListeningSocket socket) {
  socket_ = std::make_unique<ListeningSocket>(std::move(socket));
  // Half of the descriptors at most: the other half is for containers, which idle clients must not keep from starting.
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) most_ = std::min<std::size_t>(most_, limit.rlim_cur / 2);
  auto* h = new uv_poll_t;
  if (const int r = uv_poll_init(loop_.get(), h, socket_->fd()); r != 0) {
    delete h;
    return std::unexpected(
        Error{.code = "E_SOCKET", .where = "supervisor", .what = "cannot watch its socket", .err = -r});
  }
  watch_.reset(h);
  h->data = this;
  if (const int r = watch(); r != 0) {
    return std::unexpected(
        Error{.code = "E_SOCKET", .where = "supervisor", .what = "cannot watch its socket", .err = -r});
  }
  return {};
}

int Server::watch() {
  return uv_poll_start(watch_.get(), UV_READABLE, [](uv_poll_t* p, int, int) {
    if (p->data != nullptr) static_cast<Server*>(p->data)->accept();
  });
}

void Server::accept() {
  // A few a turn: a storm of connections must not keep the loop from the containers.
  for (int i = 0; i < 16; ++i) {
    Fd socket(::accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection waits in the queue; asking at once again would be all that we do.
        uv_poll_stop(watch_.get());
        again_.start(kRetry, [this] { (void)watch(); });
      }
      return;
    }
    if (sessions_.size() >= most_) continue;  // closed at once
    const auto peer = peer_of(socket.get());
    const bool allowed = peer && (peer->uid == ::geteuid() || peer->uid == 0) && peer->same_namespaces;
    if (!allowed) {
      log_.emit(Event{
          .id = {},
          .name = {},
          .cause = 0,
          .what = event::Problem{
              .error = Error{.code = "E_DENIED",
                             .where = "control socket",
                             .what = "a client was refused",
                             .err = EACCES,
                             .why = peer ? "pid " + std::to_string(peer->pid) + " of uid " + std::to_string(peer->uid) +
                                               (peer->same_namespaces ? "" : " is inside a container")
                                         : "nobody knows who it is",
                             .hint = {},
                             .path = {},
                             .stage = {}},
              .level = Level::warning}});
      continue;
    }
    const auto number = ++next_;
    auto session = std::make_unique<Session>(*this, number, *peer);
    if (auto r = session->open(loop_, std::move(socket)); !r) continue;
    sessions_.emplace(number, std::move(session));
  }
}

bool Server::busy() const {
  return std::ranges::any_of(sessions_, [](const auto& one) { return one.second->busy(); });
}

void Server::close(std::uint64_t number) {
  loop_.later([this, number] { sessions_.erase(number); });
}

}  // namespace sup::control
