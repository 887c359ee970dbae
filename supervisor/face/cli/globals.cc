#include "face/cli/globals.h"

#include "core/eventlog.h"

namespace sup::cli {

std::vector<Option> global_options(Globals& g, bool& version) {
  return {
      {'S', "supervisor", "NAME|PATH", "which supervisor", "default", to(g.supervisor)},
      {0, "events", "DEST", "where events go: stderr, stdout, none, fd:N or a file", "$SUP_EVENTS, else stderr",
       to(g.events)},
      {0, "log-level", "LEVEL", "the least that is logged: trace, debug, info, warning, error", "info",
       [&g](std::string_view v) -> Result<void> {
         if (auto level = parse_level(v); !level) return std::unexpected(level.error());
         g.log_level = v;
         return {};
       }},
      {'q', "quiet", "", "log warnings and errors only", "", to(g.quiet)},
      {0, "version", "", "print versions and exit", "", to(version)},
  };
}

}  // namespace sup::cli
