#include "face/cli/namespace_options.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/text.h"
#include "face/control/client.h"
#include "spec/idmap.h"
#include "spec/jsonmember.h"
#include "sys/peernames.h"

namespace sup::cli {
namespace {

constexpr std::string_view kContainer = "container:";
constexpr std::string_view kPath = "ns:";

// "host", or "container:ID" as it is, or the path of "ns:PATH".
Result<std::string> shared(std::string_view option, std::string_view value, std::string why, std::string_view words) {
  if (value.starts_with(kContainer) && value.size() > kContainer.size()) return std::string(value);
  if (value.starts_with(kPath)) {
    const auto path = value.substr(kPath.size());
    if (path.starts_with('/')) return std::string(path);
    return usage(std::string(option) + " " + printable(value), "the path must begin with /",
                 "such as ns:/run/netns/NAME");
  }
  return usage(std::string(option) + " " + printable(value), std::move(why), std::string(words));
}

std::function<Result<void>(std::string_view)> place(std::string& target, std::string_view option) {
  return [&target, option](std::string_view value) -> Result<void> {
    if (value == "private" || value == "host") {
      target = value == "host" ? "host" : "";
      return {};
    }
    auto path = shared(option, value, "no such namespace", "private, host, container:ID or ns:PATH");
    if (!path) return std::unexpected(path.error());
    target = std::move(*path);
    return {};
  };
}

Result<void> find(const Globals& globals, std::string& value, const char* file) {
  if (!value.starts_with(kContainer)) return {};
  const std::string id = value.substr(kContainer.size());
  auto clients = control::reach(globals.supervisor);
  if (!clients) return std::unexpected(clients.error());
  auto about = control::ask(*clients, "container.inspect", {{"container", id}});
  if (!about) return std::unexpected(about.error());
  const auto pid = number_in(*about, "pid", 0L);
  if (pid <= 0) {
    return std::unexpected(Error{.code = "E_STATE",
                                 .where = printable(id),
                                 .what = "has no namespaces to share",
                                 .err = 0,
                                 .why = "it does not run",
                                 .hint = "start it first: sup start " + printable(id),
                                 .path = {},
                                 .stage = {}});
  }
  if (std::string_view(file) == "pid" && about->contains("spec") && text_in((*about)["spec"], "pid").starts_with('/')) {
    return usage("--pid " + value, printable(id) + " is in another's pid namespace itself", "name that one");
  }
  value = "/proc/" + std::to_string(pid) + "/ns/" + file;
  return {};
}

// Whose network it is knows the names in it: as docker does it, the container is told the same. Here and not by the supervisor,
// who is not to wait for what another container does with its files.
void look_at_names(Spec& spec) {
  constexpr std::string_view kProc = "/proc/";
  constexpr std::string_view kNet = "/ns/net";
  const std::string_view path = spec.netns;
  if (spec.rootfs.empty() || spec.network != Network::join || !path.starts_with(kProc) || !path.ends_with(kNet)) return;
  const auto pid = parse_unsigned<unsigned>(path.substr(kProc.size(), path.size() - kProc.size() - kNet.size()));
  if (!pid) return;
  auto names = peer_names(static_cast<pid_t>(*pid));
  spec.netns_hosts = std::move(names.hosts);
  spec.netns_resolv = std::move(names.resolv);
}

}  // namespace

void add_namespace_options(std::vector<Option>& rows, Spec& spec) {
  rows.push_back({0, "network", "none|host|pasta|container:ID|ns:PATH",
                  "a network namespace with lo up, the host's, one whose way out is pasta(1), or another's", "none",
                  [&spec](std::string_view v) -> Result<void> {
                    spec.netns.clear();
                    if (v == "none" || v == "host" || v == "pasta") {
                      spec.network = v == "host" ? Network::host : v == "pasta" ? Network::pasta : Network::none;
                      return {};
                    }
                    auto path = shared("--network", v, "no such network", "none, host, pasta, container:ID or ns:PATH");
                    if (!path) return std::unexpected(path.error());
                    spec.network = Network::join;
                    spec.netns = std::move(*path);
                    return {};
                  }});
  rows.push_back({'p', "publish", "[IP:]HOST:CONTAINER[/udp]",
                  "pass a port of the host on to one of the container's; means --network pasta; may be repeated", "",
                  [&spec](std::string_view v) -> Result<void> {
                    auto publish = parse_publish(v);
                    if (!publish) return std::unexpected(publish.error());
                    spec.publish.push_back(std::move(*publish));
                    return {};
                  }});
  rows.push_back({0, "ipc", "private|host|container:ID|ns:PATH",
                  "System V IPC and message queues: its own, the host's, or another's", "private",
                  place(spec.ipc, "--ipc")});
  rows.push_back({0, "uts", "private|host|container:ID|ns:PATH", "the host name: its own, the host's, or another's",
                  "private", place(spec.uts, "--uts")});
  rows.push_back({0, "pid", "private|host|container:ID|ns:PATH", "processes: its own, the host's, or another's",
                  "private", place(spec.pid, "--pid")});
  rows.push_back({0,
                  "userns",
                  "auto|keep-id|host|map:INSIDE:OUTSIDE:COUNT[,…]",
                  "the ids inside: a range of /etc/subuid, the caller's own, the host's, or these",
                  {},
                  [&spec](std::string_view v) -> Result<void> {
                    if (auto map = parse_userns(v); !map) return std::unexpected(map.error());
                    spec.userns = v;
                    return {};
                  }});
}

Result<void> find_namespaces(const Globals& globals, Spec& spec) {
  if (!spec.publish.empty() && spec.network == Network::none) spec.network = Network::pasta;
  for (const auto& [value, file] : {std::pair{&spec.netns, "net"}, std::pair{&spec.ipc, "ipc"},
                                    std::pair{&spec.uts, "uts"}, std::pair{&spec.pid, "pid"}}) {
    const bool container = value->starts_with(kContainer);
    if (container && spec.restart.kind != RestartPolicy::Kind::no) {
      return usage("--restart", "cannot be used with " + *value,
                   "what it shares may be gone by then: leave one of the two out");
    }
    if (auto r = find(globals, *value, file); !r) return r;
  }
  look_at_names(spec);
  return {};
}

}  // namespace sup::cli
