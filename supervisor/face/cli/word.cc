#include "face/cli/word.h"

#include <CLI/StringTools.hpp>

#include <CLI/Split.hpp>

namespace sup::cli {

Word take_apart(const std::string& word) {
  Word out;
  if (word == "--") {
    out.kind = Word::Kind::end;
  } else if (CLI::detail::split_long(word, out.name, out.value)) {
    out.kind = Word::Kind::long_option;
    out.given = word.size() > 2 + out.name.size();
  } else if (CLI::detail::split_short(word, out.name, out.value)) {
    out.kind = Word::Kind::letter;
  }
  return out;
}

}  // namespace sup::cli
