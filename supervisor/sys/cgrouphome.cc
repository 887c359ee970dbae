#include "sys/cgrouphome.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "sys/cgroupdriver.h"
#include "sys/kernel.h"
#include "sys/procfs.h"
#include "sys/systemdscope.h"

namespace sup {
namespace {

std::vector<std::string> directories_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), [](DIR* d) { return ::closedir(d); });
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

// Whether KILL waits for one of its processes (proc_pid_status(5)), which happens to who is frozen by v1: dead but for the thaw.
bool is_doomed(const std::string& directory) {
  return std::ranges::any_of(CgroupDriver::processes(directory), [](pid_t pid) {
    const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
    if (!status) return false;
    return std::ranges::any_of(split(*status, '\n'), [](std::string_view line) {
      constexpr std::uint64_t kKill = std::uint64_t{1} << (SIGKILL - 1);
      if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) return false;
      std::uint64_t pending = 0;
      const std::string_view digits = trimmed(line.substr(7));
      std::from_chars(digits.data(), digits.data() + digits.size(), pending, 16);
      return (pending & kKill) != 0;
    });
  });
}

}  // namespace

bool CgroupHome::Tree::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

const CgroupHome::Tree* CgroupHome::with(std::string_view controller, CgroupVersion version) const {
  for (const Tree& tree : trees) {
    if (tree.version == version && tree.has(controller)) return &tree;
  }
  return nullptr;
}

Result<CgroupHome> cgroup_home(const CgroupLayout& layout) {
  CgroupHome home;
  if (!layout.v2_own.empty()) {
    std::string own = layout.v2_own;
    // Where we have stepped aside (or systemd's DelegateSubgroup= has put us): the group above is the one to divide.
    constexpr std::string_view kAside = "/supervisor";
    std::vector<std::string> controllers = layout.v2_controllers;
    if (own.ends_with(kAside)) {
      own.resize(own.size() - kAside.size());
      // Here are those alone that somebody wanted so far.
      if (const auto text = read_file(own + "/cgroup.controllers")) {
        controllers.clear();
        for (const std::string_view name : split(trimmed(*text), ' ')) {
          if (!name.empty()) controllers.emplace_back(name);
        }
      }
    }
    home.trees.push_back({CgroupVersion::v2, std::move(controllers), std::move(own)});
  }
  for (const auto& h : layout.v1) {
    if (h.own.empty()) continue;
    CgroupHome::Tree tree{CgroupVersion::v1, h.controllers, h.own};
    // For life where there is no v2, so that a pause needs no second directory.
    const bool first = layout.v2_own.empty() && tree.has("freezer");
    home.trees.insert(first ? home.trees.begin() : home.trees.end(), std::move(tree));
  }
  if (home.trees.empty()) {
    return std::unexpected(Error{.code = "E_CGROUP",
                                 .where = "cgroup",
                                 .what = "there are no control groups here",
                                 .err = ENOENT,
                                 .why = "none is mounted that this process is in",
                                 .hint = "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or --limits best-effort",
                                 .path = "/sys/fs/cgroup",
                                 .stage = "cgroup"});
  }
  return home;
}

Result<CgroupHome> cgroup_home() {
  auto home = cgroup_home(cgroup_layout(KernelFiles{}));
  if (!home || !systemd_rules() || in_own_scope() || is_delegated(home->trees.front().own)) return home;
  if (auto r = enter_own_scope(); !r) return std::unexpected(r.error());
  return cgroup_home(cgroup_layout(KernelFiles{}));
}

void sweep_cgroups(const CgroupHome& home) {
  if (home.trees.empty()) return;
  const std::string first = home.trees.front().parent();
  for (const std::string& name : directories_in(first)) {
    const std::string path = first + "/" + name;
    const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // Locked: its supervisor lives. Not locked, and yet not to be removed: somebody is still dying in there.
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;
    // A pause outlives its supervisor in v1, and so does what was paused; in v2 KILL reaches the frozen.
    if (remove_cgroup(path) == EBUSY && home.trees.front().version == CgroupVersion::v1 && is_doomed(path))
      (void)cgroup_driver(CgroupVersion::v1).freeze(path, false);
  }
  ::rmdir(first.c_str());  // not empty: somebody's containers are there
  // A group's first directory is made first and removed last: another one without it is nobody's, or of a supervisor whose first
  // tree is not seen from here (v2, in a mount namespace with v1 alone), and then that one has it locked.
  for (auto tree = home.trees.begin() + 1; tree != home.trees.end(); ++tree) {
    for (const std::string& name : directories_in(tree->parent())) {
      if (::access((first + "/" + name).c_str(), F_OK) == 0 || errno != ENOENT) continue;
      const std::string path = tree->parent() + "/" + name;
      const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) (void)remove_cgroup(path);
    }
    ::rmdir(tree->parent().c_str());
  }
}

int remove_cgroup(const std::string& path) {
  // Groups that the container has made inside of its own.
  for (const std::string& name : directories_in(path)) {
    if (const int err = remove_cgroup(path + "/" + name); err != 0) return err;
  }
  if (::rmdir(path.c_str()) < 0 && errno != ENOENT) return errno;
  return 0;
}

}  // namespace sup
