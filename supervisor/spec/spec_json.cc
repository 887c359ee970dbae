#include "spec/spec_json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "spec/base64.h"
#include "spec/privileges.h"
#include "spec/signals.h"

namespace sup {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

// A field of Spec that is not written or read here would be lost on its way to the supervisor, silently. So both ways
// take the Spec apart field by field: a new field does not compile until it is named in fields(), once for both.
//
// visit(name, field): each field with the name it travels under.
template <typename SpecRef, typename Visit>
void fields(SpecRef& spec, const Visit& visit) {
  auto& [argv, name, labels, tty, interactive, env, clear_env, workdir, hostname, user, group_add, init, stop_signal,
         stop_timeout, sig_proxy, detach_keys, timeout, status_fd, pidfile, cidfile, preserve_fds, network, netns,
         netns_hosts, netns_resolv, publish, ipc, uts, pid, userns, privileged, profile, cap_add, cap_drop,
         no_new_privs, seccomp, ulimits, oom_score_adj, nice, ionice, rm, record, rootfs, rootfs_overlay, read_only,
         mounts, shm_size, restart, limits] = spec;
  visit("argv", argv);
  visit("name", name);
  visit("labels", labels);
  visit("tty", tty);
  visit("interactive", interactive);
  visit("env", env);
  visit("clear_env", clear_env);
  visit("workdir", workdir);
  visit("hostname", hostname);
  visit("user", user);
  visit("group_add", group_add);
  visit("init", init);
  visit("stop_signal", stop_signal);
  visit("stop_timeout_ms", stop_timeout);
  visit("sig_proxy", sig_proxy);
  visit("detach_keys", detach_keys);
  visit("timeout_ms", timeout);
  visit("status_fd", status_fd);
  visit("pidfile", pidfile);
  visit("cidfile", cidfile);
  visit("preserve_fds", preserve_fds);
  visit("network", network);
  visit("netns", netns);
  visit("netns_hosts", netns_hosts);
  visit("netns_resolv", netns_resolv);
  visit("publish", publish);
  visit("ipc", ipc);
  visit("uts", uts);
  visit("pid", pid);
  visit("userns", userns);
  visit("privileged", privileged);
  visit("profile", profile);
  visit("cap_add", cap_add);
  visit("cap_drop", cap_drop);
  visit("no_new_privs", no_new_privs);
  visit("seccomp", seccomp);
  visit("ulimits", ulimits);
  visit("oom_score_adj", oom_score_adj);
  visit("nice", nice);
  visit("ionice", ionice);
  visit("rm", rm);
  visit("record", record);
  visit("rootfs", rootfs);
  visit("rootfs_overlay", rootfs_overlay);
  visit("read_only", read_only);
  visit("mounts", mounts);
  visit("shm_size", shm_size);
  visit("restart", restart);
  visit("limits", limits);
}

template <typename LimitsRef, typename Visit>
void limit_fields(LimitsRef& limits, const Visit& visit) {
  auto& [memory, memory_swap, nano_cpus, cpu_shares, cpuset_cpus, pids, blkio_weight, best_effort] = limits;
  visit("memory", memory);
  visit("memory_swap", memory_swap);
  visit("nano_cpus", nano_cpus);
  visit("cpu_shares", cpu_shares);
  visit("cpuset_cpus", cpuset_cpus);
  visit("pids", pids);
  visit("blkio_weight", blkio_weight);
  visit("best_effort", best_effort);
}

// ---- Spec's types to JSON

Json to_json(bool value) { return value; }
Json to_json(int value) { return value; }
Json to_json(std::int64_t value) { return value; }
Json to_json(milliseconds value) { return value.count(); }
Json to_json(const std::string& bytes) { return bytes_to_json(bytes); }
Json to_json(Network value) {
  switch (value) {
    case Network::none: return "none";
    case Network::host: return "host";
    case Network::join: return "join";
    case Network::pasta: return "pasta";
  }
  return nullptr;
}
Json to_json(const Ulimit& limit) { return to_string(limit); }
Json to_json(const Publish& publish) { return to_string(publish); }
Json to_json(Profile value) { return std::string(to_string(value)); }
Json to_json(const RestartPolicy& policy) { return to_string(policy); }
Json to_json(std::uint64_t value) { return value; }
Json to_json(const Mount& mount) { return bytes_to_json(to_string(mount)); }
Json to_json(const EnvEntry& entry) {
  const auto& [key, value] = entry;  // as above: no field is forgotten
  Json out = {{"key", bytes_to_json(key)}};
  if (value) out["value"] = bytes_to_json(*value);
  return out;
}
template <typename T>
Json to_json(const std::vector<T>& items) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(to_json(item));
  return out;
}
template <typename T>
Json to_json(const std::optional<T>& value) {
  return value ? to_json(*value) : Json(nullptr);
}
Json to_json(const Limits& limits) {
  Json out = Json::object();
  limit_fields(limits, [&out](const char* name, const auto& field) {
    Json value = to_json(field);
    if (!value.is_null()) out[name] = std::move(value);
  });
  return out;
}

