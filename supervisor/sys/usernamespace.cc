#include "sys/usernamespace.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "spec/path.h"
#include "spec/mountinfo.h"
#include "sys/explain.h"
#include "sys/procfs.h"

namespace sup {
namespace {

// How long the supervisor stands still at most for what newuidmap and newgidmap do, some milliseconds as a rule.
constexpr std::chrono::seconds kHelpersWithin{5};

Error idmap_error(std::string what, int err, std::string why, std::string hint) {
  return Error{.code = "E_IDMAP",
               .where = "--userns",
               .what = std::move(what),
               .err = err,
               .why = std::move(why),
               .hint = std::move(hint),
               .path = {},
               .stage = "idmap"};
}

// Who may use which lines: a name, or the number where there is no name. Not by getpwuid(3), which loads the host's modules
// (nsswitch.conf(5)) into this program: into a static one that is a crash. Who is not in the file (LDAP) has told the session
// his name; whether it is his, newuidmap judges.
std::vector<std::string> names_of(uid_t uid) {
  if (uid == 0) return {"sup", "containers"};
  const std::string number = std::to_string(uid);
  std::vector<std::string> names;
  const std::string text = read_file("/etc/passwd").value_or("");
  for (const auto line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 3 && fields[2] == number) {
      names.emplace_back(fields[0]);
      break;
    }
  }
  if (const char* told = std::getenv("LOGNAME"); names.empty() && told != nullptr && *told != 0)
    names.emplace_back(told);
  names.push_back(number);
  return names;
}

Result<IdMap> from_file(const std::string& path, uid_t uid, std::uint32_t own) {
  const auto names = names_of(uid);
  const auto text = read_file(path).value_or("");
  const auto range = sub_ids(text, names);
  if (!range) {
    const std::string line = names.front() + ":" + std::to_string(free_sub_ids(text)) + ":" + std::to_string(kAutoIds);
    return std::unexpected(
        Error{.code = "E_SUBID",
              .where = "--userns auto",
              .what = path,
              .err = 0,
              .why = "has no line for " + names.front() +
                     (uid == 0 ? " or containers, so no ids are set aside" : ", so there are no ids"),
              .hint = "as root: echo " + line + " >>" + path,
              .path = path,
              .stage = "idmap"});
  }
  if (uid == 0) return IdMap{{0, range->outside, std::min(range->count, kAutoIds)}};
  // The caller's own is root's inside, so that what root there makes is his.
  return IdMap{{0, own, 1}, {1, range->outside, std::min(range->count, kAutoIds)}};
}

Result<void> write_map(pid_t pid, const char* file, const IdMap& map) {
  const Fd fd(::open(("/proc/" + std::to_string(pid) + "/" + file).c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = map_lines(map);
  if (fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  const int err = errno;
  return std::unexpected(idmap_error(std::string(file) + " " + map_text(map) + " is refused", err,
                                     err == EPERM ? "sup's own user namespace has not all of these ids" : "",
                                     "name ids that are in /proc/self/" + std::string(file)));
}

// One of the two programs that may map more than the caller's own id. Two at work at once: the loop stands still meanwhile.
class Helper {
 public:
  static Result<Helper> start(const char* program, pid_t pid, const IdMap& map, const char* file) {
    std::vector<std::string> words{program, std::to_string(pid)};
    for (const IdRange& range : map) {
      for (const std::uint32_t number : {range.inside, range.outside, range.count})
        words.push_back(std::to_string(number));
    }
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return std::unexpected(idmap_error("no pipe", errno, {}, {}));
    Fd said(ends[0]);
    const Fd say(ends[1]);
    // Only where root puts it: the caller's PATH could lead to anything.
    const std::string paths[] = {std::string("/usr/bin/") + program, std::string("/bin/") + program};
    const pid_t child = ::fork();
    if (child == 0) {
      sigset_t none;
      ::sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
      if (null < 0) ::_exit(126);
      ::dup2(null, 0);
      ::dup2(null, 1);
      ::dup2(say.get(), 2);
      char* const environment[] = {nullptr};
      for (const std::string& path : paths) ::execve(path.c_str(), argv.data(), environment);
      ::_exit(errno == ENOENT ? 127 : 126);
    }
    if (child < 0) return std::unexpected(idmap_error(std::string(program) + " cannot be started", errno, {}, {}));
    return Helper(program, file, map_text(map), child, std::move(said));
  }
  Helper(Helper&& other) noexcept
      : program_(other.program_), file_(other.file_), map_(std::move(other.map_)), pid_(std::exchange(other.pid_, -1)),
        said_(std::move(other.said_)) {}
  Helper& operator=(Helper&&) = delete;
  ~Helper() {
    // It has the caller's real uid, so that it can be killed (kill(2)).
    if (pid_ > 0 && ::kill(pid_, SIGKILL) == 0) reap();
  }

  // What it says is the reason. It asks who the caller is, and that may be a question to a server that does not answer.
  Result<void> finish(std::chrono::steady_clock::time_point end) {
    std::string text;
    char piece[512];
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd ready{said_.get(), POLLIN, 0};
      const int n = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (n < 0 && errno == EINTR) continue;
      if (n == 0) {
        return std::unexpected(idmap_error(std::string(program_) + " does not answer", ETIMEDOUT,
                                           "it looks up the caller's name, maybe in a directory that is not there",
                                           "see how long that takes: time id"));
      }
      const ssize_t got = n < 0 ? -1 : ::read(said_.get(), piece, sizeof piece);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      if (text.size() < 4096) text.append(piece, static_cast<std::size_t>(got));
    }
    const int status = reap();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
      return std::unexpected(idmap_error(std::string(program_) + " is missing", 0,
                                         "without it an ordinary user can map no id but his own",
                                         "apt-get install uidmap"));
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
      return std::unexpected(
          idmap_error(map_ + " is refused", 0,
                      std::string("no_new_privs stands over sup, so that ") + program_ + " gains no powers",
                      "run sup without it (setpriv --no-new-privs, NoNewPrivileges= of a unit)"));
    }
    const std::string list = std::string("/etc/sub") + (file_[0] == 'u' ? "uid" : "gid");
    const auto first = split(text, '\n');
    return std::unexpected(
        idmap_error(map_ + " is refused", 0,
                    text.empty() ? std::string(program_) + " cannot be executed" : printable(first.front()),
                    "ids outside must be the caller's own or in his line of " + list + "; and " + program_ +
                        " set-user-ID root: ls -l /usr/bin/" + program_));
  }

 private:
  Helper(const char* program, const char* file, std::string map, pid_t pid, Fd said)
      : program_(program), file_(file), map_(std::move(map)), pid_(pid), said_(std::move(said)) {}
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  const char* program_;
  const char* file_;
  std::string map_;
  pid_t pid_;
  Fd said_;
};

Result<void> map_by_helpers(pid_t pid, const IdMap& uids, const IdMap& gids) {
  const auto end = std::chrono::steady_clock::now() + kHelpersWithin;
  auto first = Helper::start("newuidmap", pid, uids, "uid_map");
  if (!first) return std::unexpected(std::move(first.error()));
  auto second = Helper::start("newgidmap", pid, gids, "gid_map");
  if (!second) return std::unexpected(std::move(second.error()));
  if (auto r = first->finish(end); !r) return r;
  return second->finish(end);
}

}  // namespace

Result<void> find_maps(const Spec& spec, Facts& facts) {
  if (!wants_ranges(spec.userns)) return {};
  auto map = parse_userns(spec.userns);
  if (!map) return std::unexpected(std::move(map.error()));
  if (!map->empty()) {
    facts.uids = *map;
    facts.gids = std::move(*map);
    return {};
  }
  auto uids = from_file("/etc/subuid", facts.uid, facts.uid);
  if (!uids) return std::unexpected(std::move(uids.error()));
  auto gids = from_file("/etc/subgid", facts.uid, facts.gid);
  if (!gids) return std::unexpected(std::move(gids.error()));
  facts.uids = std::move(*uids);
  facts.gids = std::move(*gids);
  return {};
}

Result<Fd> make_user_namespace(const IdMap& uids, const IdMap& gids, uid_t caller) {
  int up[2];
  int down[2];
  if (::pipe2(up, O_CLOEXEC) < 0) return std::unexpected(idmap_error("no pipe", errno, {}, {}));
  const Fd made(up[0]);
  Fd tell(up[1]);
  if (::pipe2(down, O_CLOEXEC) < 0) return std::unexpected(idmap_error("no pipe", errno, {}, {}));
  const Fd held(down[0]);
  Fd hold(down[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    hold.reset();
    int result = ::unshare(CLONE_NEWUSER) < 0 ? errno : 0;
    if (::write(tell.get(), &result, sizeof result) == static_cast<ssize_t>(sizeof result)) {
      // Until the parent has the namespace, or has died.
      while (::read(held.get(), &result, 1) < 0 && errno == EINTR) {
      }
    }
    ::_exit(0);
  }
  if (child < 0) return std::unexpected(idmap_error("no process to make it with", errno, {}, {}));
  tell.reset();
  int err = EIO;
  while (::read(made.get(), &err, sizeof err) < 0 && errno == EINTR) {
  }
  Result<Fd> out = std::unexpected(Error{});
  Result<void> mapped{};
  if (err != 0) {
    SpawnAttempt attempt;
    attempt.stage = "clone";
    attempt.err = err;
    attempt.clone_flags = CLONE_NEWUSER;
    attempt.uid = caller;
    mapped = std::unexpected(explain_spawn(attempt));
  } else if (caller == 0) {
    mapped = write_map(child, "uid_map", uids);
    if (mapped) mapped = write_map(child, "gid_map", gids);
  } else {
    mapped = map_by_helpers(child, uids, gids);
  }
  if (!mapped) {
    out = std::unexpected(std::move(mapped.error()));
  } else {
    Fd fd(::open(("/proc/" + std::to_string(child) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) {
      out = std::move(fd);
    } else {
      out = std::unexpected(idmap_error("the user namespace cannot be opened", errno, {}, {}));
    }
  }
  hold.reset();
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return out;
}

Result<Fd> idmapped_tree(const std::string& path, bool recursive, int user_namespace) {
  const unsigned below = recursive ? AT_RECURSIVE : 0;
  Fd tree(
      static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | below)));
  if (!tree)
    return std::unexpected(Error{.code = "E_MOUNT",
                                 .where = "--userns",
                                 .what = printable(path) + " cannot be mounted",
                                 .err = errno,
                                 .why = {},
                                 .hint = {},
                                 .path = path,
                                 .stage = "mount"});
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<__u64>(user_namespace);
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | below, &attr, sizeof attr) == 0) return tree;
  const int err = errno;
  // The mount it is on: the deepest whose target leads there.
  std::string type;
  std::string target;
  std::string others;
  for (const MountEntry& entry : parse_mountinfo(read_file("/proc/self/mountinfo").value_or(""))) {
    if (lies_in(path, entry.target) && entry.target.size() >= target.size()) {
      target = entry.target;
      type = entry.fstype;
    } else if (recursive && lies_in(entry.target, path)) {
      others += ", or what is mounted on " + printable(entry.target) + " (" + entry.fstype + ")";
    }
  }
  std::string why;
  std::string hint = "see: sup doctor";
  if (err == EINVAL) {
    why = "its file system (" + type + ")" + others + " cannot do that";
    hint = "put it on ext4, xfs, btrfs or a tmpfs of Linux 6.3, or use --userns host";
  } else if (err == EPERM) {
    why = "its file system (" + type + ")" + others + " is another user namespace's, or its ids are mapped already";
    hint = "run sup where it was mounted, or use --userns host";
  }
  Error error =
      idmap_error("the ids of " + printable(path) + " cannot be mapped", err, std::move(why), std::move(hint));
  error.path = path;
  return std::unexpected(std::move(error));
}

}  // namespace sup
