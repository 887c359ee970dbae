// Check: whether a Spec makes sense by itself, before anything is looked up or started.
#pragma once
#include <string_view>

#include "base/error.h"
#include "spec/spec.h"

namespace sup {

inline constexpr int kMaxPreserveFds = 1024;
// sethostname(2) takes __NEW_UTS_LEN bytes.
inline constexpr std::size_t kMaxHostname = 64;

// A letter or digit, then letters, digits, '_', '.' and '-': names of containers, and of supervisors.
[[nodiscard]] bool is_container_name(std::string_view name);

// Error E_USAGE (125) says which part is wrong and what it may be; an empty command name is E_EXEC_NOTFOUND (127),
// as in a shell.
[[nodiscard]] Result<void> check(const Spec& spec);

}  // namespace sup
