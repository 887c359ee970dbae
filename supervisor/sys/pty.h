// Pty: a pseudo-terminal pair for one container.
#pragma once
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

struct Pty {
  Fd master;   // non-blocking, CLOEXEC; the supervisor's end
  Fd slave;    // CLOEXEC; the command's 0, 1 and 2, closed by the supervisor once init runs
};

// The slave comes by TIOCGPTPEER: no path is looked up. `size` is set before anyone can ask for it.
// raw_output clears ONLCR, so that a file or pipe gets "\n" as the command wrote it, not "\r\n".
// owner: the uid the slave shall belong to (grantpt(3)); -1: as it is.
[[nodiscard]] Result<Pty> open_pty(const winsize& size, bool raw_output, uid_t owner);

// The same for one that was made elsewhere: `master` is a pseudo-terminal's, as the kernel says; then its size is set and what
// raw_output asks for, and it becomes non-blocking. E_PTY: it is none.
[[nodiscard]] Result<void> prepare_master(int master, const winsize& size, bool raw_output);

}  // namespace sup
