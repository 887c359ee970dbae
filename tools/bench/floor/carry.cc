// The least that carrying a command's output can cost: one blocking read and one write, over and over.
//   carry pty|pipe COMMAND [ARG...]
// pty: the command sits on a terminal of its own, whose newlines stay as they are unless our output is a terminal too,
// as with `sup run -t`. pipe: its output is a pipe. No namespaces, no input, no signals, no log.
#include <pty.h>
#include <utmp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

char buffer[64 * 1024];

bool put(const char* bytes, ssize_t size) {
  while (size > 0) {
    const ssize_t n = ::write(1, bytes, static_cast<std::size_t>(size));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    size -= n;
  }
  return true;
}

int fail(const char* what) {
  std::perror(what);
  return 125;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 125;
  const bool terminal = std::strcmp(argv[1], "pty") == 0;
  int from = -1;
  pid_t pid = -1;
  if (terminal) {
    winsize size{};
    size.ws_row = 24, size.ws_col = 80;
    int slave = -1;
    if (::openpty(&from, &slave, nullptr, nullptr, &size) < 0) return fail("openpty");
    if (::isatty(1) == 0) {
      termios modes{};
      if (::tcgetattr(slave, &modes) < 0) return fail("tcgetattr");
      modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
      if (::tcsetattr(slave, TCSANOW, &modes) < 0) return fail("tcsetattr");
    }
    pid = ::fork();
    if (pid == 0) {
      ::close(from);
      ::login_tty(slave);
      ::execvp(argv[2], argv + 2);
      ::_exit(127);
    }
    ::close(slave);
  } else {
    int ends[2];
    if (::pipe(ends) < 0) return fail("pipe");
    pid = ::fork();
    if (pid == 0) {
      ::dup2(ends[1], 1);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execvp(argv[2], argv + 2);
      ::_exit(127);
    }
    ::close(ends[1]);
    from = ends[0];
  }
  if (pid < 0) return fail("fork");
  for (;;) {
    const ssize_t n = ::read(from, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || !put(buffer, n)) break;  // EIO: the terminal's other end is closed
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
