// The options about each process's own limits and priorities.
#pragma once
#include <vector>

#include "face/cli/option.h"
#include "spec/spec.h"

namespace sup::cli {

// Adds their rows, which hold references to the Spec.
void add_priority_options(std::vector<Option>& rows, Spec& spec);

}  // namespace sup::cli
