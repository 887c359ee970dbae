// Methods: what a client can ask of the supervisor. One row a method in methods.cc.
#pragma once
#include <functional>
#include <string>

#include "core/supervisor.h"
#include "spec/jsonrpc.h"
#include "sys/unixsocket.h"

namespace sup::control {

struct Methods {
  Supervisor& supervisor;
  const std::string& name;   // of the supervisor
  const Peer& peer;

  // answer: gets the whole line, once, now or when what was asked for has happened.
  void call(const Request& request, std::function<void(std::string)> answer) const;
};

}  // namespace sup::control
