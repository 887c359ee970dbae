// Rootdir: a directory that shall become a container's root. Everything in it is foreign: no name in it is followed out of
// it, and no file of it can make us wait or grow.
#pragma once
#include <sys/stat.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

struct RootDir {
  Fd fd;  // O_PATH, CLOEXEC
  std::string path;  // absolute, links resolved
};
// Error: E_ROOTFS, status 125.
[[nodiscard]] Result<RootDir> open_root(const std::string& path);

// A volume's source that is missing, made as a directory, and what is missing above it: 0755, the caller's, whatever the umask,
// as docker does it. What is there already, of any kind, is left alone. Error: E_MOUNT, status 125 (mkdir(2)).
[[nodiscard]] Result<void> make_source(const std::string& path);

// Whether a file can be mounted at `path`: it is a regular one (openat2(2) with RESOLVE_IN_ROOT), or there is nothing at all and
// the caller may make it. What could not be looked at is taken for one: then the mount itself fails, or does not. overlay: what
// is made is not made on the disk, so anybody may.
[[nodiscard]] bool takes_file(int root, const std::string& directory, const std::string& name, bool overlay);

// stat(2) of a path in the root, by openat2(2) with RESOLVE_IN_ROOT. False: it is not there.
[[nodiscard]] bool stat_in_root(int root, const std::string& path, struct stat& st);

// A regular file of at most a MiB, found by openat2(2) with RESOLVE_IN_ROOT; none for everything else (a FIFO, a device, a
// link that leads nowhere, a file that is larger).
[[nodiscard]] std::optional<std::string> read_in_root(int root, const std::string& path);

}  // namespace sup
