// Session: one client of the control socket.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "face/control/eventfeed.h"
#include "face/control/framed.h"
#include "face/control/methods.h"
#include "face/control/server.h"
#include "loop/nextturn.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "spec/jsonrpc.h"
#include "sys/unixsocket.h"

namespace sup::control {

// Owned by the Server, which closes it at the end of a turn.
class Session {
 public:
  Session(Server& server, std::uint64_t number, const SocketPeer& peer);
  [[nodiscard]] Result<void> open(Loop& loop, Fd socket);

  // For a live upgrade: nothing is asked that waits for more than its answer; nothing is read; and what it is, and again.
  [[nodiscard]] bool settled() const { return !upgrading_ && waiting_.empty(); }
  void hold(bool yes);
  [[nodiscard]] bool closing() const { return closing_; }
  [[nodiscard]] int fd() const { return stream_->fd(); }
  [[nodiscard]] bool busy() const { return !closing_ && (stream_->queued() != 0 || !answers_.empty()); }
  [[nodiscard]] nlohmann::json save() const;
  // A stream for `saved` is ours already: resume() after all of the sessions are there.
  [[nodiscard]] Result<void> adopt(Loop& loop, const nlohmann::json& saved);
  void resume(const nlohmann::json& saved);

  // A line to the client, at the end of the turn at the latest; lets go of one that does not read.
  void send(const std::string& line);

 private:
  [[nodiscard]] Result<void> watch(Loop& loop, Fd socket);
  [[nodiscard]] Methods methods(std::vector<Fd>& passed);
  void subscribe(std::deque<std::string> snapshot, std::uint64_t next);
  void answer(const std::string& line);
  void flush();
  void asked_all();
  void finish();
  void look();
  void received(std::string_view bytes);
  void go_on();
  [[nodiscard]] std::string_view take(std::string_view bytes);
  void handle(std::string_view line);
  void drained();
  void upgrade(const std::string& line, std::unique_ptr<Endpoint> endpoint);
  void answered();
  void read_on();
  void close();

  Server& server_;
  std::uint64_t number_;
  SocketPeer peer_;
  std::unique_ptr<Stream> stream_;
  std::string line_;  // begun, not ended
  std::string answers_;  // of this turn, not written yet
  bool flushes_ = false;  // at its end
  std::unique_ptr<Subscription> subscription_;
  std::unique_ptr<Framed> framed_;  // after an upgrade
  bool upgrading_ = false;  // one was asked for and is not answered
  std::string behind_;  // came behind that request: lines or frames, as it is answered
  std::vector<Fd> passed_;  // descriptors that came with the bytes that are being looked at; closed after that
  std::map<std::string, Pending> pending_;  // by the request's id as JSON
  std::size_t unanswered_ = 0;  // requests
  bool asks_no_more_ = false;  // its side has ended; ours does with the last answer
  bool held_ = false;
  bool closing_ = false;
  std::string waiting_;  // has come, is not looked at yet
  NextTurn next_;
  Timer gone_;  // whether one that asks no more is still there
};

}  // namespace sup::control
