#include "spec/jsonmember.h"

#include <nlohmann/json.hpp>

namespace sup {

using Json = nlohmann::json;

const Json* member(const Json& object, std::string_view key) {
  const auto* members = object.get_ptr<const Json::object_t*>();
  if (members == nullptr) return nullptr;
  const auto at = members->find(key);
  return at == members->end() ? nullptr : &at->second;
}

std::string text_in(const Json& object, std::string_view key, std::string_view otherwise) {
  const Json* value = member(object, key);
  const auto* text = value != nullptr ? value->get_ptr<const std::string*>() : nullptr;
  return text != nullptr ? *text : std::string(otherwise);
}

bool flag_in(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

double real_in(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_number() ? value->get<double>() : 0.0;
}

std::int64_t whole_in(const Json& object, std::string_view key, std::int64_t otherwise) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : otherwise;
}

const Json& part_in(const Json& object, std::string_view key) {
  static const Json nothing;
  const Json* value = member(object, key);
  return value != nullptr ? *value : nothing;
}

std::vector<std::string> texts_in(const Json& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const Json& one : part_in(object, key)) {
    if (const auto* text = one.get_ptr<const std::string*>()) texts.push_back(*text);
  }
  return texts;
}

}  // namespace sup
