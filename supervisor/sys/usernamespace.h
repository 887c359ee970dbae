// Usernamespace: a user namespace with maps of many ids, made before anybody lives in it, and mounts that are seen through it.
#pragma once
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "spec/facts.h"
#include "spec/idmap.h"
#include "spec/spec.h"

namespace sup {

// The maps that spec.userns asks for, into facts.uids and facts.gids; nothing where it asks for none. Of /etc/subuid and
// /etc/subgid (subuid(5)): for root the line of `sup` or else of `containers`, for an ordinary user his own, by name or number.
// Error: E_SUBID, status 125, with the command that adds the line.
[[nodiscard]] Result<void> find_maps(const Spec& spec, Facts& facts);

// The namespace, held by its descriptor (CLOEXEC) and by nobody in it. As root the maps are written, else newuidmap(1) and
// newgidmap(1) write them; waits for those. Nothing is left behind. Errors: E_IDMAP, and explain_spawn()'s where there can be no
// user namespace.
[[nodiscard]] Result<Fd> make_user_namespace(const IdMap& uids, const IdMap& gids, uid_t caller);

// The mount at `path`, detached, its files' owners as seen through the map of that namespace (mount_setattr(2),
// MOUNT_ATTR_IDMAP). recursive: with what is mounted below. Error: E_IDMAP, for a file system that cannot.
[[nodiscard]] Result<Fd> idmapped_tree(const std::string& path, bool recursive, int user_namespace);

}  // namespace sup
