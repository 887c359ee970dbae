#include "sys/runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/fd.h"
#include "sys/nameclaim.h"

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
constexpr std::string_view kRun = "run-";
constexpr std::size_t kIdDigits = 12;

// Nobody else's supervisor is called so: whoever chooses a name for one chooses words.
bool is_run(std::string_view name) {
  if (!name.starts_with(kRun)) return false;
  name.remove_prefix(kRun.size());
  return name.size() == kIdDigits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Between bind(2) and rename(2) lie some microseconds: what is still there much later was left by one that was killed.
void remove_unseen(const std::string& path) {
  constexpr std::time_t kOld = 10;  // seconds
  struct stat st{};
  if (::lstat(path.c_str(), &st) == 0 && st.st_ctime + kOld < ::time(nullptr)) ::unlink(path.c_str());
}

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

Result<Fd> watch_runtime_dir() {
  const auto dir = runtime_dir();
  if (!dir) return std::unexpected(dir.error());
  Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch || ::inotify_add_watch(watch.get(), dir->c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
    return refused(*dir, errno, {}, {});
  return watch;
}

std::string run_name(std::string_view id) { return std::string(kRun) + std::string(id); }

void abandoned_run(std::string_view supervisor) {
  if (!is_run(supervisor)) return;
  const auto path = socket_path(supervisor);
  if (!path) return;
  std::error_code ignored;
  std::filesystem::remove_all(logs_path(*path), ignored);
  ::unlink(path->c_str());
  sweep_claims();
}

std::vector<std::string> supervisor_names() {
  std::vector<std::string> names;
  const auto dir = runtime_dir();
  if (!dir) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(dir->c_str()), ::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    std::string_view name = entry->d_name;
    if (name.starts_with(kRun) && name.ends_with(kUnseenSuffix)) {
      remove_unseen(*dir + "/" + std::string(name));
      continue;
    }
    if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace sup
