#include "spec/landlock.h"

#include <array>
#include <string_view>
#include <utility>

#include "spec/mount.h"
#include "spec/privileges.h"

namespace sup {
namespace {

// linux/landlock.h of Debian 12 ends in the middle.
constexpr std::uint64_t kWrite = 1U << 1;
constexpr std::uint64_t kRead = 1U << 2;
constexpr std::uint64_t kMakeChar = 1U << 6;
constexpr std::uint64_t kMakeBlock = 1U << 11;
constexpr std::uint64_t kRefer = 1U << 13;
constexpr std::uint64_t kTruncate = 1U << 14;  // from version 3 on
constexpr std::uint64_t kIoctl = 1U << 15;  // 5
constexpr std::uint64_t kAbstractSockets = 1U << 0;  // 6
constexpr std::uint64_t kSignals = 1U << 1;  // 6

using Name = std::pair<std::uint64_t, std::string_view>;
constexpr std::array<Name, 7> kRights{{{kRead, "read"},
                                       {kWrite, "write"},
                                       {kTruncate, "truncate"},
                                       {kIoctl, "ioctl"},
                                       {kRefer, "move"},
                                       {kMakeChar, "make-char"},
                                       {kMakeBlock, "make-block"}}};
constexpr std::array<Name, 2> kScopes{{{kAbstractSockets, "abstract sockets"}, {kSignals, "signals"}}};

template <typename Names>
std::string names(std::uint64_t bits, const Names& all) {
  std::string out;
  for (const auto& [bit, name] : all) {
    if ((bits & bit) != 0) out.append(out.empty() ? "" : ",").append(name);
  }
  return out;
}

}  // namespace

Landlock landlock(const Spec& spec, const Facts& facts) {
  Landlock out;
  if (profile_of(spec) != Profile::strict || facts.landlock < kLandlockNeeded) return out;
  out.handled = kMakeChar | kMakeBlock | kRefer;
  if (facts.landlock >= 6) {
    const bool own_network = spec.network == Network::none || spec.network == Network::pasta;
    out.scoped = (own_network ? 0 : kAbstractSockets) | (spec.pid.empty() ? 0 : kSignals);
  }
  if (!spec.rootfs.empty()) {
    // Its /dev is its own, and nothing but that has devices.
    out.rules = {{kRefer, {"/"}}};
    return out;
  }
  const std::uint64_t file = kRead | kWrite | (facts.landlock >= 3 ? kTruncate : 0);
  const std::uint64_t device = file | (facts.landlock >= 5 ? kIoctl : 0);
  out.handled |= device;
  std::vector<std::string> devices{"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                   "/dev/urandom", "/dev/tty",  "/dev/ptmx"};
  for (const Mount& mount : spec.mounts) {
    if (lies_in(mount.target, "/dev")) devices.push_back(mount.target);
  }
  // A rule is for all below a directory: so /dev, which is to have others, is left out, and its neighbours are named.
  out.rules = {{file | kRefer, facts.top_directories},
               {file, facts.top_files},
               {device | kRefer, {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/hugepages"}},
               {device, std::move(devices)}};
  std::erase_if(out.rules, [](const LandlockRule& rule) { return rule.paths.empty(); });
  return out;
}

std::string landlock_rights(std::uint64_t rights) { return names(rights, kRights); }
std::string landlock_scopes(std::uint64_t scoped) { return names(scoped, kScopes); }

}  // namespace sup
