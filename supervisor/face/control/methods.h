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

// What a request waits for.
struct Pending {
  enum class For : std::uint8_t { end, begin, reload };
  For what = For::end;
  std::string container;   // its id
};

struct Methods {
  Loop& loop;
  Supervisor& supervisor;
  const std::string& name;   // of the supervisor
  const SocketPeer& peer;
  std::vector<Fd>& passed;   // descriptors that came with the request's end; what is not taken is closed
  const EventFeed& events;
  // From the answer on the client is told what happens: lines to begin with, and the number of the first event.
  std::function<void(std::deque<std::string> snapshot, std::uint64_t next)> subscribe;
  // The request's answer waits: for a container's end or start, or for a live upgrade. Noted, so that it is given by the program
  // that comes, too.
  std::function<void(const std::string& id, Pending pending)> waits;
  // Begins a live upgrade (face/reload.h). failed: told if it comes to nothing.
  const std::function<Result<void>(std::string program, std::function<void(const Error&)> failed)>& reload;

  // What becomes of a request: one of the two, once, now or when what was asked for has happened. Both get the whole line.
  using Answer = std::function<void(std::string)>;
  using Upgrade = std::function<void(std::string, std::unique_ptr<Endpoint>)>;
  // Whether the connection may become frames by this request: what comes behind it waits until it is answered.
  [[nodiscard]] static bool may_upgrade(const Request& request);
  void call(const Request& request, Answer answer, Upgrade upgrade) const;
  // A request that was pending before a live upgrade: id as JSON.
  void resume(const std::string& id, const Pending& pending, const Answer& answer) const;
};

}  // namespace sup::control
