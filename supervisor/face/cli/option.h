// The option tables: one row per flag, from which come the parser, --help, the man
// pages and the completions.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup::cli {

struct Option {
  char letter;                  // 't' for -t; 0: none
  std::string_view name;        // "tty" for --tty
  std::string_view value;       // what the value is called in help, "FILE"; empty: a flag
  std::string_view help;        // one sentence, lower case, no full stop
  std::string_view fallback;    // the default as help shows it; empty: none worth saying
  // Takes the value; a flag gets "true" (or what --flag=BOOL says). Its Error is printed as it is.
  std::function<Result<void>(std::string_view)> set;
};

// How operands (what is not an option) are read.
enum class Operands {
  any,        // options and operands may mix
  command,    // the first operand ends the options: `sup run -ti ls -l` gives -l to ls
};

// Parses args (without the program's and the verb's name) by CLI11. Returns the operands; a leading
// "--" is taken away. Errors: E_USAGE with the nearest match in the hint.
// `--help` is not an Option: the caller looks at `help`.
struct Parsed {
  std::vector<std::string> operands;
  bool help = false;
};
[[nodiscard]] Result<Parsed> parse(std::string_view verb, std::span<const Option> options,
                                   const std::vector<std::string>& args, Operands operands);

// The option part of a verb's --help: "  -t, --tty            give the command a terminal", wrapped at `columns` (0: not).
[[nodiscard]] std::string help_text(std::span<const Option> options, std::size_t columns = 0);

// --format text|json.
[[nodiscard]] Option format_option(bool& json, std::string_view help = "how to print it");

// A setter for the common kinds; the target must outlive the Option.
[[nodiscard]] std::function<Result<void>(std::string_view)> to(bool& target);
[[nodiscard]] std::function<Result<void>(std::string_view)> to(std::string& target);

}  // namespace sup::cli
