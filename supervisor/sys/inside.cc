#include "sys/inside.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "sys/pathwalk.h"
#include "sys/pidfd.h"
#include "sys/procfs.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace sup {
namespace {

// Linux 6.9; kernels before refuse the flag.
constexpr unsigned kSignalProcessGroup = 1U << 2;
// Somebody who makes processes faster than they are killed does not keep us.
constexpr int kRounds = 16;
constexpr std::size_t kMostText = 4U << 20;

struct Kind {
  const char* name;
  std::uint64_t flag;
};
// Not the time namespace: setns(2) into one needs a process that shares its memory with nobody, and no container has one.
constexpr std::array kKinds{Kind{"user", CLONE_NEWUSER},    Kind{"mnt", CLONE_NEWNS},  Kind{"pid", CLONE_NEWPID},
                            Kind{"net", CLONE_NEWNET},      Kind{"ipc", CLONE_NEWIPC}, Kind{"uts", CLONE_NEWUTS},
                            Kind{"cgroup", CLONE_NEWCGROUP}};

std::string proc(pid_t pid, std::string_view file) { return "/proc/" + std::to_string(pid) + "/" + std::string(file); }

// The inside id of a map of one line and one id.
std::optional<std::uint32_t> only_id(const std::string& path) {
  const auto map = read_file(path);
  unsigned inside = 0;
  unsigned outside = 0;
  unsigned count = 0;
  if (!map || std::sscanf(map->c_str(), "%u %u %u", &inside, &outside, &count) != 3 || count != 1 ||
      split(*map, '\n').size() > 2)
    return std::nullopt;
  return inside;
}

std::string text_inside(int root, const char* path) {
  const PathWalk walk = walk_path(root, "/", path, Credentials{});
  if (walk.end != PathWalk::End::found) return {};
  const Fd file = walk.open_file();
  std::string text;
  char piece[16384];
  while (file && text.size() < kMostText) {
    const ssize_t n = ::read(file.get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(piece, static_cast<std::size_t>(n));
  }
  return text;
}

// The children of all threads of a process; a child belongs to the thread that made it.
bool add_children(pid_t of, std::vector<pid_t>& found) {
  bool told = false;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(proc(of, "task"), gone)) {
    const auto text = read_file(thread.path().string() + "/children");
    if (!text) continue;
    told = true;
    for (const auto word : split(*text, ' ')) {
      if (const auto pid = parse_unsigned<std::uint32_t>(word)) found.push_back(static_cast<pid_t>(*pid));
    }
  }
  return told;
}

// proc_pid_stat(5): pid (comm) state ppid pgrp session; comm may hold anything, a parenthesis too.
pid_t session_of(pid_t pid) {
  const auto text = read_file(proc(pid, "stat"));
  if (!text) return -1;
  const auto end = text->rfind(')');
  char state = 0;
  int parent = 0;
  int group = 0;
  int session = -1;
  if (end == std::string::npos ||
      std::sscanf(text->c_str() + end + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4)
    return -1;
  return state == 'Z' || state == 'X' ? -1 : session;
}

bool kill_in_session(pid_t pid, pid_t session) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Asked again with the handle at hand: the number could have become another's.
  return handle && session_of(pid) == session && pidfd_signal(handle.get(), SIGKILL) == 0;
}

}  // namespace

Result<Inside> look_inside(pid_t pid) {
  Inside inside;
  for (const auto& kind : kKinds) {
    struct stat own{};
    struct stat theirs{};
    const std::string file = std::string("ns/") + kind.name;
    if (::stat(("/proc/self/" + file).c_str(), &own) < 0) continue;  // a kind that this kernel has not
    if (::stat(proc(pid, file).c_str(), &theirs) < 0) {
      const int err = errno;
      return std::unexpected(Error{.code = err == ENOENT || err == ESRCH ? "E_CONTAINER_ENDED" : "E_JOIN",
                                   .where = "exec",
                                   .what = "cannot see the container's namespaces",
                                   .err = err,
                                   .why = err == ENOENT || err == ESRCH ? "it has ended" : "",
                                   .hint = {},
                                   .path = {},
                                   .stage = "join"});
    }
    if (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev) inside.namespaces |= kind.flag;
  }
  if ((inside.namespaces & CLONE_NEWUSER) != 0) {
    inside.uid = only_id(proc(pid, "uid_map"));
    inside.gid = only_id(proc(pid, "gid_map"));
  }
  return inside;
}

void user_files(pid_t pid, Inside& inside) {
  const Fd root(::open(proc(pid, "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return;
  inside.passwd = text_inside(root.get(), "/etc/passwd");
  inside.group = text_inside(root.get(), "/etc/group");
}

void end_session(pid_t pid1, pid_t leader, int pidfd) {
  // What stands in the leader's own group, at one stroke; the number would be another's once the last of it is reaped, the
  // pidfd never is.
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, kSignalProcessGroup);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<pid_t> left;
    if (!add_children(pid1, left)) return;
    bool killed = false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (session_of(left[i]) != leader) continue;
      add_children(left[i], left);
      killed = kill_in_session(left[i], leader) || killed;
    }
    if (!killed) return;
  }
}

}  // namespace sup
