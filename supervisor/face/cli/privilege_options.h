// The options that say what the command may do: capabilities, seccomp, the profile of both.
#pragma once
#include <vector>

#include "face/cli/option.h"
#include "spec/spec.h"

namespace sup::cli {

// Adds their rows, which hold references to the Spec.
void add_privilege_options(std::vector<Option>& rows, Spec& spec);

}  // namespace sup::cli