// ---- and back

using Wrong = std::optional<RpcError>;

RpcError wrong(const std::string& at, const char* name, std::string message) {
  return {.code = kInvalidParams, .name = name, .message = std::move(message), .pointer = at};
}
RpcError type(const std::string& at, const std::string& wanted) { return wrong(at, "E_RPC_TYPE", "must be " + wanted); }

Wrong whole(const Json& in, std::int64_t least, std::int64_t most, std::int64_t& out, const std::string& at) {
  if (!in.is_number_integer()) return type(at, "a whole number");
  const bool huge = in.is_number_unsigned() && in.get<std::uint64_t>() > static_cast<std::uint64_t>(most);
  if (huge || in.get<std::int64_t>() < least || in.get<std::int64_t>() > most) {
    return wrong(at, "E_RPC_RANGE", "must be from " + std::to_string(least) + " to " + std::to_string(most));
  }
  out = in.get<std::int64_t>();
  return std::nullopt;
}

Wrong from_json(const Json& in, bool& out, const std::string& at) {
  if (!in.is_boolean()) return type(at, "true or false");
  out = in.get<bool>();
  return std::nullopt;
}
Wrong from_json(const Json& in, int& out, const std::string& at) {
  std::int64_t value = 0;
  if (auto e = whole(in, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), value, at)) return e;
  out = static_cast<int>(value);
  return std::nullopt;
}
Wrong from_json(const Json& in, std::int64_t& out, const std::string& at) {
  return whole(in, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), out, at);
}
Wrong from_json(const Json& in, milliseconds& out, const std::string& at) {
  std::int64_t value = 0;
  if (auto e = whole(in, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), value, at))
    return e;
  out = milliseconds(value);
  return std::nullopt;
}
Wrong from_json(const Json& in, std::string& out, const std::string& at) {
  auto bytes = bytes_from_json(in, at);
  if (!bytes) return std::move(bytes.error());
  out = std::move(*bytes);
  return std::nullopt;
}
Wrong from_json(const Json& in, Network& out, const std::string& at) {
  if (!in.is_string()) return type(at, "a string");
  if (in == "none")
    out = Network::none;
  else if (in == "host")
    out = Network::host;
  else if (in == "join")
    out = Network::join;
  else if (in == "pasta")
    out = Network::pasta;
  else
    return wrong(at, "E_RPC_RANGE", "must be \"none\", \"host\", \"join\" or \"pasta\"");
  return std::nullopt;
}
Wrong from_json(const Json& in, Ulimit& out, const std::string& at) {
  if (!in.is_string()) return type(at, "a string");
  const auto limit = parse_ulimit(in.get_ref<const std::string&>());
  if (!limit) return wrong(at, "E_RPC_RANGE", "is no limit: " + limit.error().why);
  out = *limit;
  return std::nullopt;
}
Wrong from_json(const Json& in, Publish& out, const std::string& at) {
  if (!in.is_string()) return type(at, "a string");
  auto publish = parse_publish(in.get_ref<const std::string&>());
  if (!publish) return wrong(at, "E_RPC_RANGE", "is no published port: " + publish.error().why);
  out = std::move(*publish);
  return std::nullopt;
}
Wrong from_json(const Json& in, Profile& out, const std::string& at) {
  if (!in.is_string()) return type(at, "a string");
  const auto profile = parse_profile(in.get_ref<const std::string&>());
  if (!profile) return wrong(at, "E_RPC_RANGE", "must be \"seed\", \"docker\" or \"strict\"");
  out = *profile;
  return std::nullopt;
}
Wrong from_json(const Json& in, RestartPolicy& out, const std::string& at) {
  if (!in.is_string()) return type(at, "a string");
  const auto policy = parse_restart(in.get_ref<const std::string&>());
  if (!policy) return wrong(at, "E_RPC_RANGE", "is no restart policy");
  out = *policy;
  return std::nullopt;
}
Wrong from_json(const Json& in, std::uint64_t& out, const std::string& at) {
  std::int64_t value = 0;
  if (auto e = whole(in, 0, std::numeric_limits<std::int64_t>::max(), value, at)) return e;
  out = static_cast<std::uint64_t>(value);
  return std::nullopt;
}
Wrong from_json(const Json& in, Mount& out, const std::string& at) {
  auto text = bytes_from_json(in, at);
  if (!text) return std::move(text.error());
  auto mount = parse_mount(*text);
  if (!mount) return wrong(at, "E_RPC_RANGE", "is no mount: " + mount.error().line());
  out = std::move(*mount);
  out.said = {};
  return std::nullopt;
}
Wrong from_json(const Json& in, EnvEntry& out, const std::string& at) {
  if (in.is_string()) {  // as one writes it by hand
    const auto& text = in.get_ref<const std::string&>();
    const auto equals = text.find('=');
    out.key = text.substr(0, equals);
    if (equals != std::string::npos) out.value = text.substr(equals + 1);
    return std::nullopt;
  }
  if (!in.is_object()) return type(at, "{\"key\":…,\"value\":…} or a string");
  const auto key = in.find("key");
  if (key == in.end()) return wrong(pointer_to(at, "key"), "E_RPC_MISSING", "is missing");
  if (auto e = from_json(*key, out.key, pointer_to(at, "key"))) return e;
  const auto value = in.find("value");
  if (value == in.end() || value->is_null()) return std::nullopt;
  return from_json(*value, out.value.emplace(), pointer_to(at, "value"));
}
template <typename T>
Wrong from_json(const Json& in, std::vector<T>& out, const std::string& at) {
  if (!in.is_array()) return type(at, "an array");
  out.clear();
  out.reserve(in.size());
  for (const Json& item : in) {
    const std::size_t index = out.size();
    if (auto e = from_json(item, out.emplace_back(), pointer_to(at, index))) return e;
  }
  return std::nullopt;
}
template <typename T>
Wrong from_json(const Json& in, std::optional<T>& out, const std::string& at) {
  return from_json(in, out.emplace(), at);
}

