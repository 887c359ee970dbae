#include "face/cli/run_detached.h"

#include <nlohmann/json.hpp>

#include "face/daemon.h"
#include "face/pidfile.h"
#include "face/print.h"
#include "face/terminal.h"
#include "spec/spec_json.h"

namespace sup::cli {
namespace {

// What belongs to the caller's own process, and would be gone with it.
Result<void> check_detachable(const Spec& spec) {
  const auto refuse = [](const char* option) { return usage(option, "cannot be used with -d", "leave one of the two out"); };
  if (spec.status_fd >= 0) return refuse("--status-fd");
  if (spec.preserve_fds > 0) return refuse("--preserve-fds");
  if (!spec.record.empty()) return refuse("--record");
  if (!spec.pidfile.empty()) return refuse("--pidfile");
  return {};
}

}  // namespace

Result<int> run_detached(const Globals& globals, const Spec& spec, const Facts& facts) {
  if (auto r = check_detachable(spec); !r) return std::unexpected(r.error());
  auto client = ensure_supervisor(globals.supervisor.empty() ? "default" : globals.supervisor);
  if (!client) return std::unexpected(client.error());
  nlohmann::json params = {{"spec", spec_to_json(spec)}, {"cwd", bytes_to_json(facts.cwd)}};
  auto environ = nlohmann::json::array();
  for (const auto& entry : facts.environ) environ.push_back(bytes_to_json(entry));
  params["environ"] = std::move(environ);
  for (const int fd : {1, 0, 2}) {
    if (const auto size = terminal_size(fd)) {
      params["rows"] = size->ws_row;
      params["cols"] = size->ws_col;
      break;
    }
  }
  auto answer = client->call("container.run", params);
  if (!answer) return std::unexpected(answer.error());
  const std::string id = answer->value("id", "");
  if (auto r = write_cidfile(spec.cidfile, id); !r) return std::unexpected(r.error());
  return print(id + "\n");
}

}  // namespace sup::cli
