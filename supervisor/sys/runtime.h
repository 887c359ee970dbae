// The runtime directory: where supervisors' sockets are, and who may be there.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

// $SUP_RUNTIME_DIR, else /run/sup for root, else $XDG_RUNTIME_DIR/sup. Error E_RUNTIME_DIR when none of them is there.
[[nodiscard]] Result<std::string> runtime_dir();

// The same, made where it is missing (0700) and refused where it is somebody else's or open to others: whoever can put a
// socket there can pose as the supervisor.
[[nodiscard]] Result<std::string> make_runtime_dir();

// Where the supervisor of that name listens: DIR/NAME.sock. A name with a slash is a path, taken as it is.
[[nodiscard]] Result<std::string> socket_path(std::string_view supervisor);

// The names of all sockets in the runtime directory, sorted; whether somebody listens is not asked.
[[nodiscard]] std::vector<std::string> supervisor_names();

}  // namespace sup
