// print: what a verb answers, to standard output, whole or with an error.
#pragma once
#include <string_view>

#include "base/error.h"

namespace sup {

// 0; or E_OUTPUT when standard output takes no more (a full disk). A reader who left early (EPIPE) is no error.
[[nodiscard]] Result<int> print(std::string_view text);

}  // namespace sup
