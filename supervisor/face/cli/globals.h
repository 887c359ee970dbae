// The options that stand before the verb.
#pragma once
#include <vector>

#include "face/cli/option.h"
#include "face/cli/verb.h"

namespace sup::cli {

// The rows hold references to both.
[[nodiscard]] std::vector<Option> global_options(Globals& globals, bool& version);

}  // namespace sup::cli
