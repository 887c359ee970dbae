// Explain: from an errno to the reason. What failed is known from init (step and errno); why it failed
// is looked up where the kernel looked: the path in the container's own root, the limits in /proc.
// Looking is bounded and never blocks; the world may have changed in between, and then the errno is said plainly.
#pragma once
#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/kernel.h"
#include "sys/pathwalk.h"

namespace sup {

// How big what execve(2) was given is, for E2BIG.
struct ExecSize {
  std::size_t argv_bytes = 0;     // with the NULs
  std::size_t argv_count = 0;
  std::size_t envp_bytes = 0;
  std::size_t envp_count = 0;
  std::size_t longest = 0;        // of one string, with its NUL
  std::string longest_name;       // "argument 3" or "variable PATH"
};
[[nodiscard]] ExecSize exec_size(const std::vector<std::string>& argv, const std::vector<std::string>& envp);

struct ExecAttempt {
  std::string argv0;                       // as the user gave it
  std::vector<std::string> candidates;     // the paths that init tried, in order; relative ones begin at workdir
  std::size_t failing = 0;                 // index of the one that `err` belongs to
  std::size_t too_long = 0;                // entries of PATH left out because they are longer than PATH_MAX
  int err = 0;                             // errno of the execve(2)
  std::string workdir = "/";               // absolute, as the container sees it
  Credentials who;                         // whom the command would have run as
  ExecSize size;
  int root = AT_FDCWD;                     // directory descriptor of the container's root, borrowed; AT_FDCWD: ours
  std::string mounts = "/proc/self/mountinfo";   // the mount table of that root
};

// Why the command could not be executed. Stage "exec". Status 127: not found as a path or in PATH; 126: found, but
// it does not run. Codes: E_EXEC_NOTFOUND, _COMPONENT, _NAMETOOLONG (127); _DIR, _PERM, _NOEXEC_MOUNT, _CRLF,
// _INTERP, _LOADER, _MACHINE, _EMPTY, _FORMAT, _TOOLONG, _BUSY, _LOOP, _OTHER (126). An ENOENT for
// a file that is there and in which nothing wrong can be seen is E_EXEC_OTHER.
[[nodiscard]] Error explain_exec(const ExecAttempt& attempt);

struct SpawnAttempt {
  std::string stage;  // "clone", "idmap", "mount", "fds", "exec" (of init itself), or another step's name
  int err = 0;
  std::uint64_t clone_flags = 0;  // CLONE_NEW* of the clone3(2) or unshare(2)
  uid_t uid = 0;  // the caller's
  std::string what;  // the step in words: "mount proc on /proc"; empty: made from the stage
  std::string fstype;  // of a mount
  std::string target;  // of a mount
};

// Why the namespaces could not be made. Status 125; the hint is the command that mends it where there is one.
// Codes: E_USERNS_DENIED (user namespaces are forbidden to this caller), E_CLONE_PERM, E_CLONE_LIMIT
// (ENOSPC: number or nesting of namespaces), E_CLONE_PIDS (EAGAIN), E_CLONE_MEMORY, E_FILES (EMFILE, ENFILE),
// E_CLONE_UNSUPPORTED (ENOSYS, EINVAL), E_MOUNT_PROC, E_MOUNT, E_INIT_EXEC, E_CLONE and
// E_STEP (anything else, of the clone and of other steps).
[[nodiscard]] Error explain_spawn(const SpawnAttempt& attempt, const KernelFiles& kernel = {});

}  // namespace sup
