// A Server across a live upgrade.
#include <nlohmann/json.hpp>
#include <algorithm>
#include <utility>

#include "face/control/server.h"
#include "face/control/session.h"
#include "spec/jsonmember.h"

namespace sup::control {

using Json = nlohmann::json;

void Server::hold(bool yes) {
  again_.stop();
  if (yes) {
    uv_poll_stop(watch_.get());
  } else {
    (void)watch();
  }
  for (const auto& [number, session] : sessions_) session->hold(yes);
}

bool Server::settled() const {
  return std::ranges::all_of(sessions_,
                             [](const auto& entry) { return entry.second->closing() || entry.second->settled(); });
}

std::vector<int> Server::descriptors() const {
  std::vector<int> all = {socket_->fd(), socket_->lock()};
  for (const auto& [number, session] : sessions_) {
    if (!session->closing()) all.push_back(session->fd());
  }
  return all;
}

Json Server::save() const {
  Json sessions = Json::array();
  for (const auto& [number, session] : sessions_) {
    if (!session->closing()) sessions.push_back(session->save());
  }
  Json lines = Json::array();
  const auto& history = events_.history();
  for (auto seq = history.first(); seq <= history.last(); ++seq) lines.push_back(std::string(history.line(seq)));
  return {{"socket", socket_->fd()},         {"lock", socket_->lock()},
          {"borrowed", socket_->borrowed()}, {"next", next_},
          {"sessions", std::move(sessions)}, {"history", {{"first", history.first()}, {"lines", std::move(lines)}}}};
}

void Server::restore_events(const Json& saved) {
  const Json& history = part_in(saved, "history");
  events_.restore(number_in(history, "first", std::uint64_t{1}), texts_in(history, "lines"));
}

void Server::restore(const Json& saved) {
  next_ = number_in(saved, "next", std::uint64_t{0});
  const Json& all = part_in(saved, "sessions");
  std::vector<std::pair<Session*, const Json*>> back;
  for (const auto& one : all) {
    const SocketPeer peer{.pid = number_in(one, "pid", -1),
                          .uid = number_in(one, "uid", static_cast<uid_t>(-1)),
                          .same_namespaces = true};
    const auto number = number_in(one, "number", std::uint64_t{0});
    auto session = std::make_unique<Session>(*this, number, peer);
    if (!session->adopt(loop_, one)) continue;
    back.emplace_back(session.get(), &one);
    sessions_.emplace(number, std::move(session));
  }
  for (const auto& [session, one] : back) session->resume(*one);
}

}  // namespace sup::control
