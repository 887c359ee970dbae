// pidfd: signals to a process that cannot have become another one.
#pragma once
#include <csignal>

namespace sup {

// pidfd_send_signal(2). 0, or the errno (ESRCH: gone).
[[nodiscard]] int pidfd_signal(int pidfd, int signal);

}  // namespace sup
