// ToolVersion: what an executable of ours says about itself.
#pragma once
#include <chrono>
#include <string>

#include "base/error.h"

namespace sup {

// The first line that `path --version` prints, without its end. It runs with an empty environment and
// /dev/null for input; after `patience` it is killed. Errors: E_VERSION.
[[nodiscard]] Result<std::string> tool_version(const std::string& path,
                                               std::chrono::milliseconds patience = std::chrono::seconds(2));

// The second word of "sup-init 0.1.0 (plan wire 1)"; empty when there is none.
[[nodiscard]] std::string version_word(std::string_view line);

}  // namespace sup
