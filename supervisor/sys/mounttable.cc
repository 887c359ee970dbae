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

#include "spec/mountinfo.h"
#include "sys/procfs.h"

namespace sup {
namespace {

// Linux 6.8, newer than the C library's headers; the numbers are the same on every architecture we know.
constexpr long kNrStatmount = 457;
constexpr long kNrListmount = 458;
struct MountRequest {        // struct mnt_id_req, first version
  std::uint32_t size;
  std::uint32_t spare;
  std::uint64_t id;          // statmount: of the mount; listmount: below which
  std::uint64_t param;       // statmount: what is asked for; listmount: the last one seen
};
struct MountStatus {         // struct statmount; the texts follow it
  std::uint32_t size, options;
  std::uint64_t mask;
  std::uint32_t device[2];
  std::uint64_t magic;       // statfs(2)'s f_type
  std::uint32_t sb_flags, fs_type;
  std::uint64_t id, parent_id;
  std::uint64_t more[6];
  std::uint32_t root;
  std::uint32_t point;       // of the texts: where it is mounted
  std::uint64_t rest[50];
};
static_assert(sizeof(MountRequest) == 24 && sizeof(MountStatus) == 512);
constexpr std::uint64_t kAllMounts = ~std::uint64_t{0};
constexpr std::uint64_t kMountMagic = 1;
constexpr std::uint64_t kMountPoint = 0x10;
constexpr std::uint64_t kProcMagic = 0x9fa0;

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
  std::array<std::uint64_t, kIds> ids{};
  alignas(MountStatus) std::array<char, sizeof(MountStatus) + 4096 + 8> room{};
  std::vector<std::string> targets;
  MountRequest list{.size = sizeof list, .spare = 0, .id = kAllMounts, .param = 0};
  for (long n = kIds; n == static_cast<long>(kIds);) {
    n = ::syscall(kNrListmount, &list, ids.data(), ids.size(), 0);
    if (n < 0 || (n == 0 && list.param == 0)) return std::nullopt;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      list.param = ids[i];
      MountRequest one{.size = sizeof one, .spare = 0, .id = ids[i], .param = kMountMagic};
      MountStatus status{};
      if (::syscall(kNrStatmount, &one, &status, sizeof status, 0) < 0) {
        if (errno == ENOENT) continue;  // gone since
        return std::nullopt;
      }
      if ((status.mask & kMountMagic) == 0) return std::nullopt;
      if (status.magic != kProcMagic) continue;
      one.param = kMountPoint;
      if (::syscall(kNrStatmount, &one, room.data(), room.size(), 0) < 0) return std::nullopt;
      std::memcpy(&status, room.data(), sizeof status);
      if ((status.mask & kMountPoint) == 0 || status.point >= room.size() - sizeof status) return std::nullopt;
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
  if (!table)
    return std::unexpected(
        unreadable(Error{.code = {}, .where = {}, .what = {}, .err = errno, .path = kMountinfo, .stage = {}}));
  return MountWatch(std::move(table));
}

bool MountWatch::changed() {
  pollfd p{.fd = table_.get(), .events = POLLPRI, .revents = 0};
  const int n = ::poll(&p, 1, 0);
  return n != 0;
}

}  // namespace sup
