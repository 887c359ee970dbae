// SystemdScope: a group of our own where systemd rules. Its cgroups belong to it (systemd.io/CGROUP_DELEGATION): nobody makes
// groups below one that was not delegated, and what is made at the top all the same is taken down again at a daemon-reload.
#pragma once
#include <string>

#include "base/error.h"

namespace sup {

// Whether systemd is process 1 (sd_booted(3)).
[[nodiscard]] bool systemd_rules();
// Whether the group at this directory was left to us: a service or scope with Delegate= (since systemd 251 it says so in an
// extended attribute), and files that we may write.
[[nodiscard]] bool is_delegated(const std::string& directory);

// Asks systemd (an ordinary user: the user's own) to put this process into a scope of its own, sup-PID.scope, which is
// delegated and goes when its last process has gone. Waits until we are in it, seconds at most.
// E_SCOPE says why not.
[[nodiscard]] Result<void> enter_own_scope();

}  // namespace sup
