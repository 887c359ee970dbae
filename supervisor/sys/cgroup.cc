#include "sys/cgroup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "sys/pidnamespace.h"
#include "sys/procfs.h"

namespace sup {
namespace {

// A name that only we make is taken, or a sweep of another supervisor's comes between: both are over after a try or two.
constexpr int kTries = 16;
// How far below us a process is looked for: parents change while we look.
constexpr int kDeepest = 1000;

Error failed(std::string what, const std::string& path, int err) {
  Error error{.code = "E_CGROUP",
              .where = "cgroup",
              .what = std::move(what),
              .err = err,
              .why = {},
              .hint = {},
              .path = path,
              .stage = "cgroup"};
  switch (err) {
    case EACCES:
    case EPERM:
      error.why = path + " belongs to another user";
      error.hint =
          "run sup where a group is left to you (systemd-run --user --scope -p Delegate=yes sup …), or as root, or use --limits best-effort";
      break;
    case EROFS:
      error.why = "control groups are mounted read-only here";
      error.hint = "mount -o remount,rw " + path + ", or use --limits best-effort";
      break;
    case EAGAIN:
    case ENOSPC: error.why = "there are as many groups as cgroup.max.descendants allows"; break;
    default: break;
  }
  return error;
}

// The group as /proc/PID/cgroup shows it ends so, in whatever hierarchy it is.
std::string tail(const std::string& id) { return "/sup/" + id; }

// Whether it is this process, or one below it.
bool is_ours(pid_t pid) {
  const pid_t self = ::getpid();
  for (int depth = 0; pid > 0 && depth < kDeepest; ++depth) {
    if (pid == self) return true;
    pid = parent_of(pid);
  }
  return false;
}

// Whether `fd` is that directory.
bool is_of(const Fd& fd, const std::string& directory) {
  struct stat ours{};
  struct stat there{};
  return fd && ::fstat(fd.get(), &ours) == 0 && ::stat(directory.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

// Open and locked, and there still; else none.
Fd locked(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0 || !is_of(fd, directory)) return {};
  return fd;
}

// Each round finds what was forked during the one before.
void move_ours(const std::string& from, const std::string& to) {
  for (int round = 0; round < kTries; ++round) {
    bool moved = false;
    for (const pid_t pid : CgroupDriver::processes(from)) {
      if (is_ours(pid) && write_value(to + "/cgroup.procs", std::to_string(pid)) == 0) moved = true;
    }
    if (!moved) return;
  }
}

}  // namespace

Result<std::unique_ptr<Cgroup>> Cgroup::make(CgroupHome home, const std::string& id) {
  sweep_cgroups(home);
  std::unique_ptr<Cgroup> made(new Cgroup(std::move(home), id));
  if (auto first = made->node(made->home_.trees.front()); !first) return std::unexpected(first.error());
  return made;
}

Result<std::unique_ptr<Cgroup>> Cgroup::open(CgroupHome home, const std::string& id, std::vector<Fd> locks) {
  std::unique_ptr<Cgroup> found(new Cgroup(std::move(home), id));
  for (std::size_t i = 0; i < found->home_.trees.size(); ++i) {
    std::string directory = found->home_.trees[i].parent() + "/" + id;
    if (const auto lock = std::ranges::find_if(locks, [&](const Fd& fd) { return is_of(fd, directory); });
        lock != locks.end()) {
      found->nodes_.push_back({i, std::move(directory), std::move(*lock)});
      continue;
    }
    Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && i != 0) continue;
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0)
      return std::unexpected(failed("cannot be opened", directory, errno));
    found->nodes_.push_back({i, std::move(directory), std::move(fd)});
  }
  return found;
}

Result<const Cgroup::Node*> Cgroup::node(const CgroupHome::Tree& tree) {
  const auto index = static_cast<std::size_t>(&tree - home_.trees.data());
  for (const Node& each : nodes_) {
    if (each.tree == index) return &each;
  }
  const std::string parent = tree.parent();
  const std::string directory = parent + "/" + id_;
  const CgroupDriver& driver = cgroup_driver(tree.version);
  int err = 0;
  for (int i = 0; i < kTries; ++i) {
    err = ::mkdir(parent.c_str(), 0755) == 0 || errno == EEXIST ? driver.prepare(parent) : errno;
    if (err != 0) break;
    if (::mkdir(directory.c_str(), 0755) == 0) {
      err = driver.prepare(directory);
      if (Fd lock = locked(directory); err == 0 && lock) {
        nodes_.push_back({index, directory, std::move(lock)});
        return &nodes_.back();
      }
      if (err != 0 && err != ENOENT) {
        ::rmdir(directory.c_str());
        break;
      }
      err = EBUSY;  // swept away before it was locked, by one who took it for a dead one's
      continue;
    }
    err = errno;
    // ENOENT: the last one of another supervisor's has taken the parent along. EEXIST: of the same id, and empty, or not ours.
    if (err == EEXIST && ::rmdir(directory.c_str()) < 0 && errno == EBUSY) break;
    if (err != ENOENT && err != EEXIST) break;
  }
  ::rmdir(parent.c_str());
  Error error = failed("cannot be made", err == EEXIST || err == EBUSY ? directory : tree.own, err);
  if ((err == EACCES || err == EPERM) && tree.version == CgroupVersion::v1)
    error.hint =
        "run sup as root, or in groups that root has made yours (of v1 systemd leaves you none), or use --limits best-effort";
  return std::unexpected(std::move(error));
}

