#include "sys/pidfd.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sup {

int pidfd_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 ? errno : 0;
}

}  // namespace sup
