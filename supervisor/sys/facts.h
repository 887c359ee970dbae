// gather: the one reader of the world for compile().
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "spec/facts.h"
#include "spec/spec.h"
#include "sys/mounttable.h"

namespace sup {

// A fresh id: 12 hex digits from getrandom(2).
[[nodiscard]] std::string new_id();

// Version of Landlock's interface (landlock_create_ruleset(2)); 0: there is none, or a filter over us says so.
[[nodiscard]] int landlock_version();

// What stays true until the mount table changes, for who starts many containers: looked at once, not before every start.
struct World {
  std::optional<MountWatch> mounts;  // none: nothing is known yet
  std::uint64_t generation = 0;  // one more with each look
  std::vector<std::string> proc_mounts;
  bool proc_locked = false;
  std::uint64_t default_signals = 0;  // as in Facts; who starts many changes none of his any more
};

// Facts for this spec; reads /etc/passwd and /etc/group only when the spec names a user.
[[nodiscard]] Result<Facts> gather(const Spec& spec);
// The same for another's request, who says himself what its id, environ and cwd are: they are empty.
[[nodiscard]] Result<Facts> gather(const Spec& spec, World& world);

}  // namespace sup
