#include "sys/runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/fd.h"

namespace sup {
namespace {

std::unexpected<Error> refused(const std::string& path, int err, std::string why, std::string hint) {
  return std::unexpected(Error{.code = "E_RUNTIME_DIR",
                               .where = "runtime directory",
                               .what = path,
                               .err = err,
                               .why = std::move(why),
                               .hint = std::move(hint),
                               .path = path,
                               .stage = {}});
}

constexpr std::string_view kSuffix = ".sock";

}  // namespace

Result<std::string> runtime_dir() {
  if (const char* own = std::getenv("SUP_RUNTIME_DIR"); own != nullptr && *own == '/') return std::string(own);
  if (::geteuid() == 0) return std::string("/run/sup");
  if (const char* xdg = std::getenv("XDG_RUNTIME_DIR"); xdg != nullptr && *xdg == '/') return std::string(xdg) + "/sup";
  return refused("none", ENOENT, "XDG_RUNTIME_DIR is not set",
                 "log in through systemd-logind, or set SUP_RUNTIME_DIR to a directory of your own");
}

Result<std::string> make_runtime_dir() {
  auto path = runtime_dir();
  if (!path) return path;
  if (::mkdir(path->c_str(), 0700) < 0 && errno != EEXIST)
    return refused(*path, errno, {}, "make the directory above it, or set SUP_RUNTIME_DIR");
  const Fd fd(::open(path->c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) < 0) return refused(*path, errno, {}, "it must be a directory, not a link");
  if (st.st_uid != ::geteuid())
    return refused(*path, EPERM, "it belongs to somebody else", "remove it, or set SUP_RUNTIME_DIR");
  if ((st.st_mode & 077) != 0) return refused(*path, EPERM, "it is open to others", "chmod 700 " + *path);
  return path;
}

Result<std::string> socket_path(std::string_view supervisor) {
  if (supervisor.find('/') != std::string_view::npos) return std::string(supervisor);
  auto dir = runtime_dir();
  if (!dir) return dir;
  return *dir + "/" + std::string(supervisor) + std::string(kSuffix);
}

std::vector<std::string> supervisor_names() {
  std::vector<std::string> names;
  const auto dir = runtime_dir();
  if (!dir) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(dir->c_str()), ::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    std::string_view name = entry->d_name;
    if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace sup
