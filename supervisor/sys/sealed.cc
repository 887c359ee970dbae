#include "sys/sealed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace sup {

Result<Fd> sealed_memfd(const char* name, std::span<const std::byte> bytes, Executable executable) {
  const auto failed = [&](int err) {
    Error e{.code = "E_MEMFD", .where = "memfd", .what = std::string("cannot make ") + name, .err = err};
    if (err == EACCES) e.hint = "allow executable memory files: sysctl -w vm.memfd_noexec=1";
    e.stage = "memfd";
    return std::unexpected(e);
  };
  const unsigned base = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  Fd fd(::memfd_create(name, base | (executable == Executable::yes ? MFD_EXEC : MFD_NOEXEC_SEAL)));
  if (!fd && errno == EINVAL) fd = Fd(::memfd_create(name, base));  // before Linux 6.3
  if (!fd) return failed(errno);
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed(n < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
    return failed(errno);
  return fd;
}

}  // namespace sup