int Cgroup::enable(const CgroupHome::Tree& tree, const std::vector<std::string>& controllers) {
  const CgroupDriver& driver = cgroup_driver(tree.version);
  int err = driver.enable(tree.own, controllers);
  if (err == 0) {
    err = driver.enable(tree.parent(), controllers);
    if (err != EOPNOTSUPP) return err;
    // pids, cpu and cpuset are given away in spite of processes (cgroups(7), "threaded"), and then the groups below are of no use.
    for (const std::string& name : controllers) (void)write_value(tree.own + "/cgroup.subtree_control", "-" + name);
    err = EBUSY;
  }
  if (err == EBUSY) {
    // A group with processes cannot give its children controllers: we step aside, with those of ours that are here (parked
    // inits, containers that have no group). Back again where somebody else's stay, so that all is as it was.
    const std::string aside = tree.own + "/supervisor";
    if (::mkdir(aside.c_str(), 0755) == 0 || errno == EEXIST) {
      move_ours(tree.own, aside);
      err = driver.enable(tree.own, controllers);
      if (err != 0) {
        move_ours(aside, tree.own);
        ::rmdir(aside.c_str());
      }
    }
  }
  return err != 0 ? err : driver.enable(tree.parent(), controllers);
}

std::vector<Error> Cgroup::apply(const Limits& limits) {
  struct Wanted {
    CgroupWrite write;
    const CgroupHome::Tree* tree;
  };
  std::vector<Wanted> wanted;
  std::vector<std::string_view> covered;  // options that v2 takes care of
  std::vector<std::string> controllers;  // of v2
  std::vector<Error> errors;
  const auto refuse = [&errors](const CgroupWrite& write, int err, std::string why, std::string hint,
                                std::string path) {
    errors.push_back(Error{.code = "E_LIMIT",
                           .where = std::string(write.option),
                           .what = "cannot be applied",
                           .err = err,
                           .why = std::move(why),
                           .hint = std::move(hint),
                           .path = std::move(path),
                           .stage = "cgroup"});
  };
  for (auto& write : cgroup_writes(limits, CgroupVersion::v2)) {
    const auto* tree = home_.with(write.controller, CgroupVersion::v2);
    if (tree == nullptr) continue;
    covered.push_back(write.option);
    if (std::ranges::find(controllers, write.controller) == controllers.end())
      controllers.emplace_back(write.controller);
    wanted.push_back({std::move(write), tree});
  }
  std::vector<std::string_view> missing;
  for (auto& write : cgroup_writes(limits, CgroupVersion::v1)) {
    if (std::ranges::find(covered, write.option) != covered.end()) continue;
    const auto* tree = home_.with(write.controller, CgroupVersion::v1);
    if (tree != nullptr) {
      wanted.push_back({std::move(write), tree});
    } else if (std::ranges::find(missing, write.option) == missing.end()) {
      missing.push_back(write.option);
      const bool unified = home_.trees.front().version == CgroupVersion::v2 && home_.trees.size() == 1;
      const std::string name(unified && write.controller == "blkio" ? "io" : write.controller);
      refuse(
          write, 0, "there is no " + name + " controller for us in " + home_.trees.front().own,
          unified
              ? "have it left to this group (Delegate=yes in its unit, cgroup.subtree_control above it), or use --limits best-effort"
              : "mount it: mount -t cgroup -o " + name + " cgroup /sys/fs/cgroup/" + name +
                    ", or use --limits best-effort",
          home_.trees.front().own + "/cgroup.controllers");
    }
  }
  if (!controllers.empty()) {
    const CgroupHome::Tree& tree = home_.trees.front();
    if (const int err = enable(tree, controllers); err != 0) {
      for (const Wanted& each : wanted) {
        if (each.tree != &tree || each.write.optional) continue;
        refuse(
            each.write, err, err == EBUSY ? "other processes are in " + tree.own : "",
            err == EBUSY
                ? "run sup in a group of its own (systemd-run --scope -p Delegate=yes sup …), or use --limits best-effort"
                : "use --limits best-effort",
            tree.own + "/cgroup.subtree_control");
      }
      std::erase_if(wanted, [&tree](const Wanted& each) { return each.tree == &tree; });
    }
  }
  // Twice where the first time fails: the two limits of memory must not cross, and which comes first depends on what is there.
  std::vector<Wanted> again;
  for (int round = 0; round < 2 && !wanted.empty(); ++round) {
    for (Wanted& each : wanted) {
      auto place = node(*each.tree);
      if (!place) {
        if (!each.write.optional)
          errors.push_back(place.error()), errors.back().where = std::string(each.write.option) + ": cgroup";
        continue;
      }
      const int err = CgroupDriver::set((*place)->directory, each.write);
      if (err == 0 || (err == ENOENT && each.write.optional)) continue;
      if (round == 0) {
        again.push_back(std::move(each));
        continue;
      }
      if (each.write.optional) continue;
      const std::string file = (*place)->directory + "/" + std::string(each.write.files.front().name);
      std::string why;
      std::string hint;
      if (err == ENOENT) {
        why = "this kernel has no " + std::string(each.write.files.back().name);
        hint = each.write.option == "--memory-swap" ? "boot with swapaccount=1, or use --limits best-effort"
                                                    : "use --limits best-effort";
      } else if (err == EBUSY && each.write.controller == "memory") {
        why = "more than that is in use and cannot be freed";
      } else if (err == EINVAL || err == ERANGE || err == EACCES) {
        why = "the kernel does not take " + each.write.files.front().text + " for " +
              std::string(each.write.files.front().name);
        if (each.write.controller == "cpuset")
          hint = "processors that there are, and that this group may use: see " + each.tree->own;
      }
      refuse(each.write, err, std::move(why), std::move(hint), file);
    }
    wanted = std::exchange(again, {});
  }
  return errors;
}

