#include "face/cli/help.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/cli/globals.h"
#include "face/looks.h"
#include "face/print.h"

namespace sup::cli {
namespace {

using Json = nlohmann::ordered_json;

Json rows(std::span<const Option> options) {
  Json all = Json::array();
  for (const auto& o : options) {
    Json row;
    row["letter"] = o.letter != 0 ? Json(std::string(1, o.letter)) : Json();
    row["name"] = o.name;
    row["value"] = o.value.empty() ? Json() : Json(o.value);
    row["help"] = o.help;
    row["default"] = o.fallback.empty() ? Json() : Json(o.fallback);
    all.push_back(std::move(row));
  }
  return all;
}

Json row_of(const VerbRow& verb) {
  Json row;
  row["name"] = verb.name;
  row["synopsis"] = verb.synopsis;
  row["summary"] = verb.summary;
  row["operands"] = verb.operands == Operands::command ? "command" : "any";
  row["options"] = rows(verb.make()->options());
  return row;
}

const VerbRow* find(std::string_view name) {
  const auto all = verbs();
  const auto row = std::ranges::find(all, name, &VerbRow::name);
  return row == all.end() ? nullptr : &*row;
}

class HelpVerb : public Verb {
 public:
  std::vector<Option> options() override { return {format_option(json_, "how to print it; json: the option tables")}; }

  Result<int> run(const Globals&, std::vector<std::string> operands) override {
    if (operands.size() > 1) return usage("help", "one verb at a time", "sup help VERB; see sup --help");
    const VerbRow* verb = operands.empty() ? nullptr : find(operands.front());
    if (!operands.empty() && verb == nullptr) return unknown_verb(operands.front());
    if (!json_) return print(verb != nullptr ? help_of(*verb, columns(1)) : help(columns(1)));
    if (verb != nullptr) return print(row_of(*verb).dump(2) + "\n");
    Globals globals;
    bool version = false;
    Json all;
    all["version"] = SUP_VERSION;
    all["options"] = rows(global_options(globals, version));
    all["verbs"] = Json::array();
    for (const auto& row : verbs()) all["verbs"].push_back(row_of(row));
    return print(all.dump(2) + "\n");
  }

 private:
  bool json_ = false;
};

}  // namespace

std::string help(std::size_t columns) {
  std::string text =
      "Usage: sup [GLOBAL OPTIONS] VERB [OPTIONS] [--] [ARGS]\n\nRun commands in fresh Linux namespaces.\n\nVerbs:\n";
  for (const auto& row : verbs()) {
    const std::string left =
        "  " + std::string(row.name) + std::string(row.name.size() < 10 ? 10 - row.name.size() : 1, ' ');
    text += left + wrap(std::string(row.summary), left.size(), 12, columns) + "\n";
  }
  Globals globals;
  bool version = false;
  return text + "\nGlobal options:\n" + help_text(global_options(globals, version), columns) +
         "\nsup VERB --help says more about each; so does man sup-VERB.\n";
}

std::string help_of(const VerbRow& row, std::size_t columns) {
  const auto verb = row.make();
  return "Usage: sup " + std::string(row.name) + " " + std::string(row.synopsis) + "\n\n" + std::string(row.summary) +
         "\n\nOptions:\n" + help_text(verb->options(), columns);
}

std::unexpected<Error> unknown_verb(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& row : verbs()) names.push_back(row.name);
  const auto near = nearest(name, names);
  return usage("", "unknown verb " + printable(name),
               (near ? "did you mean " + std::string(*near) + "? " : "") + std::string("see sup --help"));
}

std::unique_ptr<Verb> make_help() { return std::make_unique<HelpVerb>(); }

}  // namespace sup::cli
