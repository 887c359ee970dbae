// The files by which a container knows others, for one that joins its network.
#pragma once
#include <sys/types.h>

#include <string>

namespace sup {

// Text, up to the first NUL; empty: there is none, it is no regular file, no UTF-8 or more than 64 KiB.
struct PeerNames {
  std::string hosts;   // its /etc/hosts
  std::string resolv;  // its /etc/resolv.conf
};
// Of the process's root, as that one sees it, whatever links are there. Its files may be a file system that does not answer: then
// both are empty after two seconds. Empty as well where the caller may not look.
[[nodiscard]] PeerNames peer_names(pid_t pid);

}  // namespace sup
