#include "face/cli/option.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"
#include "face/looks.h"

namespace sup::cli {
namespace {

std::string cli_names(const Option& o) {
  std::string names;
  if (o.letter != 0) names = std::string("-") + o.letter;
  if (!o.name.empty()) names += (names.empty() ? "--" : ",--") + std::string(o.name);
  return names;
}

std::unexpected<Error> unknown(std::string_view verb, std::string_view word, std::span<const Option> options) {
  std::vector<std::string> known{"--help"};
  for (const auto& o : options) {
    if (!o.name.empty()) known.push_back("--" + std::string(o.name));
  }
  std::vector<std::string_view> views(known.begin(), known.end());
  const auto word_only = word.substr(0, word.find('='));
  std::string hint;
  if (word.starts_with("--")) {
    if (const auto near = nearest(word_only, views)) hint = "did you mean " + std::string(*near) + "? ";
  }
  const std::string where(verb);
  return usage(where, "unknown option " + printable(word_only),
               hint + "see " + (verb.empty() ? "sup --help" : "sup " + where + " --help"));
}

// Whether one of the words could be this option: --name, --name=value, or its letter in a cluster (-ti, -eA=1).
bool may_be_meant(const Option& o, const std::vector<std::string>& args) {
  return std::ranges::any_of(args, [&](std::string_view word) {
    if (word.size() < 2 || word[0] != '-') return false;
    if (word[1] == '-') return !o.name.empty() && word.substr(2).starts_with(o.name);
    return o.letter != 0 && word.find(o.letter, 1) != std::string_view::npos;
  });
}

// `--name=`, as a script writes it whose variable is empty, gives an empty value. CLI11 would take the next word instead, be
// it the command. Written apart it is understood; only before the first operand, the rest is not ours.
std::vector<std::string> spread_empty_values(std::span<const Option> options, const std::vector<std::string>& args) {
  std::vector<std::string> out;
  out.reserve(args.size() + 1);
  const auto long_option = [&](std::string_view name) {
    return std::ranges::find_if(options, [&](const Option& o) { return !o.name.empty() && o.name == name; });
  };
  const auto takes_next = [&](std::string_view word) {
    if (word.starts_with("--")) {
      const auto o = long_option(word.substr(2));
      return o != options.end() && !o->value.empty();
    }
    // In a cluster the first letter with a value takes the rest of the word, or the next one.
    for (std::size_t i = 1; i < word.size(); ++i) {
      const auto o = std::ranges::find(options, word[i], &Option::letter);
      if (o != options.end() && !o->value.empty()) return i + 1 == word.size();
    }
    return false;
  };
  std::size_t i = 0;
  while (i < args.size() && args[i].size() > 1 && args[i][0] == '-' && args[i] != "--") {
    const std::string& word = args[i++];
    if (word.starts_with("--") && word.ends_with('=') && word.find('=') == word.size() - 1) {
      const auto o = long_option(std::string_view(word).substr(2, word.size() - 3));
      if (o != options.end() && !o->value.empty()) {
        out.push_back(word.substr(0, word.size() - 1));
        out.emplace_back();
        continue;
      }
    }
    out.push_back(word);
    if (takes_next(word) && i < args.size()) out.push_back(args[i++]);
  }
  out.insert(out.end(), args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
  return out;
}

// CLI11 turns every way of writing an option into calls of these; the rules of what follows the options are ours.
struct Setter {
  const Option* option;
  std::optional<Error>* error;
  bool operator()(const std::vector<std::string>& values) const {
    for (const auto& v : values) {
      if (*error) return true;
      auto r = option->set(v);
      if (r) continue;
      *error = std::move(r.error());
      // A setter that serves many options cannot know which one it was.
      if (!(*error)->where.starts_with('-')) (*error)->where = "--" + std::string(option->name) + " " + (*error)->where;
    }
    return true;
  }
};

}  // namespace

Result<Parsed> parse(std::string_view verb, std::span<const Option> options, const std::vector<std::string>& args,
                     Operands operands) {
  Parsed parsed;
  std::optional<Error> error;
  CLI::App app;
  app.set_help_flag();
  app.allow_windows_style_options(false);
  if (operands == Operands::command) app.prefix_command();
  app.allow_extras();
  app.add_flag("--help", parsed.help);
  for (const auto& o : options) {
    // CLI11 compares every option with every other one: thirty of them cost more than all the rest of a start. Those that
    // cannot be meant by any of the words stay out.
    if (!may_be_meant(o, args)) continue;
    CLI::callback_t take = Setter{&o, &error};
    CLI::Option* made = app.add_option(cli_names(o), take);
    made->trigger_on_parse();  // in the order given: -e A=1 -e A=2
    if (o.value.empty()) {
      made->type_size(0)->expected(0, 1)->default_str("true");
    } else {
      made->type_size(1)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
    }
  }
  // CLI11 takes the arguments from the back.
  const std::vector<std::string> words = spread_empty_values(options, args);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::Error& e) {
    if (error) return std::unexpected(*error);
    // "--name requires…": the library's words say what, ours say where and what to do.
    return usage(std::string(verb), e.what(),
                 verb.empty() ? "see sup --help" : "see sup " + std::string(verb) + " --help");
  }
  if (error) return std::unexpected(*error);
  parsed.operands = app.remaining();
  bool ended = false;
  std::vector<std::string> kept;
  for (auto& word : parsed.operands) {
    if (!ended && word == "--") {
      ended = true;
      if (operands == Operands::command && !kept.empty()) kept.push_back(std::move(word));
      continue;
    }
    const bool is_option = word.size() > 1 && word[0] == '-';
    if (!ended && is_option && (operands == Operands::any || kept.empty())) return unknown(verb, word, options);
    if (operands == Operands::command) ended = true;
    kept.push_back(std::move(word));
  }
  parsed.operands = std::move(kept);
  return parsed;
}

std::string help_text(std::span<const Option> options, std::size_t columns) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& o : options) {
    std::string left = o.letter != 0 ? std::string("  -") + o.letter + (o.name.empty() ? "" : ", ") : "      ";
    if (!o.name.empty()) left += "--" + std::string(o.name);
    if (!o.value.empty()) left += " " + std::string(o.value);
    std::string right(o.help);
    if (!o.fallback.empty()) right += " [" + std::string(o.fallback) + "]";
    rows.emplace_back(std::move(left), std::move(right));
  }
  rows.emplace_back("      --help", "print this and exit");
  std::size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  width = std::min<std::size_t>(width, 30);
  std::string text;
  for (const auto& [left, right] : rows) {
    text += left;
    text += left.size() > width ? "\n" + std::string(width, ' ') : std::string(width - left.size(), ' ');
    text += "  " + wrap(right, width + 2, width + 2, columns) + "\n";
  }
  return text;
}

Option format_option(bool& json, std::string_view help) {
  return {0, "format", "text|json", help, "text", [&json](std::string_view value) -> Result<void> {
            if (value != "text" && value != "json")
              return usage("--format " + printable(value), "no such format", "text or json");
            json = value == "json";
            return {};
          }};
}

std::function<Result<void>(std::string_view)> to(bool& target) {
  return [&target](std::string_view value) -> Result<void> {
    if (value == "true" || value == "1" || value == "yes" || value == "on") {
      target = true;
    } else if (value == "false" || value == "0" || value == "no" || value == "off") {
      target = false;
    } else {
      return usage(printable(value), "not true or false", "write --OPTION, --OPTION=true or --OPTION=false");
    }
    return {};
  };
}

std::function<Result<void>(std::string_view)> to(std::string& target) {
  return [&target](std::string_view value) -> Result<void> {
    target = value;
    return {};
  };
}

}  // namespace sup::cli
