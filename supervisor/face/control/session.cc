#include "face/control/session.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

#include "face/control/methods.h"

namespace sup::control {
namespace {

constexpr std::uint64_t kSlice = 2000;   // microseconds

}  // namespace

Session::Session(Server& server, std::uint64_t number, const Peer& peer) : server_(server), number_(number), peer_(peer), next_(server.loop_) {}

Result<void> Session::open(Loop& loop, Fd socket) {
  auto stream = Stream::open(loop, std::move(socket),
                             {.on_data = [this](std::string_view bytes) { received(bytes); },
                              .on_end = [this](int) { closing_ = true, server_.close(number_); },
                              .on_drained = [this] { if (subscription_) subscription_->pump(); },
                              .on_fail = [this](int) { closing_ = true, server_.close(number_); }});
  if (!stream) return std::unexpected(stream.error());
  stream_ = std::move(*stream);
  // The server speaks first, so that who connects by hand sees what this is.
  send(notification_line("hello", {{"version", SUP_VERSION}, {"api", 1}, {"supervisor", server_.name_}, {"pid", ::getpid()}, {"seq", server_.events_.seq()}}));
  stream_->read_start();
  return {};
}

void Session::send(std::string line) {
  if (closing_) return;
  line += '\n';
  stream_->write(line);
  if (stream_->queued() > Server::kMaxQueued) {
    closing_ = true;
    server_.close(number_);
  }
}

void Session::received(std::string_view bytes) {
  const auto rest = take(bytes);
  if (rest.empty()) return;
  waiting_ = rest;
  stream_->read_stop();
  next_.start(std::chrono::milliseconds(0), [this] { go_on(); });
}

void Session::go_on() {
  const std::string bytes = std::exchange(waiting_, {});
  const auto rest = take(bytes);
  if (closing_) return;
  if (rest.empty()) return stream_->read_start();
  waiting_ = rest;
  next_.start(std::chrono::milliseconds(0), [this] { go_on(); });
}

// Gives back what is left when its slice of the loop's turn is used up: a client who asks for much is not to keep the others,
// or the containers, from being served.
std::string_view Session::take(std::string_view bytes) {
  const auto since = Loop::now_us();
  while (!bytes.empty() && !closing_) {
    if (Loop::now_us() - since > kSlice) return bytes;
    const auto end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    bytes = end == std::string_view::npos ? std::string_view{} : bytes.substr(end + 1);
    if (line_.size() > kMaxMessage) {
      // What comes next cannot be told from the rest of this one: the connection has no more meaning.
      send(error_line(RpcError{.code = kInvalidRequest, .name = "E_RPC_TOO_LARGE", .message = "a message has at most 1 MiB"}));
      closing_ = true;
      server_.close(number_);
      return {};
    }
    if (end == std::string_view::npos) return {};
    handle(std::exchange(line_, {}));
  }
  return {};
}

void Session::handle(std::string_view line) {
  if (line.empty() || line == "\r") return;
  auto request = parse_request(line);
  if (!request) return send(error_line(request.error()));
  const auto subscribe = [this](std::deque<std::string> snapshot, std::uint64_t next) {
    subscription_.reset();
    subscription_ = std::make_unique<Subscription>(server_.events_, *stream_, std::move(snapshot), next, [this] { closing_ = true, server_.close(number_); });
    subscription_->pump();
  };
  Methods{server_.supervisor_, server_.name_, peer_, server_.events_, subscribe}.call(
      *request,
      // The answer may come much later, when this session is gone: the number finds nobody then.
      [server = &server_, number = number_, quiet = request->notification()](std::string answer) {
        const auto found = server->sessions_.find(number);
        if (found != server->sessions_.end() && !quiet) found->second->send(std::move(answer));
      });
}

}  // namespace sup::control
