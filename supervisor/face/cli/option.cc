#include "face/cli/option.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "face/cli/word.h"
#include "face/looks.h"

namespace sup::cli {
namespace {

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

const Option* find(std::span<const Option> options, std::string_view name) {
  const auto at = std::ranges::find_if(options, [name](const Option& o) { return !o.name.empty() && o.name == name; });
  return at == options.end() ? nullptr : &*at;
}

const Option* find(std::span<const Option> options, char letter) {
  const auto at = std::ranges::find(options, letter, &Option::letter);
  return at == options.end() ? nullptr : &*at;
}

// Reads the words one after the other, in the order given: -e A=1 -e A=2.
class Reader {
 public:
  Reader(std::string_view verb, std::span<const Option> options, const std::vector<std::string>& args,
         Operands operands)
      : verb_(verb), options_(options), args_(args), operands_(operands) {}

  // The words that are no option of these, "--" included.
  Result<Parsed> read() {
    bool ended = false;
    while (next_ < args_.size()) {
      const std::string& word = args_[next_++];
      Word taken = ended ? Word{} : take_apart(word);
      // A negative number, unless there is such an option.
      if (taken.kind == Word::Kind::letter && taken.name[0] >= '0' && taken.name[0] <= '9' &&
          find(options_, taken.name[0]) == nullptr)
        taken.kind = Word::Kind::operand;
      ended = ended || taken.kind == Word::Kind::end;
      const bool option = taken.kind == Word::Kind::long_option ? by_name(taken)
                          : taken.kind == Word::Kind::letter    ? by_letters(taken)
                                                                : false;
      if (error_) return std::unexpected(std::move(*error_));
      if (option) continue;
      parsed_.operands.push_back(word);
      if (taken.kind == Word::Kind::operand && operands_ == Operands::command) {
        parsed_.operands.insert(parsed_.operands.end(), args_.begin() + static_cast<std::ptrdiff_t>(next_),
                                args_.end());
        break;
      }
    }
    return std::move(parsed_);
  }

 private:
  bool by_name(const Word& word) {
    if (word.name == "help") {
      set(help_, word.value.empty() ? "true" : word.value);
      return true;
    }
    const Option* o = find(options_, word.name);
    if (o == nullptr) return false;
    if (o->value.empty()) {
      set(*o, word.value.empty() ? "true" : word.value);
    } else if (word.given) {
      set(*o, word.value);
    } else {
      set_next(*o);
    }
    return true;
  }

  // -t, -ti, -eA=1. What is no letter of ours is left over, with what follows it.
  bool by_letters(const Word& word) {
    const Option* o = find(options_, word.name[0]);
    if (o == nullptr) return false;
    std::string_view rest = word.value;
    while (o->value.empty()) {
      set(*o, "true");
      if (rest.empty() || error_) return true;
      o = find(options_, rest[0]);
      if (o == nullptr) {
        parsed_.operands.push_back("-" + std::string(rest));
        return true;
      }
      rest.remove_prefix(1);
    }
    if (rest.empty()) {
      set_next(*o);
    } else {
      set(*o, rest);
    }
    return true;
  }

  void set_next(const Option& o) {
    if (next_ < args_.size()) return set(o, args_[next_++]);
    const std::string name = o.name.empty() ? std::string("-") + o.letter : "--" + std::string(o.name);
    error_ = usage(std::string(verb_), name + ": 1 required  missing",
                   verb_.empty() ? "see sup --help" : "see sup " + std::string(verb_) + " --help")
                 .error();
  }

  void set(const Option& o, std::string_view value) {
    auto r = o.set(value);
    if (r) return;
    error_ = std::move(r.error());
    // A setter that serves many options cannot know which one it was.
    if (!error_->where.starts_with('-')) error_->where = "--" + std::string(o.name) + " " + error_->where;
  }

  std::string_view verb_;
  std::span<const Option> options_;
  const std::vector<std::string>& args_;
  Operands operands_;
  std::size_t next_ = 0;
  Parsed parsed_;
  std::optional<Error> error_;
  const Option help_{0, "help", "", "", "", to(parsed_.help)};
};

}  // namespace

Result<Parsed> parse(std::string_view verb, std::span<const Option> options, const std::vector<std::string>& args,
                     Operands operands) {
  auto read = Reader(verb, options, args, operands).read();
  if (!read) return read;
  Parsed parsed = std::move(*read);
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
