#include "sys/usernamespace.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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
#include "sys/rawcall.h"

namespace sup {

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

namespace {

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

HeldUserNamespace::HeldUserNamespace(HeldUserNamespace&& other) noexcept
    : holder_(std::exchange(other.holder_, -1)), hold_(std::move(other.hold_)), opened_(std::move(other.opened_)) {}

HeldUserNamespace::~HeldUserNamespace() {
  hold_.reset();
  while (holder_ > 0 && ::waitpid(holder_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<HeldUserNamespace> HeldUserNamespace::make(uid_t caller) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return std::unexpected(idmap_error("no pipe", errno, {}, {}));
  const Fd held(ends[0]);
  Fd hold(ends[1]);
  // It is in the caller's group and has the caller's handlers: nothing is to be delivered to it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  // Born in it, not by unshare(2): that refuses a process of several threads, as a sanitizer makes of each.
  const long child = raw::call(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    // What is the caller's stays his alone: a pipe's other end that lived on here would keep its reader waiting.
    raw::call(SYS_dup3, held.get(), 0, 0);
    raw::call(SYS_close_range, 1, ~0U, 0);
    // Until the caller has the namespace, or has died.
    char nothing = 0;
    while (raw::call(SYS_read, 0, &nothing, 1) == -EINTR) {
    }
    for (;;) raw::call(SYS_exit_group, 0);
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) {
    SpawnAttempt attempt;
    attempt.stage = "clone";
    attempt.err = static_cast<int>(-child);
    attempt.clone_flags = CLONE_NEWUSER;
    attempt.uid = caller;
    return std::unexpected(explain_spawn(attempt));
  }
  HeldUserNamespace out(static_cast<pid_t>(child), std::move(hold));
  // At once: should the child die, its number may be another's.
  out.opened_ = Fd(::open(("/proc/" + std::to_string(child) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!out.opened_) return std::unexpected(idmap_error("the user namespace cannot be opened", errno, {}, {}));
  return out;
}

Result<void> HeldUserNamespace::map(const IdMap& uids, const IdMap& gids) const {
  if (auto r = write_map(holder_, "uid_map", uids); !r) return r;
  return write_map(holder_, "gid_map", gids);
}

Result<Fd> open_user_namespace(const std::string& process, const IdMap& uids, const IdMap& gids) {
  // One look at the directory: the number may be another's by the next.
  const Fd directory(::open(process.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto unopened = [](int err) {
    return std::unexpected(
        idmap_error("the other container's user namespace cannot be opened", err, "it has ended meanwhile", {}));
  };
  if (!directory) return unopened(errno);
  const auto text = [&directory](const char* name) {
    std::string out(4096, '\0');
    const Fd fd(::openat(directory.get(), name, O_RDONLY | O_CLOEXEC));
    const ssize_t n = fd ? ::read(fd.get(), out.data(), out.size()) : -1;
    out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return out;
  };
  Fd fd(::openat(directory.get(), "ns/user", O_RDONLY | O_CLOEXEC));
  const int err = errno;
  const auto uid_map = parse_map_lines(text("uid_map"));
  const auto gid_map = parse_map_lines(text("gid_map"));
  if (!fd || uid_map.empty()) return unopened(fd ? ESRCH : err);
  // The kernel sorts long ones.
  const auto same = [](IdMap one, IdMap other) {
    std::ranges::sort(one, {}, &IdRange::inside);
    std::ranges::sort(other, {}, &IdRange::inside);
    return one == other;
  };
  if (!same(uid_map, uids) || !same(gid_map, gids)) {
    return std::unexpected(idmap_error("what is shared belongs to a user namespace with other ids", 0,
                                       "they are " + map_text(uid_map),
                                       "give both containers the same --userns, or leave it out"));
  }
  return fd;
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
  // The mount it is on, the deepest whose target leads there; or, where that one can, the first below it that cannot.
  std::string type;
  std::string target;
  const auto mounts = parse_mountinfo(read_file("/proc/self/mountinfo").value_or(""));
  for (const MountEntry& entry : mounts) {
    if (lies_in(path, entry.target) && entry.target.size() >= target.size()) target = entry.target, type = entry.fstype;
  }
  std::string whose = "its file system (" + type + ")";
  bool below_it = false;
  const auto maps = [&attr](const std::string& directory) {
    const Fd alone(
        static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    return alone && ::syscall(SYS_mount_setattr, alone.get(), "", AT_EMPTY_PATH, &attr, sizeof attr) == 0;
  };
  if (recursive && maps(path)) {
    for (const MountEntry& entry : mounts) {
      if (entry.target == target || !lies_in(entry.target, path) || maps(entry.target)) continue;
      whose = "what is mounted on " + printable(entry.target) + " (" + entry.fstype + ")";
      below_it = true;
      break;
    }
  }
  std::string why;
  std::string hint = "see: sup doctor";
  if (err == EINVAL) {
    why = whose + " cannot do that";
    hint = below_it ? "unmount it, name a directory without it, or use --userns host"
                    : "put it on ext4, xfs, btrfs or a tmpfs of Linux 6.3, or use --userns host";
  } else if (err == EPERM) {
    why = whose + " is another user namespace's, or its ids are mapped already";
    hint = "run sup where it was mounted, or use --userns host";
  }
  Error error =
      idmap_error("the ids of " + printable(path) + " cannot be mapped", err, std::move(why), std::move(hint));
  error.path = path;
  return std::unexpected(std::move(error));
}

}  // namespace sup
