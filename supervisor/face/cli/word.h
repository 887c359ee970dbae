// Word: one word of a command line, as CLI11 takes it apart.
#pragma once
#include <string>

namespace sup::cli {

struct Word {
  enum class Kind {
    operand,
    end,           // "--"
    long_option,   // --name, --name=value
    letter,        // -x, and what stands behind it
  };
  Kind kind = Kind::operand;
  std::string name;   // without dashes
  std::string value;  // behind the '='; of a letter all that follows it
  bool given = false; // there is an '='
};

[[nodiscard]] Word take_apart(const std::string& word);

}  // namespace sup::cli
