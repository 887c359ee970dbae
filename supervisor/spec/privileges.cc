#include "spec/privileges.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/text.h"
#include "spec/capabilities.h"

namespace sup {
namespace {

constexpr std::array<std::pair<std::string_view, Profile>, 3> kProfiles{
    {{"seed", Profile::seed}, {"docker", Profile::docker}, {"strict", Profile::strict}}};

bool is_all(std::string_view name) { return to_upper(name) == "ALL" || to_upper(name) == "CAP_ALL"; }

// The named ones; ALL is told apart.
struct Named {
  std::uint64_t mask = 0;
  bool all = false;
};
Named named(const std::vector<std::string>& names) {
  Named out;
  for (const std::string& name : names) {
    if (is_all(name)) {
      out.all = true;
    } else if (const auto number = capability_number(name)) {
      out.mask |= std::uint64_t{1} << *number;
    }
  }
  return out;
}

Result<void> check_names(const char* option, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (is_all(name) || capability_number(name)) continue;
    auto error =
        usage(std::string(option) + " " + printable(name), "no such capability", "a name such as NET_ADMIN, or ALL");
    std::vector<std::string> known;
    known.reserve(kCapabilities);
    for (int number = 0; number < kCapabilities; ++number) known.push_back(capability_name(number).substr(4));
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string upper = to_upper(name);
    std::string_view word = upper;
    if (word.starts_with("CAP_")) word.remove_prefix(4);
    if (const auto near = nearest(word, views)) error.error().hint = "did you mean " + std::string(*near) + "?";
    return error;
  }
  return {};
}

}  // namespace

Profile profile_of(const Spec& spec) {
  return spec.profile.value_or(spec.rootfs.empty() ? Profile::seed : Profile::docker);
}

Privileges privileges(const Spec& spec) {
  const Named add = named(spec.cap_add);
  const Named drop = named(spec.cap_drop);
  Privileges out;
  if (!spec.privileged) {
    switch (profile_of(spec)) {
      case Profile::seed: out.dropped = host_root_dropped(); break;
      case Profile::docker: out.dropped = ~docker_capabilities(); break;
      case Profile::strict: out.dropped = ~std::uint64_t{0}; break;
    }
  }
  if (add.all) out.dropped = 0;
  if (drop.all) out.dropped = ~std::uint64_t{0};
  // docker: what is added by name beats ALL dropped, and what is dropped by name beats ALL added.
  out.dropped = (out.dropped | drop.mask) & ~(drop.all || !add.all ? add.mask : 0);
  out.ambient = add.mask & ~out.dropped;
  out.no_new_privs = spec.no_new_privs.value_or(profile_of(spec) == Profile::strict && !spec.privileged);
  if (spec.seccomp.empty() && !spec.privileged) {
    if (profile_of(spec) == Profile::docker) out.filter = Privileges::Filter::docker;
    if (profile_of(spec) == Profile::strict) out.filter = Privileges::Filter::strict;
  } else if (spec.seccomp == kSeccompBuiltin) {
    out.filter = profile_of(spec) == Profile::strict ? Privileges::Filter::strict : Privileges::Filter::docker;
  } else if (!spec.seccomp.empty() && spec.seccomp != kSeccompUnconfined) {
    out.filter = Privileges::Filter::given;
  }
  return out;
}

Result<void> check_privileges(const Spec& spec) {
  if (auto names = check_names("--cap-add", spec.cap_add); !names) return names;
  if (auto names = check_names("--cap-drop", spec.cap_drop); !names) return names;
  if (profile_of(spec) != Profile::strict) return {};
  const auto contradicts = [](std::string option) {
    return usage("--profile strict", "is without any privilege, and cannot be used with " + std::move(option),
                 "take --profile docker, or leave one of the two out");
  };
  if (spec.privileged) return contradicts("--privileged");
  if (!spec.cap_add.empty()) return contradicts("--cap-add");
  if (spec.seccomp == kSeccompUnconfined) return contradicts("--security-opt seccomp=unconfined");
  if (spec.no_new_privs == false) return contradicts("--security-opt no-new-privileges=false");
  return {};
}

std::optional<Profile> parse_profile(std::string_view name) {
  const auto* const at = std::ranges::find(kProfiles, name, &std::pair<std::string_view, Profile>::first);
  if (at == kProfiles.end()) return std::nullopt;
  return at->second;
}

std::string_view to_string(Profile profile) {
  for (const auto& [name, each] : kProfiles) {
    if (each == profile) return name;
  }
  return "";
}

}  // namespace sup
