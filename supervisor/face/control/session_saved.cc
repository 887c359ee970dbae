// A Session across a live upgrade.
#include <nlohmann/json.hpp>
#include <utility>

#include "face/control/attached.h"
#include "face/control/executed.h"
#include "face/control/session.h"

namespace sup::control {
namespace {

using Json = nlohmann::json;

// The same of what Endpoint::save() said; null: it is no more.
std::unique_ptr<Endpoint> restore_endpoint(Loop& loop, Supervisor& supervisor, const Json& saved) {
  if (saved.value("kind", "") == "exec") {
    auto executed = std::make_unique<Executed>(loop, saved.value("container", ""), saved.value("name", ""),
                                               saved.value("input", false));
    if (!executed->resume(supervisor, saved.value("exec", ""))) return nullptr;
    return executed;
  }
  if (saved.value("kind", "") != "attached") return nullptr;
  auto held = supervisor.find(saved.value("container", ""));
  if (!held) return nullptr;
  AttachOptions options;
  const int slow = saved.value("slow", 0);
  options.slow = slow == static_cast<int>(WhenSlow::block)  ? WhenSlow::block
                 : slow == static_cast<int>(WhenSlow::drop) ? WhenSlow::drop
                                                            : WhenSlow::detach;
  options.input = saved.value("input", false);
  options.replay = false;
  const auto rows = saved.value("rows", 0U);
  const auto cols = saved.value("cols", 0U);
  if (rows != 0 && cols != 0) {
    options.size = winsize{.ws_row = static_cast<unsigned short>(rows),
                           .ws_col = static_cast<unsigned short>(cols),
                           .ws_xpixel = 0,
                           .ws_ypixel = 0};
  }
  auto attached = std::make_unique<Attached>(loop, supervisor, options, saved.value("client", -1));
  attached->resumed();
  if (auto r = attached->join(**held); !r) return nullptr;
  return attached;
}

}  // namespace

void Session::hold(bool yes) {
  held_ = yes;
  if (yes) {
    stream_->read_stop();
  } else {
    read_on();
  }
}

Json Session::save() const {
  Json pending = Json::array();
  for (const auto& [id, what] : pending_)
    pending.push_back({{"id", id}, {"for", static_cast<int>(what.what)}, {"container", what.container}});
  Json saved = {{"number", number_},
                {"fd", stream_->fd()},
                {"uid", peer_.uid},
                {"pid", peer_.pid},
                {"line", line_},
                {"unsent", stream_->unsent()},
                {"pending", std::move(pending)}};
  if (framed_) {
    saved["framed"] = {{"rest", std::string(framed_->rest())}, {"leaving", framed_->leaving()}};
    if (!framed_->leaving()) saved["framed"]["endpoint"] = framed_->endpoint().save();
  }
  if (subscription_) {
    Json lines = Json::array();
    for (const auto& line : subscription_->snapshot()) lines.push_back(line);
    saved["subscription"] = {{"next", subscription_->next()}, {"snapshot", std::move(lines)}};
  }
  return saved;
}

Result<void> Session::adopt(Loop& loop, const Json& saved) {
  if (auto r = watch(loop, Fd(saved.value("fd", -1))); !r) return r;
  line_ = saved.value("line", "");
  if (const auto unsent = saved.value("unsent", ""); !unsent.empty()) stream_->write(unsent);
  return {};
}

void Session::resume(const Json& saved) {
  for (const auto& one : saved.value("pending", Json::array())) {
    const auto id = one.value("id", "");
    const int what = one.value("for", 0);
    const Pending pending{.what = what == static_cast<int>(Pending::For::reload)  ? Pending::For::reload
                                  : what == static_cast<int>(Pending::For::begin) ? Pending::For::begin
                                                                                  : Pending::For::end,
                          .container = one.value("container", "")};
    std::vector<Fd> none;
    methods(none).resume(id, pending, [server = &server_, number = number_, id](std::string answer) {
      const auto found = server->sessions_.find(number);
      if (found == server->sessions_.end()) return;
      found->second->pending_.erase(id);
      found->second->send(std::move(answer));
    });
  }
  if (const auto framed = saved.find("framed"); framed != saved.end() && framed->is_object()) {
    const bool leaving = framed->value("leaving", false);
    auto endpoint =
        leaving ? nullptr
                : restore_endpoint(server_.loop_, server_.supervisor_, framed->value("endpoint", Json::object()));
    if (!leaving && !endpoint) return close();
    framed_ = std::make_unique<Framed>(server_.loop_, *stream_, std::move(endpoint), [this] { close(); });
    framed_->resume(framed->value("rest", ""), leaving);
  }
  if (const auto subscription = saved.find("subscription"); subscription != saved.end() && subscription->is_object()) {
    std::deque<std::string> lines;
    for (const auto& line : subscription->value("snapshot", Json::array())) lines.push_back(line.get<std::string>());
    subscribe(std::move(lines), subscription->value("next", std::uint64_t{1}));
  }
  read_on();
}

}  // namespace sup::control
