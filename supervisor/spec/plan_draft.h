// Draft: a plan under construction, as compile()'s parts hand it on. Of spec/plan*.cc only, but for the lists of paths.
#pragma once
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "spec/facts.h"
#include "spec/plan.h"
#include "spec/privileges.h"
#include "spec/spec.h"
#include "spec/user.h"

namespace sup {

// Which of init's trees a mount of the user's is made in, and what it is attached to.
inline constexpr std::uint64_t kRoot = 0;
inline constexpr std::uint64_t kMount = 1;  // the mount at hand
inline constexpr std::uint64_t kUpper = 2;  // an overlay's writable part

struct Draft {
  const Spec& spec;
  const Facts& facts;
  Privileges may{};
  std::optional<User> user{};  // whom the command becomes, where that is not the caller
  bool change_ids = false;  // by steps, not by maps
  std::vector<std::string> environment{};
  Plan plan{};

  bool named = false;  // host name and lo are set already
  bool in_session = false;  // the process that goes on has a session of its own
  bool own_keys = false;  // and a session keyring

  // Whether a gid inside has an id outside at the time of the mounts.
  [[nodiscard]] bool maps_gid(std::uint32_t gid) const {
    return plan.gids.empty() ? !plan.user_namespace || gid == 0 : outside_id(plan.gids, gid).has_value();
  }
  // Whether device nodes are of use wherever they are. (In a user namespace the kernel opens none that is made there.)
  [[nodiscard]] bool opens_devices() const { return spec.privileged && !plan.user_namespace; }
  void add(Step next) { plan.steps.push_back(std::move(next)); }
};

[[nodiscard]] inline Step step(wire::Op op, std::initializer_list<std::uint64_t> numbers = {},
                               std::initializer_list<std::string> strings = {}) {
  Step out;
  out.op = op;
  std::ranges::copy(numbers, out.n.begin());
  std::ranges::copy(strings, out.s.begin());
  return out;
}

// The procfs below `directory`, deepest first: what lies on top of another mount must go before it. A target that several
// mounts share is named once, umount_stack takes the whole pile.
[[nodiscard]] std::vector<std::string> unmount_order(std::vector<std::string> targets);

// plan_root.cc: --rootfs, from a mount namespace full of the host's mounts to one that has none of them.
void enter_root(Draft& draft);
// The user's volumes, and what a root of its own gets besides: with the host's network, or pasta's, the host's
// /etc/resolv.conf, read-only, where the user has put nothing in its place.
[[nodiscard]] std::vector<Mount> all_mounts(const Spec& spec, const Facts& facts);
// The options of a tmpfs of the user's: what is not said of its mode is that of the directory that it covers, and its owner's
// too where ids are the host's; else anybody may write there, as in /tmp.
[[nodiscard]] std::vector<std::string> tmpfs_options(const Mount& mount, const Facts& facts, bool host_ids);
// docker's lists (oci/defaults.go): what of /proc and /sys a root of its own covers, and what it only reads.
[[nodiscard]] std::vector<std::string> masked_paths(const Facts& facts);
[[nodiscard]] std::vector<std::string> readonly_paths();
// The volumes, tmpfs and devices of a run on the host's own root.
void mount_on_host_root(Draft& draft);

}  // namespace sup
