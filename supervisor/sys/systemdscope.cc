#include "sys/systemdscope.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "sys/kernel.h"
#include "sys/procfs.h"

namespace sup {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWithin{5'000};

Error no_scope(std::string why, int err = 0) {
  return Error{.code = "E_SCOPE",
               .where = "cgroup",
               .what = "systemd does not give this process a scope of its own",
               .err = err,
               .why = std::move(why),
               .hint = "start sup in one: systemd-run " + std::string(::geteuid() == 0 ? "" : "--user ") +
                       "--scope -p Delegate=yes sup ..., or use --limits best-effort",
               .path = {},
               .stage = "cgroup"};
}

// Everything that it prints, up to a page, in one line.
Result<void> run_busctl(const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return std::unexpected(no_scope("no pipe", errno));
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int err = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (err != 0) return std::unexpected(no_scope(err == ENOENT ? "there is no busctl(1) to ask it with" : "", err));
  write_end.reset();
  std::string said;
  std::array<char, 4096> piece{};
  for (ssize_t n = 0; (n = ::read(read_end.get(), piece.data(), piece.size())) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    if (said.size() < piece.size()) said.append(piece.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return std::unexpected(no_scope("busctl's end was not to be seen", errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return std::unexpected(no_scope(said.empty() ? "busctl failed" : printable(trimmed(split(said, '\n').front()))));
}

std::string own_v2() {
  const auto text = read_file("/proc/self/cgroup");
  std::string name;
  if (!text) return name;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("0::") || (name.empty() && line.find(":name=systemd:") != std::string_view::npos))
      name = line.substr(line.rfind(':') + 1);
  }
  return name;
}

}  // namespace

bool systemd_rules() { return ::access("/run/systemd/system", F_OK) == 0; }

bool is_delegated(const std::string& directory) {
  if (::access((directory + "/cgroup.procs").c_str(), W_OK) < 0) return false;
  char value[8] = {};
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    if (::getxattr(directory.c_str(), name, value, sizeof value) > 0 && value[0] == '1') return true;
  }
  return false;
}

Result<void> enter_own_scope() {
  const std::string pid = std::to_string(::getpid());
  const std::string name = "sup-" + pid + ".scope";
  std::vector<std::string> words{"busctl"};
  if (::geteuid() != 0) words.emplace_back("--user");
  for (const char* word : {"--quiet", "--timeout=5", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"}) {
    words.emplace_back(word);
  }
  words.insert(words.end(), {name, "fail", "4", "Description", "s", "sup and its containers", "PIDs", "au", "1", pid,
                             "Delegate", "b", "true", "CollectMode", "s", "inactive-or-failed", "0"});
  if (auto r = run_busctl(words); !r) return r;
  // The answer is a job that was queued.
  const auto end = std::chrono::steady_clock::now() + kWithin;
  while (own_v2().find(name) == std::string::npos) {
    if (std::chrono::steady_clock::now() > end)
      return std::unexpected(no_scope("it was asked, and nothing came of it", ETIMEDOUT));
    ::poll(nullptr, 0, 2);
  }
  return {};
}

}  // namespace sup
