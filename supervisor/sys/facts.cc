#include "sys/facts.h"

#include <limits.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "spec/mountinfo.h"
#include "sys/procfs.h"

namespace sup {

std::string new_id() {
  std::uint8_t bytes[6];
  // Never short for so few bytes (random(7)); the clock is a stand-in only where the call itself is forbidden.
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::uint64_t mix = static_cast<std::uint64_t>(now.tv_nsec) * 0x9e3779b97f4a7c15U ^ static_cast<std::uint64_t>(::getpid()) << 20;
    for (auto& b : bytes) b = static_cast<std::uint8_t>(mix), mix >>= 8;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (const auto b : bytes) {
    id += kHex[b >> 4];
    id += kHex[b & 15];
  }
  return id;
}

Result<Facts> gather(const Spec& spec) {
  Facts facts;
  facts.id = new_id();
  facts.uid = ::geteuid();
  facts.gid = ::getegid();
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) facts.environ.emplace_back(*e);
  char cwd[PATH_MAX];
  if (::getcwd(cwd, sizeof cwd) != nullptr && cwd[0] == '/') facts.cwd = cwd;
  const auto mounts = read_file("/proc/self/mountinfo");
  if (!mounts) {
    Error e = mounts.error();
    e.code = "E_PROC";
    e.where = "/proc";
    e.what = "cannot read the mount table";
    e.hint = "mount -t proc proc /proc";
    return std::unexpected(e);
  }
  facts.proc_mounts = proc_mounts(*mounts);
  if (!spec.user.empty()) {
    // A missing file is an empty one: numeric users need neither.
    if (auto text = read_file("/etc/passwd")) facts.passwd = std::move(*text);
    if (auto text = read_file("/etc/group")) facts.group = std::move(*text);
  }
  return facts;
}

}  // namespace sup
