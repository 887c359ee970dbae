// A seccomp profile as people have it in a file, compiled by libseccomp.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "spec/seccomp.h"

namespace sup {

// text: JSON, the `linux.seccomp` of the OCI runtime specification 1.1, or docker's profile file, whose `archMap`, `includes`
// and `excludes` are followed (by these capabilities, this machine and this kernel).
//
// As in runc: a rule that says what is said anyway is left out, as is a name that this machine does not have; but where the
// profile lists what is forbidden, an unknown name is an error: a typing mistake must not leave a door open. `flags` do not
// matter here. SCMP_ACT_NOTIFY is refused, there is no agent to ask.
// Errors: E_SECCOMP, with the place in the text.
[[nodiscard]] Result<Filter> compile_seccomp(std::string_view text, std::uint64_t capabilities);

}  // namespace sup
