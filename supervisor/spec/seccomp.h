// Seccomp: the filters sup knows by name, as programs that seccomp(2) takes.
//
// They are made here and not by libseccomp, which needs three milliseconds for the same table, ten times what the rest of
// a start costs; a test holds the two against each other. A profile from a file is libseccomp's work (sys/seccompfile.h).
#pragma once
#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace sup {

using Filter = std::vector<sock_filter>;

// docker's default profile by its meaning, for a command with these capabilities (bits as in linux/capability.h): what is
// not needed by programs, or works on the machine as a whole, is EPERM; clone only without new namespaces; clone3, whose
// flags no filter can see, ENOSYS, so that the C library takes clone; some socket families and personalities closed.
// Stricter than docker's: calls of another architecture (x32, i386) and calls that are newer than this list are ENOSYS.
[[nodiscard]] Filter docker_filter(std::uint64_t capabilities);

// The same without any capability, and without what programs rarely need and attackers like: ptrace and its kin, chroot,
// other personalities, sockets but of the families unix, inet, inet6 and netlink.
[[nodiscard]] Filter strict_filter();

}  // namespace sup
