// Landlock: what the strict profile forbids by landlock(7), where the kernel has it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "spec/facts.h"
#include "spec/spec.h"

namespace sup {

// From which version of the interface on rules are made: the first with which files can be moved between directories.
inline constexpr int kLandlockNeeded = 2;

struct LandlockRule {
  std::uint64_t rights = 0;  // LANDLOCK_ACCESS_FS_*
  std::vector<std::string> paths;  // and all that lies below them; what is missing has none
};
struct Landlock {
  std::uint64_t handled = 0;  // closed but for what a rule opens; 0: no rules at all
  std::uint64_t scoped = 0;  // LANDLOCK_SCOPE_*: what reaches nobody outside
  std::vector<LandlockRule> rules;
};
// For Profile::strict; else nothing. Always: no device nodes are made, no mounts changed, and nobody outside of it is looked
// into (/proc/PID/mem, fd …). On the host's root: of /dev only what harms nobody and what --device names, since there uid 0 needs no
// capability to write to a disk. With namespaces of others: no signal to, and no abstract socket of, anybody outside.
[[nodiscard]] Landlock landlock(const Spec& spec, const Facts& facts);

// "read,write", as landlock(7) calls them, in short; "sockets,signals".
[[nodiscard]] std::string landlock_rights(std::uint64_t rights);
[[nodiscard]] std::string landlock_scopes(std::uint64_t scoped);

}  // namespace sup
