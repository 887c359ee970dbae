// Saved values as CBOR and back. One list of fields a struct, for both directions.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "core/saved.h"

namespace sup {

[[nodiscard]] nlohmann::json saved_to_json(SavedSupervisor saved);

// E_STATE_FORMAT: a member has the wrong type. What is missing has its default; so has all of null.
[[nodiscard]] Result<SavedSupervisor> supervisor_from_json(const nlohmann::json& value);

// The bytes of a whole state: {"format":kSavedFormat,"version":SUP_VERSION,…} and what `value` holds besides. Strings are
// bytes here, whatever they hold.
[[nodiscard]] std::string encode_state(nlohmann::json value);
// E_STATE_FORMAT: not CBOR, or of a format that this version cannot read; says which version wrote it.
[[nodiscard]] Result<nlohmann::json> decode_state(std::string_view bytes);

}  // namespace sup
