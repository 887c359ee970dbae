// Base64 (RFC 4648, section 4): bytes that are not text, in JSON.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sup {

[[nodiscard]] std::string to_base64(std::string_view bytes);

// Only what to_base64() writes: padded, nothing in between, no stray bits in the last character. Else nullopt.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace sup