const Cgroup::Node* Cgroup::freezer() const {
  if (home_.trees.front().version == CgroupVersion::v2) return &nodes_.front();
  for (const Node& each : nodes_) {
    if (home_.trees[each.tree].has("freezer")) return &each;
  }
  return nullptr;
}

Result<void> Cgroup::make_freezable() {
  if (freezer() != nullptr) return {};
  const auto* tree = home_.with("freezer", CgroupVersion::v1);
  if (tree == nullptr) {
    return std::unexpected(Error{.code = "E_PAUSE",
                                 .where = "pause",
                                 .what = "there is no freezer here",
                                 .err = 0,
                                 .why = "neither the v2 tree nor the v1 freezer is mounted",
                                 .hint = "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
                                 .path = {},
                                 .stage = "cgroup"});
  }
  if (auto r = node(*tree); !r) return std::unexpected(r.error());
  return {};
}

std::vector<int> Cgroup::locks() const {
  std::vector<int> all;
  for (const Node& each : nodes_) all.push_back(each.lock.get());
  return all;
}

int Cgroup::clone_fd() const {
  return home_.trees.front().version == CgroupVersion::v2 ? nodes_.front().lock.get() : -1;
}

namespace {

bool is_dead(pid_t pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return true;
  const auto name_end = stat->rfind(')');  // proc(5): the state follows the name, which may hold anything
  if (name_end == std::string::npos || name_end + 2 >= stat->size()) return false;
  const auto fields = split(std::string_view(*stat).substr(name_end + 2), ' ');
  // On its way out (PF_EXITING), though not yet a zombie, the kernel moves it no more, and does not say so.
  constexpr unsigned kExiting = 0x4;
  const auto flags = fields.size() > 6 ? parse_unsigned<unsigned>(fields[6]) : std::nullopt;
  return std::string_view("ZXx").find(fields[0]) != std::string_view::npos || (flags && (*flags & kExiting) != 0);
}

}  // namespace

std::optional<std::vector<const Cgroup::Node*>> Cgroup::missing(pid_t pid) const {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup");
  if (!text) return std::nullopt;
  std::vector<const Node*> out;
  for (const Node& each : nodes_) {
    const CgroupHome::Tree& tree = home_.trees[each.tree];
    bool there = false;
    for (const std::string_view line : split(*text, '\n')) {
      const auto first = line.find(':');
      const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
      if (second == std::string_view::npos) continue;
      const auto names = split(line.substr(first + 1, second - first - 1), ',');
      const bool same = tree.version == CgroupVersion::v2
                            ? line.starts_with("0::")
                            : std::ranges::find(names, tree.controllers.front()) != names.end();
      if (same) there = line.substr(second + 1).ends_with(tail(id_));
    }
    if (!there) out.push_back(&each);
  }
  // The dead are in no group: a zombie is where nobody can move it, and need not be.
  if (!out.empty() && is_dead(pid)) return std::nullopt;
  return out;
}

