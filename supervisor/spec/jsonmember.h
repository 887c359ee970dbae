// Members of a JSON object, as they are wanted: what is missing, null or of another type is `otherwise`. For what comes from one of
// our own: an older or newer version is understood as far as it goes, and nothing that it says ends us.
#pragma once
#include <concepts>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sup {

// null where `object` is none or has no such member. The pointer is into `object`.
[[nodiscard]] const nlohmann::json* member(const nlohmann::json& object, std::string_view key);

[[nodiscard]] std::string text_in(const nlohmann::json& object, std::string_view key, std::string_view otherwise = {});
[[nodiscard]] bool flag_in(const nlohmann::json& object, std::string_view key);
[[nodiscard]] double real_in(const nlohmann::json& object, std::string_view key);
[[nodiscard]] std::int64_t whole_in(const nlohmann::json& object, std::string_view key, std::int64_t otherwise);
// Of a number that T cannot hold there are as many bits as it has.
template <std::integral T>
[[nodiscard]] T number_in(const nlohmann::json& object, std::string_view key, T otherwise) {
  return static_cast<T>(whole_in(object, key, static_cast<std::int64_t>(otherwise)));
}
// The member itself; a null, in which nothing is, where there is none. A reference into `object`, or to what stays.
[[nodiscard]] const nlohmann::json& part_in(const nlohmann::json& object, std::string_view key);
// The strings of an array.
[[nodiscard]] std::vector<std::string> texts_in(const nlohmann::json& object, std::string_view key);

}  // namespace sup
