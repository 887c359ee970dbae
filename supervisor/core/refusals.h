// Refusals: what a supervisor answers to more than one request that it does not do.
#pragma once
#include <string_view>

#include "base/error.h"

namespace sup {

// E_NO_CONTAINER: no id or name is like that (any bytes).
[[nodiscard]] Error no_container(std::string_view reference);
// E_CLOSING: it has been told to leave.
[[nodiscard]] Error leaving();
// E_FOREGROUND: not under a foreground run, which ends with its command. where: the verb.
[[nodiscard]] Error foreground(std::string_view where);

}  // namespace sup
