// The runtime directory: where supervisors' sockets are, and who may be there.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

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

// What a supervisor keeps beside its socket: the logs of its containers, removed with it.
[[nodiscard]] inline std::string logs_path(const std::string& socket) { return socket + ".logs"; }

// Readable (inotify(7)) when a socket has come into the runtime directory, a moment before or after somebody listens there.
// E_RUNTIME_DIR where there is no such directory to watch.
[[nodiscard]] Result<Fd> watch_runtime_dir();

// A socket that is not yet listened on has this behind its path (ListeningSocket::open_own()).
inline constexpr std::string_view kUnseenSuffix = ".new";

// The name of a foreground run's supervisor: "run-" and the container's id.
[[nodiscard]] std::string run_name(std::string_view id);
// A foreground run that was killed leaves its socket, and nobody comes after it under that name. So who finds that connections
// to `supervisor` are refused (ECONNREFUSED) removes what is left; names of another kind are left alone.
void abandoned_run(std::string_view supervisor);

}  // namespace sup
