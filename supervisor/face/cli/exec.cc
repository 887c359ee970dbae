// exec: one more command in a container that runs.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "face/attachment.h"
#include "face/cli/verb.h"
#include "face/console.h"
#include "face/control/client.h"
#include "spec/check.h"
#include "spec/env.h"
#include "spec/jsonmember.h"
#include "spec/keys.h"
#include "spec/spec_json.h"
#include "sys/procfs.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

class ExecVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({'t', "tty", "", "give the command a terminal of its own", "", to(spec_.tty)});
    o.push_back({'i', "interactive", "", "pass standard input on to the command", "", to(spec_.interactive)});
    o.push_back({'d', "detach", "", "return when the command runs", "", to(detach_)});
    o.push_back({'e', "env", "KEY[=VALUE]",
                 "set a variable on top of the container's, or take the caller's; may be repeated", "",
                 [this](std::string_view v) -> Result<void> {
                   auto entry = parse_env_entry(v);
                   if (!entry) return std::unexpected(entry.error());
                   spec_.env.push_back(std::move(*entry));
                   return {};
                 }});
    o.push_back({0, "env-file", "FILE", "set the variables of a file, one KEY=VALUE a line", "",
                 [this](std::string_view v) -> Result<void> {
                   auto text = read_file(std::string(v), 1U << 20);
                   if (!text) {
                     Error e = text.error();
                     e.code = "E_ENV_FILE";
                     e.where = "--env-file";
                     return std::unexpected(std::move(e));
                   }
                   auto entries = parse_env_file(*text, std::string(v));
                   if (!entries) return std::unexpected(entries.error());
                   for (auto& entry : *entries) spec_.env.push_back(std::move(entry));
                   return {};
                 }});
    o.push_back({'w', "workdir", "DIR", "start in this directory; a relative one begins at the container's",
                 "the container's", to(spec_.workdir)});
    o.push_back({'u', "user", "USER[:GROUP]", "run as this user of the container's, by name or number",
                 "the container's", to(spec_.user)});
    o.push_back({0, "detach-keys", "KEYS", "with -ti: the keys that leave it, in docker's way of writing", kDetachKeys,
                 [this](std::string_view v) -> Result<void> {
                   keys_ = v;
                   return {};
                 }});
    o.push_back({0, "sig-proxy", "", "pass signals that sup gets on to the command", "true", to(spec_.sig_proxy)});
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (operands.empty()) return usage("exec", "no container named", "sup exec CONTAINER COMMAND; see sup ps");
    container_ = operands.front();
    spec_.argv.assign(operands.begin() + 1, operands.end());
    if (spec_.argv.empty()) return usage("exec", "Missing command", "sup exec [OPTIONS] CONTAINER COMMAND [ARG...]");
    auto keys = parse_detach_keys(keys_);
    if (!keys) return std::unexpected(keys.error());
    take_callers_values();
    if (auto r = check(spec_); !r) return std::unexpected(r.error());
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());

    Json params = {{"container", container_}, {"spec", spec_to_json(spec_)}, {"detach", detach_}};
    std::vector<int> given;
    if (spec_.tty) {
      const auto size = Console::first_window();
      params["rows"] = size.ws_row;
      params["cols"] = size.ws_col;
      params["raw_output"] = ::isatty(1) == 0;
    } else if (!detach_) {
      auto all = to_give(spec_.interactive);
      if (!all) return std::unexpected(all.error());
      given = std::move(*all);
      params["fds"] = given;
    }
    if (spec_.sig_proxy && !detach_) hold_signals();
    control::Client* client = nullptr;
    auto answer = control::ask(*clients, "container.exec", params, &client, given);
    if (!answer) return std::unexpected(answer.error());
    if (detach_) return 0;

    AttachmentOptions options;
    options.verb = "exec";
    options.name = container_;
    options.tty = spec_.tty;
    options.given = given;
    options.input = spec_.interactive && std::ranges::find(given, 0) == given.end();
    options.detach_keys = spec_.tty && spec_.interactive ? std::move(*keys) : std::string();
    options.sig_proxy = spec_.sig_proxy;
    options.signal = signals_to(*client, text_in(*answer, "id", container_), text_in(*answer, "exec"));
    options.may_kill = true;
    options.hangs_up = true;
    return show_attached(client->upgraded(), std::move(options));
  }

 private:
  // -e NAME means the caller's value, which the supervisor cannot know; and a terminal is of the kind that the caller sits at.
  void take_callers_values() {
    std::vector<EnvEntry> all;
    if (const char* term = std::getenv("TERM"); spec_.tty && term != nullptr && *term != 0)
      all.push_back({"TERM", term});
    for (auto& entry : spec_.env) {
      if (const char* own = entry.value ? nullptr : std::getenv(entry.key.c_str())) entry.value = own;
      all.push_back(std::move(entry));
    }
    spec_.env = std::move(all);
  }

  Spec spec_;
  std::string container_;
  bool detach_ = false;
  std::string keys_{kDetachKeys};
};

}  // namespace

std::unique_ptr<Verb> make_exec() { return std::make_unique<ExecVerb>(); }

}  // namespace sup::cli
