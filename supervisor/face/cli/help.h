// Help: what the tables say of verbs and options, as text for people. The man pages and the completions are made
// from the same tables, by way of `sup help --format json`.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "face/cli/verb.h"

namespace sup::cli {

// `sup --help`, and a verb's; wrapped at `columns` (0: not).
[[nodiscard]] std::string help(std::size_t columns);
[[nodiscard]] std::string help_of(const VerbRow& row, std::size_t columns);

// E_USAGE, with the nearest verb.
[[nodiscard]] std::unexpected<Error> unknown_verb(std::string_view name);

}  // namespace sup::cli
