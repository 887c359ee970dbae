#include "sys/toolversion.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/fd.h"

namespace sup {
namespace {

constexpr std::size_t kMaxLine = 512;

std::unexpected<Error> failed(const std::string& path, int err, std::string why = {}) {
  return std::unexpected(
      Error{.code = "E_VERSION", .where = "version", .what = path, .err = err, .why = std::move(why), .path = path});
}

}  // namespace

Result<std::string> tool_version(const std::string& path, std::chrono::milliseconds patience) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return failed(path, errno);
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = path;
  char option[] = "--version";
  char* argv[] = {name.data(), option, nullptr};
  char* envp[] = {nullptr};
  pid_t pid = -1;
  const int err = ::posix_spawn(&pid, path.c_str(), &actions, &attributes, argv, envp);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  theirs.reset();
  if (err != 0) return failed(path, err);

  std::string text;
  bool late = false;
  const std::int64_t deadline = now_us() + patience.count() * 1000;
  while (text.size() < kMaxLine) {
    const std::int64_t left = deadline - now_us();
    pollfd wait{ours.get(), POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left / 1000 + 1));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      late = true;
      break;
    }
    char buffer[kMaxLine];
    const ssize_t n = ::read(ours.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  // Whoever still writes, or sits there with its output closed, has its time and no more. Not yet reaped, the
  // pid is its own.
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  bool ended = false;
  while (handle && !late && !ended) {
    const std::int64_t left = deadline - now_us();
    pollfd wait{handle.get(), POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left / 1000 + 1));
    if (ready < 0 && errno == EINTR) continue;
    ended = ready > 0;
    late = ready == 0;
    if (ready < 0) break;
  }
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) return failed(path, ETIMEDOUT, "did not say its version in time");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed(path, 0, "does not know --version");
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.empty()) return failed(path, 0, "says no version");
  return text;
}

std::string version_word(std::string_view line) {
  const auto first = line.find(' ');
  if (first == std::string_view::npos) return {};
  const std::string_view rest = line.substr(first + 1);
  return std::string(rest.substr(0, rest.find(' ')));
}

}  // namespace sup
