// The options about namespaces that the container shares: the host's, another container's, or one with a path.
#pragma once
#include <vector>

#include "face/cli/option.h"
#include "face/cli/verb.h"
#include "spec/spec.h"

namespace sup::cli {

// Adds their rows, which hold references to the Spec.
void add_namespace_options(std::vector<Option>& rows, Spec& spec);

// Turns container:ID into the path of its namespace. Errors: E_NO_CONTAINER, and E_STATE where it does not run.
[[nodiscard]] Result<void> find_namespaces(const Globals& globals, Spec& spec);

}  // namespace sup::cli
