// Server: the supervisor's control socket: JSON-RPC, a message a line (sup-protocol: spec/jsonrpc.h).
#pragma once
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "core/eventlog.h"
#include "core/supervisor.h"
#include "face/control/eventfeed.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "loop/uvptr.h"
#include "sys/unixsocket.h"

namespace sup::control {

class Session;

// Owned by the daemon. Who may speak: this user and root, from outside of every container (peer_of()); nobody else is
// answered. A client that is slow, silent or malformed harms only itself: each session has its own bounds.
class Server {
 public:
  static constexpr std::size_t kMaxSessions = 1024;
  static constexpr std::size_t kMaxQueued = 4U << 20;   // bytes not taken by a client, before it is let go

  Server(Loop& loop, EventLog& log, Supervisor& supervisor, std::string name);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] Result<void> listen(ListeningSocket socket);
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  friend class Session;
  void accept();
  void close(std::uint64_t number);

  Loop& loop_;
  EventLog& log_;
  Supervisor& supervisor_;
  std::string name_;
  EventFeed events_;
  std::unique_ptr<ListeningSocket> socket_;
  UvPtr<uv_poll_t> watch_;
  Timer again_;                                              // after EMFILE
  std::size_t most_ = kMaxSessions;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;   // numbered, so that a late answer finds nobody, not another
};

}  // namespace sup::control
