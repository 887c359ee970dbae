// Methods: what a client can ask of the supervisor. One row a method in methods.cc.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "core/supervisor.h"
#include "face/control/eventfeed.h"
#include "face/control/framed.h"
#include "loop/loop.h"
#include "spec/jsonrpc.h"
#include "sys/unixsocket.h"

namespace sup::control {

struct Methods {
  Loop& loop;
  Supervisor& supervisor;
  const std::string& name;   // of the supervisor
  const Peer& peer;
  std::vector<Fd>& passed;   // descriptors that came with the request; what is not taken is closed
  const EventFeed& events;
  // From the answer on the client is told what happens: lines to begin with, and the number of the first event.
  std::function<void(std::deque<std::string> snapshot, std::uint64_t next)> subscribe;

  // What becomes of a request: one of the two, once, now or when what was asked for has happened. Both get the whole line.
  using Answer = std::function<void(std::string)>;
  using Upgrade = std::function<void(std::string, std::unique_ptr<Endpoint>)>;
  // Whether the connection may become frames by this request: what comes behind it waits until it is answered.
  [[nodiscard]] static bool may_upgrade(const Request& request);
  void call(const Request& request, Answer answer, Upgrade upgrade) const;
};

}  // namespace sup::control