std::optional<bool> Cgroup::holds(pid_t pid) const {
  const auto not_in = missing(pid);
  if (!not_in) return std::nullopt;
  return not_in->empty();
}

std::vector<Fd> Cgroup::task_files() const {
  std::vector<Fd> out;
  for (const Node& each : nodes_) {
    if (home_.trees[each.tree].version != CgroupVersion::v1) continue;
    if (Fd fd(::open((each.directory + "/tasks").c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC)); fd)
      out.push_back(std::move(fd));
  }
  return out;
}

Result<void> Cgroup::place(pid_t pid) {
  const auto not_in = missing(pid);
  if (!not_in || not_in->empty()) return {};
  for (const Node* each : *not_in) {
    const int err = write_value(each->directory + "/cgroup.procs", std::to_string(pid));
    if (err == ESRCH) return {};
    if (err == 0) continue;
    Error error = failed("process " + std::to_string(pid) + " cannot be put there", each->directory, err);
    if (err == EACCES || err == EPERM) error.why = "the group it is in belongs to another user";
    if (err == ENOENT) error.why = "somebody has removed " + each->directory;
    return std::unexpected(std::move(error));
  }
  if (holds(pid) == false)
    return std::unexpected(failed("process " + std::to_string(pid) + " is not where it was put", path(), EBUSY));
  return {};
}

Result<void> Cgroup::put_aside(pid_t pid) {
  const Node* const node = freezer();
  if (node == nullptr) return {};
  const std::string& own = home_.trees[node->tree].own;
  int err = write_value(own + "/cgroup.procs", std::to_string(pid));
  if (err == EBUSY) err = write_value(own + "/supervisor/cgroup.procs", std::to_string(pid));  // see enable()
  if (err == 0 || err == ESRCH) return {};
  return std::unexpected(failed("process " + std::to_string(pid) + " cannot be put aside", own, err));
}

std::vector<pid_t> Cgroup::processes() const { return CgroupDriver::processes(path()); }

int Cgroup::freeze(bool frozen) {
  const Node* node = freezer();
  return node == nullptr ? ENOENT : driver(*node).freeze(node->directory, frozen);
}

std::optional<bool> Cgroup::frozen() const {
  const Node* node = freezer();
  return node == nullptr ? std::nullopt : driver(*node).frozen(node->directory);
}

int Cgroup::kill() { return driver(nodes_.front()).kill(path()); }

Result<Fd> Cgroup::kill_file() const {
  Fd fd;
  int err = ENOENT;
  if (home_.trees.front().version == CgroupVersion::v2) {
    fd = Fd(::open((path() + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
    err = errno;
  }
  if (fd) return fd;
  Error error = failed("cannot be killed as one", path(), err);
  if (err == ENOENT) {
    error.why = "there is no cgroup.kill";
    error.hint = "use Linux 5.14 or newer, with the v2 tree mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup";
  }
  return std::unexpected(std::move(error));
}

std::uint64_t Cgroup::oom_kills() const {
  std::uint64_t most = 0;
  for (const Node& each : nodes_) most = std::max(most, driver(each).oom_kills(each.directory).value_or(0));
  return most;
}

Cgroup::OomEvents Cgroup::oom_events() const {
  for (const Node& each : nodes_) {
    if (Fd fd = driver(each).oom_events(each.directory); fd) return {.fd = std::move(fd), .driver = &driver(each)};
  }
  return {};
}

CgroupSample Cgroup::sample() const {
  CgroupSample all;
  for (const Node& each : nodes_) driver(each).sample(each.directory, all);
  return all;
}

bool Cgroup::gone() const {
  return std::ranges::any_of(
      nodes_, [](const Node& each) { return ::access(each.directory.c_str(), F_OK) < 0 && errno == ENOENT; });
}

int Cgroup::remove() {
  while (!nodes_.empty()) {
    const Node& last = nodes_.back();
    if (const int err = remove_cgroup(last.directory); err != 0) return err;
    ::rmdir(home_.trees[last.tree].parent().c_str());  // not empty: others are there
    nodes_.pop_back();
  }
  return 0;
}

}  // namespace sup
