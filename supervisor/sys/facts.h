// gather: the one reader of the world for compile().
#pragma once
#include "base/error.h"
#include "spec/facts.h"
#include "spec/spec.h"

namespace sup {

// A fresh id: 12 hex digits from getrandom(2).
[[nodiscard]] std::string new_id();

// Facts for this spec; reads /etc/passwd and /etc/group only when the spec names a user.
[[nodiscard]] Result<Facts> gather(const Spec& spec);

}  // namespace sup
