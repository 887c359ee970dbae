// PathWalk: where a path leads, one component at a time, inside a given root and with somebody
// else's eyes. The kernel's errno says that a path failed; this says at which component, and why.
#pragma once
#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace sup {

struct Credentials {
  uid_t uid = 0;             // as the supervisor's own user namespace numbers them
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// Whether the mode bits give these permissions (R_OK, W_OK, X_OK of access(2)). uid 0 may do everything, but may
// execute a file only if somebody may. ACLs and security modules are not seen: a yes is "as far as the mode goes".
[[nodiscard]] bool may(const struct stat& st, const Credentials& who, int permissions);

struct PathWalk {
  enum class End {
    found,
    missing,         // `at` is the first component that does not exist
    not_directory,   // `at` is a file where a directory is needed
    no_search,       // `at` is a directory that `who` may not look into; `st` is its
    loop,            // more than 40 symbolic links
    too_long,        // `at` is a component of more than 255 bytes, or the path has 4096 or more
    failed           // something else; `err` says what
  };
  End end = End::failed;
  int err = 0;
  std::string at;         // found: the path with its links resolved. Absolute, as seen inside the root
  bool last = false;      // missing: it is the last component, all before it exist
  bool dangling = false;  // missing: it was not asked for by name, a symbolic link says so
  std::string link;       // the last symbolic link that was followed, empty: none
  std::string target;     // what it says
  struct stat st{};      // found, no_search, not_directory
  Fd fd;                  // found: O_PATH
  Fd directory;           // found, and missing at the last component: the directory it is in, O_PATH
  std::string name;       // … and its name there

  // Opens what was found for reading, if it is a regular file: never blocks on a FIFO, never has a device's side effects.
  [[nodiscard]] Fd open_file() const;
};

// `root` is a directory descriptor (AT_FDCWD: "/"). A relative path begins at `workdir`, which `who` is
// taken to be in already. Symbolic links and ".." stay inside the root. Opens nothing but directories and O_PATH.
[[nodiscard]] PathWalk walk_path(int root, std::string_view workdir, std::string_view path, const Credentials& who);

}  // namespace sup
