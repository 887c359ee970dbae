#include "sys/mounttable.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "init/sys.h"
#include "spec/mountinfo.h"
#include "sys/procfs.h"

namespace sup {
namespace {

constexpr const char* kMountinfo = "/proc/self/mountinfo";
constexpr std::size_t kIds = 128;

Error unreadable(Error e) {
  e.code = "E_PROC";
  e.where = "/proc";
  e.what = "cannot read the mount table";
  e.hint = "mount -t proc proc /proc";
  return e;
}

// none: the kernel does not answer such questions.
std::optional<std::vector<std::string>> by_number() {
  using init::sys::MountRequest;
  using init::sys::MountStatus;
  std::array<std::uint64_t, kIds> ids{};
  alignas(MountStatus) std::array<char, sizeof(MountStatus) + 4096 + 8> room{};
  std::vector<std::string> targets;
  MountRequest list{.size = sizeof list, .spare = 0, .id = init::sys::kAllMounts, .param = 0};
  for (long n = kIds; n == static_cast<long>(kIds);) {
    n = ::syscall(init::sys::kNrListmount, &list, ids.data(), ids.size(), 0);
    if (n < 0 || (n == 0 && list.param == 0)) return std::nullopt;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      list.param = ids[i];
      MountRequest one{.size = sizeof one, .spare = 0, .id = ids[i], .param = init::sys::kMountMagic};
      MountStatus status{};
      if (::syscall(init::sys::kNrStatmount, &one, &status, sizeof status, 0) < 0) {
        if (errno == ENOENT) continue;  // gone since
        return std::nullopt;
      }
      if ((status.mask & init::sys::kMountMagic) == 0) return std::nullopt;
      if (status.magic != init::sys::kProcMagic) continue;
      one.param = init::sys::kMountPoint;
      if (::syscall(init::sys::kNrStatmount, &one, room.data(), room.size(), 0) < 0) return std::nullopt;
      std::memcpy(&status, room.data(), sizeof status);
      if ((status.mask & init::sys::kMountPoint) == 0 || status.point >= room.size() - sizeof status) return std::nullopt;
      const char* const at = room.data() + sizeof status + status.point;
      targets.emplace_back(at, ::strnlen(at, room.size() - sizeof status - status.point));
    }
  }
  return targets;
}

}  // namespace

Result<std::vector<std::string>> procfs_mounts() {
  if (auto targets = by_number()) return std::move(*targets);
  const auto text = read_file(kMountinfo);
  if (!text) return std::unexpected(unreadable(text.error()));
  return proc_mounts(*text);
}

Result<MountWatch> MountWatch::open() {
  Fd table(::open(kMountinfo, O_RDONLY | O_CLOEXEC));
  if (!table) return std::unexpected(unreadable(Error{.code = {}, .where = {}, .what = {}, .err = errno, .path = kMountinfo, .stage = {}}));
  return MountWatch(std::move(table));
}

bool MountWatch::changed() {
  pollfd p{.fd = table_.get(), .events = POLLPRI, .revents = 0};
  const int n = ::poll(&p, 1, 0);
  return n != 0;
}

}  // namespace sup
