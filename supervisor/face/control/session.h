// Session: one client of the control socket.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "face/control/eventfeed.h"
#include "face/control/framed.h"
#include "face/control/server.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "spec/jsonrpc.h"
#include "sys/unixsocket.h"

namespace sup::control {

// Owned by the Server, which closes it at the end of a turn.
class Session {
 public:
  Session(Server& server, std::uint64_t number, const Peer& peer);
  [[nodiscard]] Result<void> open(Loop& loop, Fd socket);

  // A line to the client; lets go of one that does not read.
  void send(std::string line);

 private:
  void received(std::string_view bytes);
  void go_on();
  [[nodiscard]] std::string_view take(std::string_view bytes);
  void handle(std::string_view line);
  void drained();
  void upgrade(std::string line, std::unique_ptr<Endpoint> endpoint);
  void answered();
  void read_on();
  void close();

  Server& server_;
  std::uint64_t number_;
  Peer peer_;
  std::unique_ptr<Stream> stream_;
  std::string line_;               // begun, not ended
  std::unique_ptr<Subscription> subscription_;
  std::unique_ptr<Framed> framed_;  // after an upgrade
  bool upgrading_ = false;          // one was asked for and is not answered
  std::string behind_;              // came behind that request: lines or frames, as it is answered
  std::vector<Fd> passed_;          // descriptors that came since the last request
  bool closing_ = false;
  std::string waiting_;            // has come, is not looked at yet
  Timer next_;
};

}  // namespace sup::control
