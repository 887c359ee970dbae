#include "sys/kernellog.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

namespace sup {
namespace {

constexpr ino_t kFirstPidNamespace = 0xEFFFFFFCU;  // PROC_PID_INIT_INO

}  // namespace

Fd open_kernel_log() {
  struct stat own{};
  if (::stat("/proc/self/ns/pid", &own) < 0 || own.st_ino != kFirstPidNamespace) return {};
  return Fd(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

bool read_kernel_log(int log, int most, const std::function<void(std::string_view record)>& each) {
  char record[8192];
  for (int i = 0; i < most; ++i) {
    const ssize_t n = ::read(log, record, sizeof record);
    // EPIPE: overwritten before it was read.
    if (n < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (n <= 0) return false;
    each({record, static_cast<std::size_t>(n)});
  }
  return true;
}

std::string call_name(const SeccompKill& kill) {
  const std::unique_ptr<char, void (*)(void*)> name(::seccomp_syscall_resolve_num_arch(kill.arch, kill.number),
                                                    std::free);
  return name ? std::string(name.get()) : std::to_string(kill.number);
}

}  // namespace sup
