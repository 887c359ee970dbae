// attach: the caller's terminal becomes that of a container that runs under a supervisor.
#include <nlohmann/json.hpp>

#include "face/attachment.h"
#include "face/cli/verb.h"
#include "face/console.h"
#include "face/control/client.h"
#include "spec/jsonmember.h"
#include "spec/keys.h"

namespace sup::cli {
namespace {

class AttachVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({0, "no-stdin", "", "watch only: what is typed does not reach the command", "", to(no_stdin_)});
    o.push_back({0, "detach-keys", "KEYS", "the keys that leave it, in docker's way of writing", kDetachKeys,
                 [this](std::string_view v) -> Result<void> {
                   keys_ = v;
                   return {};
                 }});
    o.push_back({0, "sig-proxy", "", "pass signals that sup gets on to the command", "true", to(sig_proxy_)});
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (operands.size() != 1)
      return usage("attach", operands.empty() ? "no container named" : "one container at a time",
                   "sup attach CONTAINER; see sup ps");
    auto keys = parse_detach_keys(keys_);
    if (!keys) return std::unexpected(keys.error());
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    nlohmann::json params = {{"container", operands.front()}, {"input", !no_stdin_}};
    if (const auto size = Console::window()) params["rows"] = size->ws_row, params["cols"] = size->ws_col;
    control::Client* client = nullptr;
    // From the moment that others see us attached, a signal is for the command.
    if (sig_proxy_) hold_signals();
    auto answer = control::ask(*clients, "container.attach", params, &client);
    if (!answer) return std::unexpected(answer.error());
    AttachmentOptions options;
    options.verb = "attach";
    options.name = operands.front();
    options.tty = flag_in(*answer, "tty");
    options.input = flag_in(*answer, "interactive") && !no_stdin_;
    options.detach_keys = std::move(*keys);
    options.sig_proxy = sig_proxy_;
    options.signal = signals_to(*client, text_in(*answer, "id", operands.front()));
    return show_attached(client->upgraded(), std::move(options));
  }

 private:
  bool no_stdin_ = false;
  bool sig_proxy_ = true;
  std::string keys_{kDetachKeys};
};

}  // namespace

std::unique_ptr<Verb> make_attach() { return std::make_unique<AttachVerb>(); }

}  // namespace sup::cli
