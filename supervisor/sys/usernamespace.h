// Usernamespace: a user namespace with maps of many ids, made before anybody lives in it, and mounts that are seen through it.
#pragma once
#include <sys/types.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "spec/facts.h"
#include "spec/idmap.h"
#include "spec/spec.h"

namespace sup {

// E_IDMAP of --userns.
[[nodiscard]] Error idmap_error(std::string what, int err, std::string why, std::string hint);

// The maps that spec.userns asks for, into facts.uids and facts.gids; nothing where it asks for none. Of /etc/subuid and
// /etc/subgid (subuid(5)): for root the line of `sup` or else of `containers`, for an ordinary user his own, by name or number.
// Error: E_SUBID, status 125, with the command that adds the line.
[[nodiscard]] Result<void> find_maps(const Spec& spec, Facts& facts);

// A new user namespace, held by a child of the caller's that does nothing else, until it has its maps and is open. The child ends
// with this, or with the caller.
class HeldUserNamespace {
 public:
  // Errors: E_IDMAP, and explain_spawn()'s where there can be no user namespace.
  [[nodiscard]] static Result<HeldUserNamespace> make(uid_t caller);
  HeldUserNamespace(HeldUserNamespace&& other) noexcept;
  HeldUserNamespace& operator=(HeldUserNamespace&&) = delete;
  ~HeldUserNamespace();

  [[nodiscard]] pid_t holder() const { return holder_; }
  // As root; else newuidmap(1) and newgidmap(1) must do it (sys/mapprogram.h).
  [[nodiscard]] Result<void> map(const IdMap& uids, const IdMap& gids) const;
  // Its descriptor, CLOEXEC, by which it goes on. Once.
  [[nodiscard]] Fd take() { return std::move(opened_); }

 private:
  HeldUserNamespace(pid_t holder, Fd hold) : holder_(holder), hold_(std::move(hold)) {}
  pid_t holder_ = -1;
  Fd hold_;
  Fd opened_;
};

// That of a process ("/proc/PID"), which must have these maps. Error: E_IDMAP.
[[nodiscard]] Result<Fd> open_user_namespace(const std::string& process, const IdMap& uids, const IdMap& gids);

// The mount at `path`, detached, its files' owners as seen through the map of that namespace (mount_setattr(2),
// MOUNT_ATTR_IDMAP). recursive: with what is mounted below. Error: E_IDMAP, for a file system that cannot.
[[nodiscard]] Result<Fd> idmapped_tree(const std::string& path, bool recursive, int user_namespace);

}  // namespace sup
