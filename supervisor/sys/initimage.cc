#include "sys/initimage.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "sys/ahead.h"
#include "sys/sealed.h"

namespace sup {
namespace {

constexpr off_t kMaxInit = 4 << 20;  // the real one is some KiB; a sanitized or foreign one is not ours to run

// Beside the directory of sup itself: as installed, and as built.
constexpr const char* kPlaces[] = {"/../libexec/sup/init", "/../init/init"};

std::string own_directory() {
  char buffer[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", buffer, sizeof buffer - 1);
  if (n <= 0) return {};
  const std::string path(buffer, static_cast<std::size_t>(n));
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));  // "/" where sup lies in the root
}

std::unexpected<Error> refused(const std::string& path, int err, std::string why, std::string hint) {
  return std::unexpected(Error{.code = "E_INIT",
                               .where = "init",
                               .what = path,
                               .err = err,
                               .why = std::move(why),
                               .hint = std::move(hint),
                               .path = path,
                               .status = 125,
                               .stage = "init"});
}

}  // namespace

Result<std::string> find_init() {
  const std::string beside = own_directory();
  if (!beside.empty()) {
    for (const char* place : kPlaces) {
      char resolved[PATH_MAX];
      if (::realpath((beside + place).c_str(), resolved) != nullptr) return std::string(resolved);
    }
  }
  return std::unexpected(
      Error{.code = "E_INIT_MISSING",
            .where = "init",
            .what = "not found",
            .err = ENOENT,
            .why = beside.empty() ? "/proc is not mounted, so sup cannot tell where it lies itself"
                                  : "neither " + beside + "/../libexec/sup/init nor " + beside + "/../init/init exists",
            .hint = beside.empty() ? "mount -t proc proc /proc" : "install sup again, or run it from its build tree",
            .stage = "init"});
}

Result<Fd> load_init() {
  if (Fd ahead = take_ahead_image()) return ahead;
  // Opened as it lies there, not resolved first: before every start of a foreground run. find_init() has the words.
  const std::string beside = own_directory();
  std::string place;
  Fd file;
  for (const char* at : kPlaces) {
    if (beside.empty() || file) break;
    place = beside + at;
    file = Fd(::open(place.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  }
  if (!file) {
    const int err = errno;
    const auto resolved = find_init();
    if (!resolved) return std::unexpected(resolved.error());
    return refused(*resolved, err, {}, "install sup again");
  }
  // As a person would write it.
  const auto path = [&place] { return std::filesystem::path(place).lexically_normal().string(); };
  struct stat st{};
  if (::fstat(file.get(), &st) < 0) return refused(path(), errno, {}, {});
  if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > kMaxInit) {
    return refused(path(), ENOEXEC, "not an init executable", "install sup again");
  }
  struct stat self{};
  const bool own =
      st.st_uid == 0 || st.st_uid == ::geteuid() || (::stat("/proc/self/exe", &self) == 0 && st.st_uid == self.st_uid);
  if (!own || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refused(path(), EPERM, "others could have changed it", "chown root " + path() + " && chmod 755 " + path());
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(st.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return refused(path(), n < 0 ? errno : EIO, n < 0 ? "" : "it shrank while it was read", {});
    have += static_cast<std::size_t>(n);
  }
  return sealed_memfd("sup-init", bytes, Executable::yes);
}

}  // namespace sup
