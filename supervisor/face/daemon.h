// Daemon: a supervisor in the background, and how a client gets one.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/error.h"
#include "face/cli/verb.h"
#include "face/control/client.h"

namespace sup {

struct DaemonOptions {
  std::string name = "default";
  std::optional<std::chrono::milliseconds> idle;   // leave when nothing has been held for so long; none: stay
  std::optional<std::size_t> pool;  // inits to keep in advance; none: as many as the starts of late suggest
  std::string state_dir;  // core/roster.h; empty: nothing comes back
  int resume_fd = -1;  // a state to go on from (sys/handover.h); none: begin empty
  int ready_fd = -1;  // closed once clients are served; an error line is written to it instead
};

// Serves until told to leave (TERM, INT: all containers are asked to stop, a second one kills them) or idle. 0.
[[nodiscard]] Result<int> run_daemon(const cli::Globals& globals, const DaemonOptions& options);

// Whether this version can go on from the state in that descriptor. 0, or the Error that says why not.
[[nodiscard]] Result<int> try_state(int fd);

// The supervisor of that name; it is started when there is none, and leaves when it has been empty for a minute. Two who do
// so at once get the same one.
[[nodiscard]] Result<control::Client> ensure_supervisor(const std::string& name);

}  // namespace sup
