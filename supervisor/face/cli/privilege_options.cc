#include "face/cli/privilege_options.h"

#include "base/text.h"
#include "spec/privileges.h"
#include "sys/procfs.h"

namespace sup::cli {
namespace {

Result<void> set_seccomp(Spec& spec, std::string_view value) {
  if (value == kSeccompUnconfined || value == kSeccompBuiltin) {
    spec.seccomp = value;
    return {};
  }
  if (value.empty()) return usage("--security-opt seccomp=", "is empty", "a file, unconfined or builtin");
  auto text = read_file(std::string(value), 512U << 10);
  if (!text) {
    Error e = text.error();
    e.code = "E_SECCOMP";
    e.where = "--security-opt seccomp";
    return std::unexpected(std::move(e));
  }
  // The words of the two above stand for themselves, and so does an empty file for nothing.
  spec.seccomp = text->empty() ? " " : std::move(*text);
  return {};
}

// docker's way of writing: NAME, NAME=VALUE, and the older NAME:VALUE.
Result<void> set_security(Spec& spec, std::string_view option) {
  const auto at = option.find_first_of("=:");
  const auto name = option.substr(0, at);
  const auto value = at == std::string_view::npos ? std::string_view() : option.substr(at + 1);
  if (name == "no-new-privileges") {
    bool on = true;
    if (at != std::string_view::npos) {
      if (auto r = to(on)(value); !r) return r;
    }
    spec.no_new_privs = on;
    return {};
  }
  if (name == "seccomp" && at != std::string_view::npos) return set_seccomp(spec, value);
  return usage("--security-opt " + printable(option), "no such option",
               "no-new-privileges, seccomp=FILE, seccomp=builtin or seccomp=unconfined");
}

}  // namespace

void add_privilege_options(std::vector<Option>& rows, Spec& spec) {
  rows.push_back({0, "profile", "seed|docker|strict",
                  "what the command may: nearly all, what docker allows, or nothing beyond any program",
                  "seed; docker with --rootfs", [&spec](std::string_view v) -> Result<void> {
                    const auto profile = parse_profile(v);
                    if (!profile)
                      return usage("--profile " + printable(v), "no such profile", "seed, docker or strict");
                    spec.profile = profile;
                    return {};
                  }});
  rows.push_back({0, "cap-add", "CAPABILITY", "add a capability by name, or ALL; may be repeated", "",
                  [&spec](std::string_view v) -> Result<void> {
                    spec.cap_add.emplace_back(v);
                    return {};
                  }});
  rows.push_back({0, "cap-drop", "CAPABILITY", "take a capability away, or ALL; may be repeated", "",
                  [&spec](std::string_view v) -> Result<void> {
                    spec.cap_drop.emplace_back(v);
                    return {};
                  }});
  rows.push_back({0, "security-opt", "OPTION", "no-new-privileges, or seccomp=FILE, builtin or unconfined",
                  "the profile's", [&spec](std::string_view v) { return set_security(spec, v); }});
}

}  // namespace sup::cli
