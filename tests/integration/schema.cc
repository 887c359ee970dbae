#include "schema.h"

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

namespace sup::test {
namespace {

using nlohmann::json;

class Validator {
 public:
  explicit Validator(const json& root) : root_(root) {}

  void check(const json& schema, const json& value, const std::string& path, std::vector<std::string>& out) const {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) out.push_back(path + ": not allowed here");
      return;
    }
    for (const auto& [word, rule] : schema.items()) apply(word, rule, schema, value, path, out);
  }

 private:
  static bool is(const std::string& type, const json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return false;
  }

  bool holds(const json& schema, const json& value) const {
    std::vector<std::string> out;
    check(schema, value, "", out);
    return out.empty();
  }

  void apply(const std::string& word, const json& rule, const json& schema, const json& value, const std::string& path,
             std::vector<std::string>& out) const {
    static const std::set<std::string> notes = {"$schema",     "$id",      "$defs", "$comment", "title",
                                                "description", "examples", "then",  "else"};
    if (notes.contains(word)) return;
    if (word == "$ref") {
      const auto target = rule.get<std::string>();
      check(root_.at(json::json_pointer(target.substr(1))), value, path, out);
    } else if (word == "type") {
      bool good = false;
      for (const auto& type : rule.is_array() ? rule : json::array({rule})) good = good || is(type, value);
      if (!good) out.push_back(path + ": is " + value.type_name() + ", not " + rule.dump());
    } else if (word == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end())
        out.push_back(path + ": " + value.dump() + " is none of " + rule.dump());
    } else if (word == "const") {
      if (value != rule) out.push_back(path + ": " + value.dump() + " is not " + rule.dump());
    } else if (word == "pattern") {
      if (value.is_string() && !std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()))) {
        out.push_back(path + ": " + value.dump() + " does not match " + rule.dump());
      }
    } else if (word == "minLength") {
      if (value.is_string() && value.get<std::string>().size() < rule.get<std::size_t>())
        out.push_back(path + ": is too short");
    } else if (word == "minimum") {
      if (value.is_number() && value.get<double>() < rule.get<double>())
        out.push_back(path + ": is less than " + rule.dump());
    } else if (word == "maximum") {
      if (value.is_number() && value.get<double>() > rule.get<double>())
        out.push_back(path + ": is more than " + rule.dump());
    } else if (word == "required") {
      for (const auto& key : rule) {
        if (value.is_object() && !value.contains(key)) out.push_back(path + ": has no " + key.dump());
      }
    } else if (word == "properties") {
      for (const auto& [key, sub] : rule.items()) {
        if (value.is_object() && value.contains(key)) check(sub, value.at(key), path + "/" + key, out);
      }
    } else if (word == "additionalProperties") {
      if (!value.is_object()) return;
      for (const auto& [key, item] : value.items()) {
        if (schema.contains("properties") && schema.at("properties").contains(key)) continue;
        if (rule.is_boolean() && !rule.get<bool>())
          out.push_back(path + "/" + key + ": is not in the schema");
        else
          check(rule, item, path + "/" + key, out);
      }
    } else if (word == "items") {
      if (!value.is_array()) return;
      for (std::size_t i = 0; i < value.size(); ++i) check(rule, value[i], path + "/" + std::to_string(i), out);
    } else if (word == "allOf") {
      for (const auto& sub : rule) check(sub, value, path, out);
    } else if (word == "anyOf" || word == "oneOf") {
      int good = 0;
      for (const auto& sub : rule) good += holds(sub, value) ? 1 : 0;
      if (good == 0 || (word == "oneOf" && good > 1))
        out.push_back(path + ": fits " + std::to_string(good) + " of " + word);
    } else if (word == "not") {
      if (holds(rule, value)) out.push_back(path + ": is what it must not be");
    } else if (word == "if") {
      const char* branch = holds(rule, value) ? "then" : "else";
      if (schema.contains(branch)) check(schema.at(branch), value, path, out);
    } else {
      out.push_back("the schema uses \"" + word + "\", which this check does not know");
    }
  }

  const json& root_;
};

}  // namespace

std::vector<std::string> breaches(const json& schema, const json& value) {
  std::vector<std::string> out;
  Validator(schema).check(schema, value, "", out);
  return out;
}

}  // namespace sup::test
