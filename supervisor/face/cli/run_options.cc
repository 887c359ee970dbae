#include "face/cli/run_options.h"

#include "base/text.h"
#include "face/cli/limit_options.h"
#include "face/cli/namespace_options.h"
#include "face/cli/priority_options.h"
#include "face/cli/privilege_options.h"
#include "face/cli/root_options.h"
#include "spec/check.h"
#include "spec/env.h"
#include "spec/keys.h"
#include "spec/signals.h"
#include "sys/procfs.h"

namespace sup::cli {
namespace {

using Set = std::function<Result<void>(std::string_view)>;

Set duration(std::chrono::milliseconds& target, const std::string& where) {
  return [&target, where](std::string_view value) -> Result<void> {
    auto parsed = parse_duration(value, where);
    if (!parsed) return std::unexpected(parsed.error());
    target = *parsed;
    return {};
  };
}

Set number(int& target, const std::string& where, unsigned most, const std::string& hint) {
  return [&target, where, most, hint](std::string_view value) -> Result<void> {
    const auto parsed = parse_unsigned<unsigned>(value);
    if (!parsed || *parsed > most)
      return usage(where + " " + printable(value), "not a number from 0 to " + std::to_string(most), hint);
    target = static_cast<int>(*parsed);
    return {};
  };
}

}  // namespace

std::vector<Option> run_options(Spec& spec, RunFlags& flags) {
  std::vector<Option> o;
  o.push_back({'t', "tty", "", "give the command a terminal of its own", "", to(spec.tty)});
  o.push_back({'i', "interactive", "", "pass standard input on to the command", "", to(spec.interactive)});
  o.push_back({'d', "detach", "", "run in the background, and print the id", "", to(flags.detach)});
  o.push_back({0, "name", "NAME", "name the container", "its id", [&spec](std::string_view v) -> Result<void> {
                 if (v.empty())
                   return usage("--name", "is empty", "a letter or digit, then letters, digits, '_', '.' and '-'");
                 spec.name = v;
                 return {};
               }});
  o.push_back({'l', "label", "KEY[=VALUE]", "say something about it, for ps and inspect; may be repeated", "",
               [&spec](std::string_view v) -> Result<void> {
                 std::string label(v);
                 if (label.find('=') == std::string::npos) label += '=';
                 // The last one of a key counts.
                 const std::string key = label.substr(0, label.find('=') + 1);
                 std::erase_if(spec.labels, [&key](const std::string& other) { return other.starts_with(key); });
                 spec.labels.push_back(std::move(label));
                 return {};
               }});
  o.push_back({'e', "env", "KEY[=VALUE]", "set a variable, or take the caller's; may be repeated", "",
               [&spec](std::string_view v) -> Result<void> {
                 auto entry = parse_env_entry(v);
                 if (!entry) return std::unexpected(entry.error());
                 spec.env.push_back(std::move(*entry));
                 return {};
               }});
  o.push_back({0, "env-file", "FILE", "set the variables of a file, one KEY=VALUE a line", "",
               [&spec](std::string_view v) -> Result<void> {
                 auto text = read_file(std::string(v), 1U << 20);
                 if (!text) {
                   Error e = text.error();
                   e.code = "E_ENV_FILE";
                   e.where = "--env-file";
                   return std::unexpected(std::move(e));
                 }
                 auto entries = parse_env_file(*text, std::string(v));
                 if (!entries) return std::unexpected(entries.error());
                 spec.env.insert(spec.env.end(), entries->begin(), entries->end());
                 return {};
               }});
  o.push_back({0, "clear-env", "", "start from an empty environment, not the caller's", "", to(spec.clear_env)});
  o.push_back({'w', "workdir", "DIR", "run the command there", "the caller's directory", to(spec.workdir)});
  o.push_back({'h', "hostname", "NAME", "the host name inside", "the id", to(spec.hostname)});
  o.push_back({'u', "user", "USER[:GROUP]", "run as this user, by name or number", "the caller", to(spec.user)});
  o.push_back({0, "group-add", "GROUP", "a supplementary group besides, by name or number; may be repeated", "",
               [&spec](std::string_view v) -> Result<void> {
                 spec.group_add.emplace_back(v);
                 return {};
               }});
  o.push_back({0, "init", "", "keep init as PID 1: it forwards signals and reaps orphans", "", to(spec.init)});
  o.push_back({0, "stop-signal", "SIGNAL", "how the command is asked to stop", "TERM",
               [&spec](std::string_view v) -> Result<void> {
                 auto s = parse_signal(v);
                 if (!s)
                   return usage("--stop-signal " + printable(v), "not a signal",
                                "a name such as TERM, or a number from 1 to 64");
                 spec.stop_signal = *s;
                 return {};
               }});
  o.push_back({0, "stop-timeout", "SECONDS", "how long to wait after it before KILL", "10",
               [&spec](std::string_view v) -> Result<void> {
                 // docker's 0: do not wait at all.
                 if (v == "0") {
                   spec.stop_timeout = std::chrono::milliseconds{0};
                   return {};
                 }
                 return duration(spec.stop_timeout, "--stop-timeout")(v);
               }});
  o.push_back({0, "sig-proxy", "", "pass signals that sup gets on to the command", "true", to(spec.sig_proxy)});
  o.push_back({0, "detach-keys", "KEYS", "the keys that detach, in docker's way of writing", "none in a foreground run",
               [&spec](std::string_view v) -> Result<void> {
                 if (auto keys = parse_detach_keys(v); !keys) return std::unexpected(keys.error());
                 spec.detach_keys = std::string(v);
                 return {};
               }});
  o.push_back(
      {0, "timeout", "DURATION", "stop the command after this long: 90, 1m30s, 500ms", "",
       [&spec](std::string_view v) -> Result<void> { return duration(spec.timeout.emplace(), "--timeout")(v); }});
  o.push_back({0, "status-fd", "FD", "write how it ended to this descriptor, one JSON line", "",
               number(spec.status_fd, "--status-fd", 1U << 20, "open it in the shell: 3>status --status-fd 3")});
  o.push_back({0, "pidfile", "FILE", "write the command's pid there while it runs", "", to(spec.pidfile)});
  o.push_back({0, "cidfile", "FILE", "write the container's id to a new file", "", to(spec.cidfile)});
  o.push_back({0, "preserve-fds", "N", "pass the descriptors 3 to 2+N on to the command", "0",
               number(spec.preserve_fds, "--preserve-fds", kMaxPreserveFds, "how many descriptors, from 3 up")});
  add_namespace_options(o, spec);
  add_limit_options(o, spec.limits);
  add_priority_options(o, spec);
  o.push_back({0, "limits", "strict|best-effort", "whether a limit that cannot be applied stops the start", "strict",
               [&spec](std::string_view v) -> Result<void> {
                 if (v != "strict" && v != "best-effort")
                   return usage("--limits " + printable(v), "no such way", "strict or best-effort");
                 spec.limits.best_effort = v == "best-effort";
                 return {};
               }});
  add_root_options(o, spec);
  o.push_back({0, "privileged", "", "keep every capability, and with --rootfs have all devices of the host's", "",
               to(spec.privileged)});
  add_privilege_options(o, spec);
  o.push_back({0, "rm", "", "forget the container when it ends", "true in the foreground", to(flags.rm)});
  o.push_back({0, "keep", "", "keep what is known of it after its end", "", to(flags.keep)});
  o.push_back({0, "restart", "POLICY", "with -d: no, on-failure[:N], always or unless-stopped", "no",
               [&spec](std::string_view v) -> Result<void> {
                 auto policy = parse_restart(v, "--restart");
                 if (!policy) return std::unexpected(policy.error());
                 spec.restart = *policy;
                 return {};
               }});
  o.push_back({0, "record", "FILE", "record the terminal to an asciicast file", "", to(spec.record)});
  o.push_back({0, "plan", "", "print the steps and stop", "", to(flags.plan)});
  o.push_back({0, "as", "docker|bwrap|unshare|oci", "with --plan: the same run in a peer's words", "",
               [&flags](std::string_view v) -> Result<void> {
                 flags.as = v;
                 return {};
               }});
  o.push_back(format_option(flags.json, "with --plan: how to print it"));
  return o;
}

}  // namespace sup::cli
