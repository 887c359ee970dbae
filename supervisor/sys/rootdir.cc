#include "sys/rootdir.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sup {
namespace {

constexpr std::size_t kMost = 1U << 20;

std::unexpected<Error> refused(const std::string& path, int err, std::string hint) {
  return std::unexpected(Error{.code = "E_ROOTFS",
                               .where = "--rootfs",
                               .what = path,
                               .err = err,
                               .why = {},
                               .hint = std::move(hint),
                               .path = path,
                               .status = 125,
                               .stage = "rootfs"});
}

Fd open_in_root(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long opened = -1;
  do {
    opened = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
  } while (opened < 0 && (errno == EINTR || errno == EAGAIN));
  return Fd(static_cast<int>(opened));
}

}  // namespace

Result<RootDir> open_root(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr)
    return refused(path, errno, errno == ENOENT ? "give a directory with a root file system in it" : "");
  RootDir root{Fd(::open(resolved, O_PATH | O_DIRECTORY | O_CLOEXEC)), resolved};
  if (!root.fd) return refused(path, errno, errno == ENOTDIR ? "unpack it into a directory first" : "");
  return root;
}

Result<void> make_source(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0755) == 0) {
      (void)::chmod(part.c_str(), 0755);   // the umask
    } else if (errno != EEXIST && ::access(part.c_str(), F_OK) < 0) {
      const int err = errno;
      return std::unexpected(Error{.code = "E_MOUNT",
                                   .where = "--volume",
                                   .what = path,
                                   .err = err,
                                   .why = "the directory cannot be made",
                                   .hint = "make it before, or leave create out",
                                   .path = path,
                                   .status = 125,
                                   .stage = "mount"});
    }
    if (end == std::string::npos) return {};
  }
}

bool takes_file(int root, const std::string& directory, const std::string& name, bool overlay) {
  struct stat st{};
  if (const Fd there = open_in_root(root, directory + "/" + name, O_PATH)) {
    return ::fstat(there.get(), &st) < 0 || S_ISREG(st.st_mode);
  }
  if (errno != ENOENT && errno != ENOTDIR && errno != EACCES && errno != ELOOP) return true;
  const Fd in = open_in_root(root, directory, O_PATH | O_DIRECTORY);
  // A link that leads nowhere is something.
  if (!in || ::fstatat(in.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) return false;
  return overlay ||
         ::faccessat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(in.get())).c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

bool stat_in_root(int root, const std::string& path, struct stat& st) {
  const Fd there = open_in_root(root, path, O_PATH);
  return there && ::fstat(there.get(), &st) == 0;
}

std::optional<std::string> read_in_root(int root, const std::string& path) {
  const Fd fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) < 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > kMost) return std::nullopt;
  }
}

}  // namespace sup
