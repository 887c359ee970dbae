// The options that limit what a container takes; `run`, `plan` and `update` have them.
#pragma once
#include <vector>

#include "face/cli/option.h"
#include "spec/limits.h"

namespace sup::cli {

// Appends the rows, which hold a reference.
void add_limit_options(std::vector<Option>& rows, Limits& limits);

}  // namespace sup::cli
