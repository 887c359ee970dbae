#include "sys/aside.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

namespace sup {
namespace {

[[noreturn]] void answer(int to, const std::function<std::string()>& question, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // A pipe's other end that lived on here would keep a container from seeing the end of its input.
  ::dup2(to, 0);
  ::syscall(SYS_close_range, 1U, ~0U, 0U);
  const std::string text = question();
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = ::write(0, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ::_exit(1);
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  ::_exit(0);
}

}  // namespace

Result<Asked> ask_aside(const std::function<std::string()>& question) {
  const auto failed = [](int err) {
    return std::unexpected(Error{.code = "E_FORK",
                                 .where = "exec",
                                 .what = "cannot look into the container",
                                 .err = err,
                                 .why = {},
                                 .hint = {},
                                 .path = {},
                                 .stage = "fork"});
  };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return failed(errno);
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return failed(errno);
  if (child == 0) answer(theirs.get(), question, parent);
  return Asked{child, std::move(ours)};
}

}  // namespace sup
