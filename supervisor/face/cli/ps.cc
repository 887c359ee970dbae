#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/cli/verb.h"
#include "face/control/client.h"
#include "face/looks.h"
#include "face/print.h"
#include "spec/jsonmember.h"
#include "spec/spec_json.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

std::string age(std::int64_t since) {
  const std::int64_t seconds = std::max<std::int64_t>(0, ::time(nullptr) - since);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

// "running 12s", "exited 137 (stopped) 3m".
std::string status(const Json& row) {
  std::string text = text_in(row, "state");
  if (row.contains("outcome") && !row.contains("pid")) {
    const auto& outcome = part_in(row, "outcome");
    text += " " + std::to_string(number_in(outcome, "status", 125));
    if (row.contains("restarts")) text += ", restarted " + std::to_string(number_in(row, "restarts", 0)) + "x";
    if (const auto reason = text_in(outcome, "reason"); reason != "exit") text += " (" + reason + ")";
    return text + " " + age(number_in(row, "finished", std::int64_t{0}));
  }
  if (row.contains("started")) text += " " + age(number_in(row, "started", std::int64_t{0}));
  return text;
}

class PsVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({'a', "all", "", "also those that do not run", "", to(all_)});
    o.push_back({0, "filter", "label=KEY[=VALUE]", "only those with this label; may be repeated, all must hold", "",
                 [this](std::string_view v) { return add(v); }});
    o.push_back(format_option(json_));
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (!operands.empty()) return usage("ps", "takes no arguments", "see sup ps --help");
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    Json all = Json::array();
    for (auto& client : *clients) {
      auto rows = control::list(client, all_);
      // A foreground run has ended since it was reached.
      if (!rows && globals.supervisor.empty() && rows.error().code == "E_SUPERVISOR_LOST") continue;
      if (!rows) return std::unexpected(rows.error());
      for (auto& row : *rows) {
        if (!wanted(row)) continue;
        row["supervisor"] = client.supervisor();
        all.push_back(std::move(row));
      }
    }
    if (json_) return print(all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return print(table(all));
  }

 private:
  Result<void> add(std::string_view text) {
    constexpr std::string_view kLabel = "label=";
    const auto label = text.starts_with(kLabel) ? text.substr(kLabel.size()) : std::string_view();
    if (label.empty() || label.starts_with('='))
      return usage("--filter " + printable(text), "not a label", "such as label=KEY or label=KEY=VALUE");
    labels_.emplace_back(label);
    return {};
  }

  [[nodiscard]] bool wanted(const Json& row) const {
    return std::ranges::all_of(labels_, [&row](const std::string& wanted) {
      const auto equals = wanted.find('=');
      const auto labels = row.find("labels");
      const auto found = labels == row.end() ? labels : labels->find(wanted.substr(0, equals));
      if (labels == row.end() || found == labels->end()) return false;
      return equals == std::string::npos || (found->is_string() && *found == wanted.substr(equals + 1));
    });
  }

  static std::string table(const Json& rows) {
    std::vector<std::vector<std::string>> cells{{"ID", "NAME", "STATUS", "PID", "SUPERVISOR", "COMMAND"}};
    for (const auto& row : rows) {
      std::vector<std::string> words;
      for (const auto& word : part_in(row, "command")) words.push_back(bytes_from_json(word, {}).value_or("?"));
      cells.push_back({text_in(row, "id"), printable(text_in(row, "name")), status(row),
                       row.contains("pid") ? std::to_string(number_in(row, "pid", 0)) : "-",
                       printable(text_in(row, "supervisor")), printable(shell_join(words))});
    }
    return sup::table(cells, columns(1));
  }

  std::vector<std::string> labels_;  // KEY, or KEY=VALUE
  bool all_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_ps() { return std::make_unique<PsVerb>(); }

}  // namespace sup::cli
