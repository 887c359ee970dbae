#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "face/cli/psfilter.h"
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
    o.push_back({'q', "quiet", "", "only the ids", "", to(quiet_)});
    o.push_back({'f', "filter", "KEY=VALUE",
                 "only those with this id, name, status, label or exited (its status); may be repeated", "",
                 [this](std::string_view v) { return filter_.add(v); }});
    o.push_back({'n', "last", "N", "only the N that were made last, also those that do not run", "",
                 [this](std::string_view v) -> Result<void> {
                   last_ = parse_unsigned<std::size_t>(v);
                   if (!last_) return usage("--last " + printable(v), "not a number of containers");
                   return {};
                 }});
    o.push_back(
        {'l', "latest", "", "only the one that was made last: -n 1", "", [this](std::string_view v) -> Result<void> {
           bool latest = false;
           auto r = to(latest)(v);
           if (latest) last_ = 1;
           return r;
         }});
    o.push_back({0, "no-trunc", "", "cut no line on a terminal", "", to(whole_)});
    o.push_back(format_option(json_));
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (!operands.empty()) return usage("ps", "takes no arguments", "see sup ps --help");
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    Json all = Json::array();
    for (auto& client : *clients) {
      auto rows = control::list(client, all_ || last_ || filter_.of_ended());
      // A foreground run has ended since it was reached.
      if (!rows && globals.supervisor.empty() && rows.error().code == "E_SUPERVISOR_LOST") continue;
      if (!rows) return std::unexpected(rows.error());
      for (auto& row : *rows) {
        if (!filter_.wants(row)) continue;
        row["supervisor"] = client.supervisor();
        all.push_back(std::move(row));
      }
    }
    if (last_) keep_last(all, *last_);
    if (quiet_) return print(ids(all));
    if (json_) return print(all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return print(table(all));
  }

 private:
  // Those of several supervisors stand behind each other: made within the same second, the order there counts.
  static void keep_last(Json& rows, std::size_t count) {
    auto& all = rows.get_ref<Json::array_t&>();
    const auto made = [](const Json& row) { return number_in(row, "created", std::int64_t{0}); };
    std::ranges::stable_sort(all, {}, made);
    if (all.size() > count) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count));
  }

  static std::string ids(const Json& rows) {
    std::string text;
    for (const auto& row : rows) text += text_in(row, "id") + "\n";
    return text;
  }

  [[nodiscard]] std::string table(const Json& rows) const {
    std::vector<std::vector<std::string>> cells{{"ID", "NAME", "STATUS", "PID", "SUPERVISOR", "COMMAND"}};
    for (const auto& row : rows) {
      std::vector<std::string> words;
      for (const auto& word : part_in(row, "command")) words.push_back(bytes_from_json(word, {}).value_or("?"));
      cells.push_back({text_in(row, "id"), printable(text_in(row, "name")), status(row),
                       row.contains("pid") ? std::to_string(number_in(row, "pid", 0)) : "-",
                       printable(text_in(row, "supervisor")), printable(shell_join(words))});
    }
    return sup::table(cells, whole_ ? 0 : columns(1));
  }

  PsFilter filter_;
  std::optional<std::size_t> last_;
  bool all_ = false;
  bool quiet_ = false;
  bool whole_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_ps() { return std::make_unique<PsVerb>(); }

}  // namespace sup::cli
