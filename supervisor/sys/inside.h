// Inside: a running container, looked at from outside through its first process.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/error.h"
#include "spec/plan.h"

namespace sup {

// The namespaces of the process that are not ours (/proc/PID/ns), and the user namespace's one id if it has one only.
// Never blocks. Does not read passwd and group: see user_files(). E_CONTAINER_ENDED when the process is gone.
[[nodiscard]] Result<Inside> look_inside(pid_t pid);

// The texts of its /etc/passwd and /etc/group as it sees them now, symbolic links and all, into `inside`; a missing file is an empty
// one. What a container does with its files is its own affair: it can make this wait for ever (FUSE). So not from a loop; see
// sys/aside.h.
void user_files(pid_t pid, Inside& inside);

// Kills what is left of a session in the container whose first process is `pid1`: processes that lost their parent, and
// with them those they have made. A process with a session of its own is another's. Where the kernel does not tell children
// (CONFIG_PROC_CHILDREN) only the session's first process group. Never blocks.
// leader: of the session, reaped or not; its number as we see it. pidfd: its own, borrowed.
void end_session(pid_t pid1, pid_t leader, int pidfd);

}  // namespace sup
