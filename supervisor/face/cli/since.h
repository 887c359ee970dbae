// --since TIME, as logs and events have it.
#pragma once
#include <ctime>
#include <string_view>

#include "base/error.h"

namespace sup::cli {

// "2026-11-23T10:00:00Z", or how long ago: "10m". E_USAGE.
[[nodiscard]] Result<timespec> parse_since(std::string_view text);

}  // namespace sup::cli
