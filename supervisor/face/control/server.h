// Server: the supervisor's control socket: JSON-RPC, a message a line (sup-protocol: spec/jsonrpc.h).
#pragma once
#include <map>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

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
  // Some client has not taken all that was sent to it.
  [[nodiscard]] bool busy() const;

  // How a client's wish for a live upgrade is begun; empty: there is none (the foreground's).
  std::function<Result<void>(std::string program, std::function<void(const Error&)> failed)> on_reload;

  // For that upgrade: nobody new is let in and nothing is read, or both again; no client is between lines and frames; what there
  // is, and its descriptors; and all of it in the program that comes.
  void hold(bool yes);
  [[nodiscard]] bool settled() const;
  [[nodiscard]] nlohmann::json save() const;
  [[nodiscard]] std::vector<int> descriptors() const;
  void restore_events(const nlohmann::json& saved);
  void restore(const nlohmann::json& saved);

 private:
  friend class Session;
  void accept();
  [[nodiscard]] int watch();
  void close(std::uint64_t number);

  Loop& loop_;
  EventLog& log_;
  Supervisor& supervisor_;
  std::string name_;
  EventFeed events_;
  std::unique_ptr<ListeningSocket> socket_;
  UvPtr<uv_poll_t> watch_;
  Timer again_;  // after EMFILE
  std::size_t most_ = kMaxSessions;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Session>>
      sessions_;  // numbered, so that a late answer finds nobody, not another
};

}  // namespace sup::control
