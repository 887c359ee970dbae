// --since TIME, as logs and events have it.
#pragma once
#include <ctime>
#include <string_view>

#include "base/error.h"

namespace sup::cli {

// "2026-11-23T10:00:00Z"; "2026-11-23 10:00", "2026-11-23" of the local clock; "1795428000" since 1970, from nine digits on; or how
// long ago: "10m". E_USAGE.
[[nodiscard]] Result<timespec> parse_since(std::string_view text);

}  // namespace sup::cli
