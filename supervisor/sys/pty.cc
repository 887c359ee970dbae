#include "sys/pty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>

#include <cerrno>

namespace sup {
namespace {

std::unexpected<Error> failed(const char* what, int err) {
  Error e{.code = "E_PTY", .where = "terminal", .what = what, .err = err, .stage = "tty"};
  if (err == ENOSPC) e.hint = "all pseudo-terminals are in use: sysctl -w kernel.pty.max=8192";
  if (err == ENOENT || err == ENODEV) e.hint = "mount -t devpts devpts /dev/pts, or run without -t";
  return std::unexpected(e);
}

// A master's settings are its other end's (tty_ioctl(4)).
Result<void> settle(int master, const winsize& size, bool raw_output) {
  if (::ioctl(master, TIOCSWINSZ, &size) < 0) return failed("cannot set the window size", errno);
  if (!raw_output) return {};
  termios t{};
  if (::tcgetattr(master, &t) < 0) return failed("cannot read the terminal's settings", errno);
  t.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  if (::tcsetattr(master, TCSANOW, &t) < 0) return failed("cannot set the terminal's settings", errno);
  return {};
}

}  // namespace

Result<Pty> open_pty(const winsize& size, bool raw_output, uid_t owner) {
  Pty pty;
  pty.master = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!pty.master) return failed("cannot open a pseudo-terminal", errno);
  if (::unlockpt(pty.master.get()) < 0) return failed("cannot unlock the pseudo-terminal", errno);
  pty.slave = Fd(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.slave) return failed("cannot open the pseudo-terminal's other end", errno);
  if (auto set = settle(pty.master.get(), size, raw_output); !set) return std::unexpected(set.error());
  if (owner != static_cast<uid_t>(-1) && ::fchown(pty.slave.get(), owner, static_cast<gid_t>(-1)) < 0) {
    return failed("cannot give the pseudo-terminal to the user", errno);
  }
  return pty;
}

Result<void> prepare_master(int master, const winsize& size, bool raw_output) {
  unsigned number = 0;
  if (::ioctl(master, TIOCGPTN, &number) < 0) return failed("what init has sent is no terminal", errno);
  const int flags = ::fcntl(master, F_GETFL);
  if (flags < 0 || ::fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
    return failed("cannot use the pseudo-terminal", errno);
  return settle(master, size, raw_output);
}

}  // namespace sup
