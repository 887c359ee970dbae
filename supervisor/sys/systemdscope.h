// SystemdScope: a group of our own where systemd rules. Its cgroups belong to it (systemd.io/CGROUP_DELEGATION): nobody makes
// groups below one that was not delegated, and what is made at the top all the same is taken down again at a daemon-reload.
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace sup {

// Whether systemd is process 1 (sd_booted(3)).
[[nodiscard]] bool systemd_rules();
// Whether the group at this directory was left to us: a service or scope with Delegate= (since systemd 251 it says so in an
// extended attribute), and files that we may write.
[[nodiscard]] bool is_delegated(const std::string& directory);

// Whether this process is in the scope that enter_own_scope() has asked for, which is ours. By its name: a user's systemd of Debian 12
// leaves no sign of what it has delegated (trusted.* is root's to write), and with v1 alone there is one on a tree that we do not
// divide.
[[nodiscard]] bool in_own_scope();
// The same of the text of /proc/self/cgroup: as v2's group says, and systemd's own v1 hierarchy where there is none.
[[nodiscard]] bool is_own_scope(std::string_view cgroups);

// Asks systemd (an ordinary user: the user's own) to put this process into a scope of its own, sup-PID.scope, which is
// delegated and goes when its last process has gone. Waits until we are in it, seconds at most.
// E_SCOPE says why not.
[[nodiscard]] Result<void> enter_own_scope();

}  // namespace sup
