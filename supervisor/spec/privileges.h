// Privileges: what a command may do, worked out from the options that speak of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "spec/spec.h"

namespace sup {

struct Privileges {
  std::uint64_t dropped = 0;        // from the bounding set, and so for good
  std::uint64_t ambient = 0;        // named by --cap-add: also a user who is not root has them
  bool no_new_privs = false;
  enum class Filter : std::uint8_t { none, docker, strict, given } filter = Filter::none;
  // What the command may have at most.
  [[nodiscard]] std::uint64_t kept() const { return ~dropped; }
};

// The one asked for, or the one that goes with the root.
[[nodiscard]] Profile profile_of(const Spec& spec);

// By the profile, then --cap-drop and --cap-add as docker takes them: ALL first, and what is added by name stays though
// ALL is dropped. The Spec has passed check().
[[nodiscard]] Privileges privileges(const Spec& spec);

// What check() asks: names that are none, and options that contradict each other.
[[nodiscard]] Result<void> check_privileges(const Spec& spec);

// "seed", "docker", "strict".
[[nodiscard]] std::optional<Profile> parse_profile(std::string_view name);
[[nodiscard]] std::string_view to_string(Profile profile);

}  // namespace sup
