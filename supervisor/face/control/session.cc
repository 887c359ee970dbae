#include "face/control/session.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>

#include "face/control/methods.h"

namespace sup::control {
namespace {

constexpr std::uint64_t kSlice = 2000;   // microseconds
constexpr std::size_t kBeginning = 128;  // of a request
constexpr std::size_t kTogether = 16 * 1024;  // bytes of answers
// A hang-up is not told by a descriptor at whose end of file we have been (libuv watches it no more): look.
constexpr std::chrono::milliseconds kLook{500};

}  // namespace

Session::Session(Server& server, std::uint64_t number, const SocketPeer& peer)
    : server_(server), number_(number), peer_(peer), next_(server.loop_), gone_(server.loop_) {}

Result<void> Session::watch(Loop& loop, Fd socket) {
  auto stream = Stream::open(loop, std::move(socket),
                             {.on_data = [this](std::string_view bytes) { received(bytes); },
                              .on_end = [this](int err) { err == 0 ? asked_all() : close(); },
                              .on_drained = [this] { drained(); },
                              .on_fail = [this](int) { close(); },
                              .on_descriptor =
                                  [this](Fd fd) {
                                    if (passed_.size() < kMaxPassed) passed_.push_back(std::move(fd));
                                  }});
  if (!stream) return std::unexpected(stream.error());
  stream_ = std::move(*stream);
  return {};
}

Result<void> Session::open(Loop& loop, Fd socket) {
  if (auto r = watch(loop, std::move(socket)); !r) return r;
  // The server speaks first, so that who connects by hand sees what this is.
  send(notification_line("hello", {{"version", SUP_VERSION},
                                   {"api", 1},
                                   {"supervisor", server_.name_},
                                   {"pid", ::getpid()},
                                   {"seq", server_.events_.seq()}}));
  stream_->read_start();
  return {};
}

// Who ends only the own side (socat and nc at the end of their input) still hears what was asked for.
void Session::asked_all() {
  asks_no_more_ = true;
  if (framed_) return close();
  finish();
  if (!closing_) look();
}

void Session::finish() {
  if (!asks_no_more_ || unanswered_ != 0) return;
  flush();
  if (!closing_ && stream_->queued() == 0) close();
}

void Session::look() {
  pollfd p{.fd = stream_->fd(), .events = 0, .revents = 0};
  if (::poll(&p, 1, 0) > 0) return close();  // POLLHUP: the other side as well
  gone_.start(kLook, [this] { look(); });
}

void Session::close() {
  flush();
  closing_ = true;
  server_.close(number_);
}

// The answers of one turn go out together: of a thousand stops many end in the same one.
void Session::send(const std::string& line) {
  if (closing_) return;
  answers_ += line;
  answers_ += '\n';
  // What others write to the stream comes behind them.
  if (subscription_ || upgrading_ || answers_.size() > kTogether) return flush();
  if (std::exchange(flushes_, true)) return;
  server_.loop_.later([server = &server_, number = number_] {
    const auto found = server->sessions_.find(number);
    if (found == server->sessions_.end()) return;
    found->second->flushes_ = false;
    found->second->flush();
  });
}

void Session::flush() {
  if (answers_.empty() || !stream_) return;
  stream_->write(std::exchange(answers_, {}));
  if (!closing_ && stream_->queued() > Server::kMaxQueued) close();
}

void Session::drained() {
  if (framed_) return framed_->drained();
  if (subscription_) return subscription_->pump();
  finish();
}

void Session::received(std::string_view bytes) {
  const auto rest = take(bytes);
  if (rest.empty()) return passed_.clear();
  waiting_ = rest;
  stream_->read_stop();
  next_.start([this] { go_on(); });
}

void Session::go_on() {
  const std::string bytes = std::exchange(waiting_, {});
  const auto rest = take(bytes);
  if (closing_) return;
  if (rest.empty()) {
    passed_.clear();
    return read_on();
  }
  waiting_ = rest;
  next_.start([this] { go_on(); });
}

// Gives back what is left when its slice of the loop's turn is used up: a client who asks for much is not to keep the others,
// or the containers, from being served.
std::string_view Session::take(std::string_view bytes) {
  const auto since = Loop::now_us();
  while (!bytes.empty() && !closing_) {
    if (framed_) {
      framed_->received(bytes);
      return {};
    }
    if (upgrading_) {
      behind_.append(bytes);
      return {};
    }
    if (Loop::now_us() - since > kSlice) return bytes;
    const auto end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    bytes = end == std::string_view::npos ? std::string_view{} : bytes.substr(end + 1);
    if (line_.size() > kMaxMessage) {
      // What comes next cannot be told from the rest of this one: the connection has no more meaning.
      send(error_line(
          RpcError{.code = kInvalidRequest, .name = "E_RPC_TOO_LARGE", .message = "a message has at most 1 MiB"}));
      close();
      return {};
    }
    if (end == std::string_view::npos) return {};
    handle(std::exchange(line_, {}));
  }
  return {};
}

void Session::handle(std::string_view line) {
  if (line.empty() || line == "\r") return;
  // Most clients name the method first.
  if (line.substr(0, kBeginning).find(R"("container.run")") != std::string_view::npos)
    server_.supervisor_.expect_start();
  auto request = parse_request(line);
  if (!request) return send(error_line(request.error()));
  // An answer may come much later, when this session is gone: the number finds nobody then.
  const auto me = [server = &server_, number = number_]() -> Session* {
    const auto found = server->sessions_.find(number);
    return found == server->sessions_.end() ? nullptr : found->second.get();
  };
  const bool quiet = request->notification();
  const bool upgrades = Methods::may_upgrade(*request);
  if (upgrades && quiet) return;  // nobody to tell that from here on there are frames
  if (!quiet) ++unanswered_;
  if (upgrades) {
    upgrading_ = true;
    stream_->read_stop();
  }
  methods(passed_).call(
      *request,
      [me, quiet, upgrades, id = request->id](const std::string& answer) {
        Session* session = me();
        if (session == nullptr) return;
        session->pending_.erase(id);
        if (quiet) return;
        session->answer(answer);
        if (upgrades) session->answered();
      },
      [me](const std::string& answer, std::unique_ptr<Endpoint> endpoint) {
        if (Session* session = me()) session->upgrade(answer, std::move(endpoint));
      });
}

void Session::answer(const std::string& line) {
  --unanswered_;
  send(line);
  finish();
}

void Session::subscribe(std::deque<std::string> snapshot, std::uint64_t next) {
  flush();
  subscription_.reset();
  subscription_ =
      std::make_unique<Subscription>(server_.events_, *stream_, std::move(snapshot), next, [this] { close(); });
  subscription_->pump();
}

Methods Session::methods(std::vector<Fd>& passed) {
  return {server_.loop_,
          server_.supervisor_,
          server_.name_,
          peer_,
          passed,
          server_.events_,
          [this](std::deque<std::string> snapshot, std::uint64_t next) { subscribe(std::move(snapshot), next); },
          [this](const std::string& id, Pending pending) {
            if (!id.empty()) pending_.insert_or_assign(id, std::move(pending));
          },
          server_.on_reload};
}

void Session::upgrade(const std::string& line, std::unique_ptr<Endpoint> endpoint) {
  if (closing_) return;
  subscription_.reset();  // no lines from here on
  --unanswered_;
  send(line);
  flush();
  if (closing_) return;  // it has left already: so does the endpoint, which has not begun
  framed_ = std::make_unique<Framed>(server_.loop_, *stream_, std::move(endpoint), [this] { close(); });
  framed_->begin();
  answered();
}

void Session::answered() {
  // Not from within the call that is being answered: it may be ours, with more bytes in its hands.
  server_.loop_.later([server = &server_, number = number_] {
    const auto found = server->sessions_.find(number);
    if (found == server->sessions_.end() || found->second->closing_) return;
    Session& session = *found->second;
    session.upgrading_ = false;
    session.received(std::exchange(session.behind_, {}));
    session.read_on();
  });
}

void Session::read_on() {
  // What has come is looked at first; an upgrade is answered first; a Framed whose input waits goes on by itself.
  if (closing_ || upgrading_ || held_ || !waiting_.empty() || (framed_ && !framed_->reading())) return;
  stream_->read_start();
}

}  // namespace sup::control