Wrong from_json(const Json& in, Limits& out, const std::string& at) {
  if (!in.is_object()) return type(at, "an object");
  Wrong first;
  limit_fields(out, [&](const char* name, auto& field) {
    const auto member = in.find(name);
    if (!first && member != in.end() && !member->is_null()) first = from_json(*member, field, pointer_to(at, name));
  });
  return first;
}

// The one number that people write as a word.
Wrong signal_from_json(const Json& in, int& out, const std::string& at) {
  if (!in.is_string()) return from_json(in, out, at);
  const auto number = parse_signal(in.get_ref<const std::string&>());
  if (!number)
    return wrong(at, "E_RPC_RANGE", "is no signal" + (number.error().hint.empty() ? "" : "; " + number.error().hint));
  out = *number;
  return std::nullopt;
}

}  // namespace

Json bytes_to_json(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  return {{"base64", to_base64(bytes)}};
}

Rpc<std::string> bytes_from_json(const Json& value, const std::string& at) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return std::unexpected(type(at, "a string or {\"base64\":…}"));
  const auto text = value.find("base64");
  if (text == value.end()) return std::unexpected(wrong(pointer_to(at, "base64"), "E_RPC_MISSING", "is missing"));
  if (!text->is_string()) return std::unexpected(type(pointer_to(at, "base64"), "a string"));
  auto bytes = from_base64(text->get_ref<const std::string&>());
  if (!bytes) return std::unexpected(wrong(pointer_to(at, "base64"), "E_RPC_RANGE", "is not base64, with padding"));
  return std::move(*bytes);
}

Json spec_to_json(const Spec& spec) {
  Json out = Json::object();
  fields(spec, [&](const char* name, const auto& field) {
    Json value = to_json(field);
    if (!value.is_null()) out[name] = std::move(value);
  });
  return out;
}

Rpc<Limits> limits_from_json(const Json& value, const std::string& at) {
  Limits limits;
  if (auto e = from_json(value, limits, at)) return std::unexpected(std::move(*e));
  return limits;
}

Json limits_to_json(const Limits& limits) { return to_json(limits); }

Rpc<Spec> spec_from_json(const Json& value, const std::string& at) {
  if (!value.is_object()) return std::unexpected(type(at, "an object"));
  Spec spec;
  Wrong first;
  fields(spec, [&](const char* name, auto& field) {
    const auto member = value.find(name);
    if (first || member == value.end() || member->is_null()) return;
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(field)>, int>) {
      if (&field == &spec.stop_signal) {
        first = signal_from_json(*member, field, pointer_to(at, name));
        return;
      }
    }
    first = from_json(*member, field, pointer_to(at, name));
  });
  if (first) return std::unexpected(std::move(*first));
  return spec;
}

}  // namespace sup
