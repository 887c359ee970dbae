// The options of `run` about the root of the container: what it sees of files.
#pragma once
#include <string>
#include <vector>

#include "face/cli/option.h"
#include "spec/spec.h"

namespace sup::cli {

// The rows hold references to the spec.
void add_root_options(std::vector<Option>& rows, Spec& spec);

}  // namespace sup::cli
