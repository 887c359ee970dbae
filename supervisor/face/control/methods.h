// Methods: what a client can ask of the supervisor. One row a method in methods.cc.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "core/supervisor.h"
#include "face/control/eventfeed.h"
#include "spec/jsonrpc.h"
#include "sys/unixsocket.h"

namespace sup::control {

struct Methods {
  Supervisor& supervisor;
  const std::string& name;   // of the supervisor
  const Peer& peer;
  const EventFeed& events;
  // From the answer on the client is told what happens: lines to begin with, and the number of the first event.
  std::function<void(std::deque<std::string> snapshot, std::uint64_t next)> subscribe;

  // answer: gets the whole line, once, now or when what was asked for has happened.
  void call(const Request& request, std::function<void(std::string)> answer) const;
};

}  // namespace sup::control
