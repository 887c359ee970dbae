#include "sys/cgrouplayout.h"

#include <dirent.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "spec/mount.h"
#include "spec/mountinfo.h"
#include "sys/procfs.h"

namespace sup {
namespace {

// Where `path` of the hierarchy is, in a mount that shows the hierarchy from `root` on. Empty: not in this mount
// ("/.." in /proc/self/cgroup is a cgroup outside of the namespace).
std::string inside(const MountEntry& mount, std::string_view path, const std::string& prefix) {
  if (path.starts_with("/..")) return {};
  if (mount.root != "/") {
    if (!lies_in(path, mount.root)) return {};
    path.remove_prefix(mount.root.size());
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  return prefix + mount.target + std::string(path);
}

std::optional<std::int64_t> number_in(const std::string& path) {
  const auto text = read_file(path);
  return text ? to_number(*text) : std::nullopt;
}

// Whether mount options name all of these controllers. proc(5): the last field of mountinfo, which MountEntry does not
// keep; the mount point's name does in every layout there is ("/sys/fs/cgroup/cpu,cpuacct"), or links to it.
bool serves(const MountEntry& mount, const std::vector<std::string>& controllers) {
  const auto slash = mount.target.rfind('/');
  const auto names = split(std::string_view(mount.target).substr(slash + 1), ',');
  return std::ranges::all_of(controllers, [&names](std::string_view c) {
    if (c.starts_with("name=")) c.remove_prefix(5);
    return std::ranges::find(names, c) != names.end();
  });
}

}  // namespace

const CgroupLayout::Hierarchy* CgroupLayout::v1_with(std::string_view controller) const {
  for (const Hierarchy& h : v1) {
    if (std::ranges::find(h.controllers, controller) != h.controllers.end()) return &h;
  }
  return nullptr;
}

CgroupLayout cgroup_layout(const KernelFiles& kernel, const std::string& root) {
  CgroupLayout layout;
  const auto mountinfo = kernel.proc_text("self/mountinfo");
  const auto own = kernel.proc_text("self/cgroup");
  if (!mountinfo || !own) return layout;
  const auto mounts = parse_mountinfo(*mountinfo);
  for (const std::string_view line : split(*own, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (names.empty()) {
      const auto mount = std::ranges::find(mounts, "cgroup2", &MountEntry::fstype);
      if (mount == mounts.end()) continue;
      layout.v2_mount = root + mount->target;
      layout.v2_own = inside(*mount, path, root);
      if (const auto text = read_file(layout.v2_own + "/cgroup.controllers"); text && !layout.v2_own.empty()) {
        for (const std::string_view name : split(trimmed(*text), ' ')) {
          if (!name.empty()) layout.v2_controllers.emplace_back(name);
        }
      }
      continue;
    }
    CgroupLayout::Hierarchy h;
    for (const std::string_view name : split(names, ',')) h.controllers.emplace_back(name);
    const auto mount = std::ranges::find_if(
        mounts, [&h](const MountEntry& m) { return m.fstype == "cgroup" && serves(m, h.controllers); });
    if (mount == mounts.end()) continue;   // known to the kernel, mounted nowhere: of no use
    h.mount = root + mount->target;
    h.own = inside(*mount, path, root);
    layout.v1.push_back(std::move(h));
  }
  const bool v2 = !layout.v2_mount.empty();
  layout.mode = v2 ? (layout.v1.empty() ? CgroupLayout::Mode::v2 : CgroupLayout::Mode::hybrid)
                   : (layout.v1.empty() ? CgroupLayout::Mode::none : CgroupLayout::Mode::v1);
  return layout;
}

std::optional<PidsGroup> full_pids_group(const CgroupLayout& layout) {
  const auto search = [](std::string directory, const std::string& mount) -> std::optional<PidsGroup> {
    while (directory.size() >= mount.size() && !mount.empty()) {
      const auto current = number_in(directory + "/pids.current");
      const auto max = number_in(directory + "/pids.max");   // "max" is no number
      if (current && max && *current >= *max) return PidsGroup{directory, *current, *max};
      const auto slash = directory.rfind('/');
      if (slash == std::string::npos) break;
      directory.resize(slash);
    }
    return std::nullopt;
  };
  if (auto full = search(layout.v2_own, layout.v2_mount)) return full;
  if (const auto* pids = layout.v1_with("pids")) return search(pids->own, pids->mount);
  return std::nullopt;
}

std::optional<std::uint64_t> tasks_of(const KernelFiles& kernel, uid_t uid) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(kernel.proc.c_str()),
                                                      [](DIR* d) { return ::closedir(d); });
  if (!directory) return std::nullopt;
  std::uint64_t tasks = 0;
  bool any = false;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (!parse_unsigned<unsigned>(entry->d_name)) continue;
    const auto text = kernel.proc_text(std::string(entry->d_name) + "/status");
    if (!text) continue;   // it ended meanwhile
    std::optional<std::int64_t> owner;
    std::int64_t threads = 0;
    for (const std::string_view line : split(*text, '\n')) {
      if (line.starts_with("Uid:"))
        owner = to_number(trimmed(line.substr(4)).substr(0, trimmed(line.substr(4)).find('\t')));
      if (line.starts_with("Threads:")) threads = to_number(line.substr(8)).value_or(0);
    }
    any = true;
    if (owner == static_cast<std::int64_t>(uid)) tasks += static_cast<std::uint64_t>(threads);
  }
  if (!any) return std::nullopt;
  return tasks;
}

}  // namespace sup
