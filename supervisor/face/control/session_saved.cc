// A Session across a live upgrade.
#include <nlohmann/json.hpp>
#include <utility>

#include "face/control/attached.h"
#include "face/control/executed.h"
#include "face/control/session.h"
#include "spec/jsonmember.h"

namespace sup::control {
namespace {

using Json = nlohmann::json;

// The same of what Endpoint::save() said; null: it is no more.
std::unique_ptr<Endpoint> restore_endpoint(Loop& loop, Supervisor& supervisor, const Json& saved) {
  if (text_in(saved, "kind") == "exec") {
    auto executed =
        std::make_unique<Executed>(loop, text_in(saved, "container"), text_in(saved, "name"), flag_in(saved, "input"));
    if (!executed->resume(supervisor, text_in(saved, "exec"))) return nullptr;
    return executed;
  }
  if (text_in(saved, "kind") != "attached") return nullptr;
  auto held = supervisor.find(text_in(saved, "container"));
  if (!held) return nullptr;
  AttachOptions options;
  const int slow = number_in(saved, "slow", 0);
  options.slow = slow == static_cast<int>(WhenSlow::block)  ? WhenSlow::block
                 : slow == static_cast<int>(WhenSlow::drop) ? WhenSlow::drop
                                                            : WhenSlow::detach;
  options.input = flag_in(saved, "input");
  options.replay = false;
  const auto rows = number_in(saved, "rows", 0U);
  const auto cols = number_in(saved, "cols", 0U);
  if (rows != 0 && cols != 0) {
    options.size = winsize{.ws_row = static_cast<unsigned short>(rows),
                           .ws_col = static_cast<unsigned short>(cols),
                           .ws_xpixel = 0,
                           .ws_ypixel = 0};
  }
  auto attached = std::make_unique<Attached>(loop, supervisor, options, number_in(saved, "client", -1));
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
                {"unsent", stream_->unsent() + answers_},
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
  if (auto r = watch(loop, Fd(number_in(saved, "fd", -1))); !r) return r;
  line_ = text_in(saved, "line");
  if (const auto unsent = text_in(saved, "unsent"); !unsent.empty()) stream_->write(unsent);
  return {};
}

void Session::resume(const Json& saved) {
  for (const auto& one : part_in(saved, "pending")) {
    const auto id = text_in(one, "id");
    const int what = number_in(one, "for", 0);
    const Pending pending{.what = what == static_cast<int>(Pending::For::reload)  ? Pending::For::reload
                                  : what == static_cast<int>(Pending::For::begin) ? Pending::For::begin
                                                                                  : Pending::For::end,
                          .container = text_in(one, "container")};
    ++unanswered_;
    std::vector<Fd> none;
    methods(none).resume(id, pending, [server = &server_, number = number_, id](const std::string& answer) {
      const auto found = server->sessions_.find(number);
      if (found == server->sessions_.end()) return;
      found->second->pending_.erase(id);
      found->second->answer(answer);
    });
  }
  if (const auto framed = saved.find("framed"); framed != saved.end() && framed->is_object()) {
    const bool leaving = flag_in(*framed, "leaving");
    auto endpoint =
        leaving ? nullptr : restore_endpoint(server_.loop_, server_.supervisor_, part_in(*framed, "endpoint"));
    if (!leaving && !endpoint) return close();
    framed_ = std::make_unique<Framed>(server_.loop_, *stream_, std::move(endpoint), [this] { close(); });
    framed_->resume(text_in(*framed, "rest"), leaving);
  }
  if (const auto subscription = saved.find("subscription"); subscription != saved.end() && subscription->is_object()) {
    auto lines = texts_in(*subscription, "snapshot");
    subscribe({std::move_iterator(lines.begin()), std::move_iterator(lines.end())},
              number_in(*subscription, "next", std::uint64_t{1}));
  }
  read_on();
}

}  // namespace sup::control
