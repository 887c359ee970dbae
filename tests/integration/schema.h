// Schema: the part of JSON Schema (draft 2020-12) that the published schema uses, and no more: a word
// that is not known here is an error, so that nothing in the schema goes unchecked.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace sup::test {

// Every breach as "/path: what is wrong". Empty: valid.
[[nodiscard]] std::vector<std::string> breaches(const nlohmann::json& schema, const nlohmann::json& value);

}  // namespace sup::test
