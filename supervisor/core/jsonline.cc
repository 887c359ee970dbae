#include "core/jsonline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sup {

void JsonLine::put(std::string_view key, double value) {
  name(key);
  char digits[32];
  const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view shortest(digits, end);
  text_ += shortest;
  if (shortest.find_first_of(".e") == std::string_view::npos) text_ += ".0";
}

void JsonLine::quote(std::string_view value) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  if (std::ranges::all_of(value, plain)) {
    text_ += '"';
    text_ += value;
    text_ += '"';
    return;
  }
  text_ += nlohmann::json(value).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace sup
