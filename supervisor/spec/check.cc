#include "spec/check.h"

#include <string_view>
#include <utility>

#include "base/text.h"
#include "spec/idmap.h"
#include "spec/privileges.h"
#include "spec/signals.h"

namespace sup {
namespace {

constexpr std::chrono::milliseconds kHundredYears{std::chrono::hours{24} * 36525};

std::unexpected<Error> wrong(std::string where, std::string_view what, std::string why, std::string hint = {}) {
  auto error = usage(std::move(where), std::move(why), std::move(hint));
  error.error().what = std::string(what);
  return error;
}

bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// What hostname(7) allows, and the underscore that everybody uses.
bool valid_hostname(std::string_view name) {
  if (name.empty() || name.size() > kMaxHostname || name.front() == '-' || name.front() == '.') return false;
  for (const char c : name) {
    if (!letter_or_digit(c) && c != '_' && c != '.' && c != '-') return false;
  }
  return name.find("..") == std::string_view::npos;
}

constexpr std::size_t kMostLabels = 4096;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// NUL cannot come from a command line, but from JSON it can, and it would cut a string short in init.
Result<void> check_nul(const Spec& spec) {
  const std::string why = "a NUL byte cannot be passed to a program";
  for (const std::string& arg : spec.argv) {
    if (has_nul(arg)) return wrong("command", arg, why);
  }
  for (const EnvEntry& entry : spec.env) {
    if (has_nul(entry.key) || (entry.value && has_nul(*entry.value))) return wrong("-e", entry.key, why);
    if (entry.key.empty() || entry.key.find('=') != std::string::npos) {
      return wrong("-e", entry.key, "is not a name", "write NAME=VALUE, or NAME for the caller's value");
    }
  }
  const std::pair<const char*, const std::string*> paths[] = {
      {"--workdir", &spec.workdir}, {"--user", &spec.user},     {"--pidfile", &spec.pidfile},
      {"--cidfile", &spec.cidfile}, {"--record", &spec.record}, {"--rootfs", &spec.rootfs}};
  for (const std::string& group : spec.group_add) {
    if (group.empty() || has_nul(group)) return wrong("--group-add", group, "is no group");
  }
  for (const auto& [option, value] : paths) {
    if (has_nul(*value)) return wrong(option, *value, why);
  }
  return {};
}

Result<void> check_shared(const Spec& spec) {
  const std::pair<const char*, const std::string*> all[] = {
      {"--network", &spec.netns}, {"--ipc", &spec.ipc}, {"--uts", &spec.uts}, {"--pid", &spec.pid}};
  for (const auto& [option, value] : all) {
    const bool path = value->starts_with('/') && !has_nul(*value);
    const bool word = value->empty() || *value == "host";
    if (value == &spec.netns ? path != (spec.network == Network::join) || (!path && !value->empty()) : !path && !word) {
      return wrong(option, *value, "is no namespace", "a path that begins with /");
    }
  }
  if (!spec.publish.empty() && spec.network != Network::pasta)
    return wrong("-p", to_string(spec.publish.front()), "only a network of pasta's has published ports",
                 "add --network pasta");
  if (!spec.uts.empty() && !spec.hostname.empty())
    return wrong("--hostname", spec.hostname, "would change another's host name", "leave out --hostname or --uts");
  if (spec.oom_score_adj && (*spec.oom_score_adj < -1000 || *spec.oom_score_adj > 1000)) {
    return wrong("--oom-score-adj", std::to_string(*spec.oom_score_adj), "out of range", "-1000 to 1000");
  }
  if (spec.nice && (*spec.nice < -20 || *spec.nice > 19))
    return wrong("--nice", std::to_string(*spec.nice), "out of range", "-20 to 19");
  return {};
}

Result<void> check_labels(const Spec& spec) {
  std::size_t size = 0;
  for (const std::string& label : spec.labels) {
    const auto equals = label.find('=');
    if (equals == 0 || equals == std::string::npos)
      return wrong("--label", label, "has no key", "write KEY or KEY=VALUE");
    if (!is_utf8(label) || has_nul(label)) return wrong("--label", label, "is no text (UTF-8)");
    size += label.size();
  }
  // Each of them is in every list.
  if (size > kMostLabels)
    return wrong("--label", std::to_string(size) + " bytes", "are too many",
                 "at most " + std::to_string(kMostLabels) + " in all");
  return {};
}

// What is the container's own to make cannot be a volume's.
Result<void> check_root(const Spec& spec) {
  const bool rooted = !spec.rootfs.empty();
  if (!rooted && spec.read_only)
    return wrong("--read-only", "", "the host's root is not the container's to change", "add --rootfs DIR");
  if (!rooted && spec.rootfs_overlay) return wrong("--rootfs", ":O", "the directory is missing");
  for (const Mount& mount : spec.mounts) {
    const std::string& target = mount.target;
    const auto refused = [&mount](std::string why, std::string hint = {}) {
      return wrong(std::string(option_of(mount)), mount.target, std::move(why), std::move(hint));
    };
    if (mount.source.find('\0') != std::string::npos || target.find('\0') != std::string::npos)
      return refused("a NUL byte cannot be in a path");
    for (const std::string_view own : {"/proc", "/sys"}) {
      if (lies_in(target, own))
        return refused(std::string(own) + " is the container's own, and nothing can be mounted there",
                       "name another place");
    }
    if (!rooted) continue;
    if (target == "/dev")
      return refused("/dev is the container's own",
                     "use --device for each device that is needed, or --privileged for all");
    for (const std::string_view own :
         {"/dev/pts", "/dev/ptmx", "/dev/console", "/dev/null", "/dev/mqueue", "/dev/fd"}) {
      if (lies_in(target, own)) return refused(std::string(own) + " is the container's own", "name another place");
    }
  }
  return {};
}

// What there can be of a user namespace, whoever asks. On the host's root the files are the host's own ids', who would all be
// nobody in another range.
Result<void> check_userns(const Spec& spec) {
  if (auto map = parse_userns(spec.userns); !map) return std::unexpected(std::move(map.error()));
  if (spec.userns == kUsernsKeepId && !spec.user.empty())
    return wrong("--user", spec.user, "--userns keep-id has the caller's own id and no other",
                 "leave one of the two out");
  if (!wants_ranges(spec.userns)) return {};
  if (spec.rootfs.empty())
    return wrong("--userns", spec.userns, "ids of a range own nothing on the host's root", "add --rootfs DIR");
  return {};
}

}  // namespace

bool is_container_name(std::string_view name) {
  if (name.empty() || !letter_or_digit(name.front())) return false;
  for (const char c : name) {
    if (!letter_or_digit(c) && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

Result<void> check(const Spec& spec) {
  if (spec.argv.empty()) {
    return usage("run", "Missing container command", "sup run [OPTIONS] [--] COMMAND [ARG…]");
  }
  if (spec.argv.front().empty()) {
    Error error;
    error.code = "E_EXEC_NOTFOUND";
    error.where = "exec";
    error.what = "''";
    error.why = "empty command";
    error.hint = "name a program";
    error.status = 127;
    error.stage = "exec";
    return std::unexpected(std::move(error));
  }
  if (auto clean = check_nul(spec); !clean) return clean;
  if (!spec.name.empty() && !is_container_name(spec.name)) {
    return wrong("--name", spec.name, "is not a name", "a letter or digit, then letters, digits, '_', '.' and '-'");
  }
  if (auto right = check_labels(spec); !right) return right;
  if (auto right = check_root(spec); !right) return right;
  if (!spec.hostname.empty() && !valid_hostname(spec.hostname)) {
    return wrong("--hostname", spec.hostname, "is not a host name",
                 "at most 64 letters, digits, '-', '_' and '.', the first a letter or digit");
  }
  if (spec.preserve_fds < 0 || spec.preserve_fds > kMaxPreserveFds) {
    return wrong("--preserve-fds", std::to_string(spec.preserve_fds), "out of range",
                 "0 to " + std::to_string(kMaxPreserveFds));
  }
  if (!spec.record.empty() && !spec.tty) {
    return wrong("--record", spec.record, "there is no terminal to record", "add -t");
  }
  if (spec.stop_signal < 1 || spec.stop_signal > kMaxSignal) {
    return wrong("--stop-signal", std::to_string(spec.stop_signal), "no such signal", "1 to 64");
  }
  if (spec.stop_timeout.count() < 0 || spec.stop_timeout > kHundredYears) {
    return wrong("--stop-timeout", std::to_string(spec.stop_timeout.count()) + " ms", "out of range", "0 to 100 years");
  }
  if (spec.timeout && (spec.timeout->count() <= 0 || *spec.timeout > kHundredYears)) {
    return wrong("--timeout", std::to_string(spec.timeout->count()) + " ms", "out of range",
                 "more than 0, at most 100 years");
  }
  if (has_nul(spec.limits.cpuset_cpus))
    return wrong("--cpuset-cpus", spec.limits.cpuset_cpus, "a NUL byte is no number");
  if (auto limits = check_limits(spec.limits); !limits) return limits;
  if (auto shared = check_shared(spec); !shared) return shared;
  if (auto userns = check_userns(spec); !userns) return userns;
  return check_privileges(spec);
}

}  // namespace sup
