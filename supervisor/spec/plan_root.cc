// The root of the container's own. Every mount is made detached, gets its flags, and is attached by descriptor to a place
// that openat2(2) has found inside the new root; only then does that become the root, and the old one goes.
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spec/mount.h"
#include "spec/names.h"
#include "spec/plan_draft.h"

namespace sup {
namespace {

using wire::Op;
namespace TreeHow = wire::TreeHow;
namespace AttachHow = wire::AttachHow;

// Which of init's trees holds what, besides those of plan_draft.h.
constexpr std::uint64_t kDev = 3;
constexpr std::uint64_t kNull = 4;  // /dev/null, attached
constexpr std::uint64_t kPts = 5;  // where there is a terminal
constexpr std::uint64_t kShm = 6;  // another's /dev/shm, where that is to be the container's

// mount_setattr(2)
constexpr std::uint64_t kReadOnly = 1;
constexpr std::uint64_t kNosuid = 2;
constexpr std::uint64_t kNodev = 4;
constexpr std::uint64_t kNoexec = 8;
constexpr std::uint64_t kStrictAtime = 0x20;
constexpr std::uint64_t kRecursive = std::uint64_t{1} << 32;

std::uint64_t nodev(const Draft& draft) { return draft.opens_devices() ? 0 : kNodev; }

constexpr std::uint64_t device(std::uint64_t major, std::uint64_t minor) { return major << 32 | minor; }

Step filesystem(std::uint64_t tree, std::string type, std::vector<std::string> options, std::uint64_t flags,
                std::uint64_t from = 0) {
  // What findmnt(8) and df(1) show as the source.
  options.insert(options.begin(), "source=" + type);
  Step out = step(Op::filesystem, {tree, flags, from}, {std::move(type)});
  out.lists = {std::move(options)};
  return out;
}

Step over_paths(Op op, std::initializer_list<std::uint64_t> numbers, std::vector<std::string> paths) {
  Step out = step(op, numbers);
  out.lists = {std::move(paths)};
  return out;
}

// overlay's lowerdir is a list with ':' between.
std::string layer(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void attach(Draft& draft, std::uint64_t tree, const std::string& target, std::uint64_t how) {
  draft.add(step(Op::attach, {tree, kRoot, how}, {target}));
}

// A directory of the host's as it is, or through the maps where the files are another's than the container's: that takes powers
// over the host, so it is made before, and handed to init.
void take(Draft& draft, std::uint64_t tree, const std::string& path, bool recursive) {
  if (draft.plan.uids.empty() || draft.facts.uid != 0) {
    draft.add(step(Op::tree, {tree, recursive ? TreeHow::recursive : TreeHow::clone}, {path}));
    return;
  }
  const auto fd = static_cast<std::uint64_t>(draft.plan.tree_fd()) + draft.plan.trees.size();
  draft.plan.trees.push_back({path, recursive});
  draft.add(step(Op::tree, {tree, TreeHow::given | fd << 8}));
}

// What is written goes to a tmpfs that nobody can name, and with it. Before Linux 6.15 a layer must be attached somewhere: in a root
// of its own over the host's /proc, with which it goes; else (over) below the overlay itself, unless that is where its lower layer is.
void overlay(Draft& draft, std::uint64_t tree, const std::string& lower, const Mount* over = nullptr) {
  draft.add(filesystem(kUpper, "tmpfs", {"mode=755"}, kNosuid | kNodev));
  draft.add(step(Op::make, {kUpper, 0755}, {"upper"}));
  draft.add(step(Op::make, {kUpper, 0755}, {"work"}));
  std::string below = layer(lower);
  const bool mapped = !draft.plan.uids.empty() && draft.facts.uid == 0;
  if (mapped) draft.add(step(Op::make, {kUpper, 0755}, {"lower"}));
  if (!draft.spec.rootfs.empty()) {
    draft.add(step(Op::attach, {kUpper, wire::kNoTree}, {"/proc"}));
  } else if (over != nullptr && !lies_in(lower, over->target)) {
    attach(draft, kUpper, over->target, over->create ? AttachHow::create : 0);
  }
  if (mapped) {
    // Its owners are mapped at its mount (Linux 5.19), which a layer's path must lead over.
    below = "lower";
    take(draft, tree, lower, false);
    draft.add(step(Op::attach, {tree, wire::kNoTree}, {"/proc/" + below}));
  }
  std::vector<std::string> options{"lowerdir=" + below, "upperdir=upper", "workdir=work"};
  // trusted.* is for the host's root alone; a user namespace has user.* (overlayfs, "userxattr").
  if (draft.plan.user_namespace) options.emplace_back("userxattr");
  draft.add(filesystem(tree, "overlay", std::move(options), 0, 1 + kUpper));
}

bool in_dev(const Mount& mount) { return lies_in(mount.target, "/dev"); }

void place(Draft& draft, const Mount& mount, std::uint64_t how) {
  std::uint64_t flags = (mount.read_only ? kReadOnly : 0) | (mount.nosuid ? kNosuid : 0) | (mount.noexec ? kNoexec : 0);
  const bool rooted = !draft.spec.rootfs.empty();
  switch (mount.kind) {
    case Mount::Kind::tmpfs: {
      auto options = tmpfs_options(mount, draft.facts, !draft.plan.user_namespace);
      draft.add(filesystem(kMount, "tmpfs", std::move(options), flags | (mount.nodev ? kNodev : 0)));
      break;
    }
    case Mount::Kind::overlay:
      overlay(draft, kMount, mount.source, &mount);
      flags |= mount.nodev ? kNodev : rooted ? nodev(draft) : 0;
      if (flags != 0) draft.add(step(Op::attributes, {kMount, flags, 0}));
      break;
    case Mount::Kind::bind:
      // Device nodes in a root or a volume are of no use: those that are meant are bound one by one. So who may make
      // some (CAP_MKNOD is among docker's) gains nothing.
      flags |= mount.nodev ? kNodev : rooted ? nodev(draft) : 0;
      take(draft, kMount, mount.source, mount.recursive);
      draft.add(
          step(Op::attributes,
               {kMount, flags, (mount.propagation == Mount::Propagation::slave ? MS_SLAVE : MS_PRIVATE) | kRecursive}));
      break;
    case Mount::Kind::device:
      draft.add(step(Op::tree, {kMount, TreeHow::clone}, {mount.source}));
      // Read-only: the device can be written to all the same, but its mode and owner on the host cannot be changed.
      draft.add(step(Op::attributes, {kMount, kReadOnly | kNosuid | kNoexec, MS_PRIVATE}));
      break;
  }
  attach(draft, kMount, mount.target, how);
}

// Parents before what lies in them, in whatever order they were given.
std::vector<Mount> in_order(std::vector<Mount> mounts) {
  std::ranges::stable_sort(mounts, {}, [](const Mount& mount) { return std::ranges::count(mount.target, '/'); });
  return mounts;
}

struct Node {
  const char* name;
  std::uint64_t number;
};
constexpr std::array<Node, 6> kNodes{{{"null", device(1, 3)},
                                      {"zero", device(1, 5)},
                                      {"full", device(1, 7)},
                                      {"random", device(1, 8)},
                                      {"urandom", device(1, 9)},
                                      {"tty", device(5, 0)}}};

// With another's IPC namespace goes the memory that is shared by files (shm_open(3)): the host's, or that container's.
bool shares_memory(const Draft& draft) {
  return draft.spec.ipc == "host" ? draft.facts.shm : !process_of(draft.spec.ipc).empty();
}

// Before the new root is there: what is the host's, and what another has in its mount namespace, is looked for from here.
void take_memory(Draft& draft) {
  if (!shares_memory(draft)) return;
  if (draft.spec.ipc == "host") {
    draft.add(step(Op::tree, {kShm, TreeHow::recursive}, {"/dev/shm"}));
  } else {
    draft.add(
        step(Op::tree, {kShm, TreeHow::elsewhere}, {"/dev/shm", std::string(process_of(draft.spec.ipc)) + "/ns/mnt"}));
  }
}

// /dev, in a tmpfs. Its own nodes are binds of the host's, each looked at: what is made here with mknod(2) cannot be opened,
// unless the container is privileged, which has the host's others, too.
void own_dev(Draft& draft) {
  const Spec& spec = draft.spec;
  constexpr std::uint64_t kHow = AttachHow::no_links | AttachHow::create;
  draft.add(filesystem(kDev, "tmpfs", {"mode=755", "size=64m"}, kNosuid | nodev(draft) | kStrictAtime));
  attach(draft, kDev, "/dev", kHow);
  for (const auto& [name, target] :
       {std::pair{"fd", "/proc/self/fd"}, std::pair{"stdin", "/proc/self/fd/0"}, std::pair{"stdout", "/proc/self/fd/1"},
        std::pair{"stderr", "/proc/self/fd/2"}, std::pair{"core", "/proc/kcore"}, std::pair{"ptmx", "pts/ptmx"}}) {
    if (std::string_view(name) == "core" && !draft.facts.kcore) continue;
    draft.add(step(Op::make, {kDev}, {name, target}));
  }
  std::vector<std::string> options{"newinstance", "ptmxmode=0666", "mode=0620"};
  if (draft.maps_gid(5)) options.emplace_back("gid=5");
  const std::uint64_t pts = spec.tty ? kPts : kMount;
  draft.add(filesystem(pts, "devpts", std::move(options), kNosuid | kNoexec));
  attach(draft, pts, "/dev/pts", kHow);
  // A new one shows an IPC namespace, and must own it. The calls need none.
  if (!draft.plan.user_namespace || spec.ipc != "host") {
    draft.add(filesystem(kMount, "mqueue", {}, kNosuid | kNodev | kNoexec));
    attach(draft, kMount, "/dev/mqueue", kHow);
  }
  if (shares_memory(draft)) {
    draft.add(step(Op::attributes, {kShm, kNosuid | kNodev | kNoexec, MS_PRIVATE | kRecursive}));
    attach(draft, kShm, "/dev/shm", kHow);
  } else {
    draft.add(filesystem(kMount, "tmpfs", {"mode=1777", "size=" + std::to_string(spec.shm_size)},
                         kNosuid | kNodev | kNoexec));
    attach(draft, kMount, "/dev/shm", kHow);
  }
  for (const Node& node : kNodes) {
    const std::uint64_t tree = &node == kNodes.data() ? kNull : kMount;
    draft.add(step(Op::tree, {tree, TreeHow::clone, node.number}, {std::string("/dev/") + node.name}));
    // Read-only as above: `chmod 600 /dev/null` inside is not for the host to bear.
    draft.add(step(Op::attributes, {tree, kReadOnly | kNosuid | kNoexec, MS_PRIVATE}));
    attach(draft, tree, std::string("/dev/") + node.name, kHow);
  }
  for (const std::string& path : draft.facts.devices) {
    draft.add(step(Op::tree, {kMount, TreeHow::recursive}, {path}));
    draft.add(step(Op::attributes, {kMount, kReadOnly | kNosuid | kNoexec, MS_PRIVATE | kRecursive}));
    attach(draft, kMount, path, kHow);
  }
  if (!spec.tty) return;
  // Of the container's own devpts, so that its name (ttyname(3)) is there inside. Bound on /dev/console by descriptor, as the
  // rest of /dev: nothing that the root brings is in the way (CVE-2025-52565).
  draft.plan.own_tty = true;
  draft.add(step(Op::terminal, {kPts, kMount, draft.change_ids ? draft.user->uid : wire::kNobody}));
  draft.add(step(Op::attributes, {kMount, kNosuid | kNoexec, MS_PRIVATE}));
  attach(draft, kMount, "/dev/console", kHow);
}

// /etc/hosts and /etc/hostname: files of the container's own, which it may change, and nothing of the root's is written. They
// lie in a tmpfs that has to be attached somewhere before parts of it can be mounted (Linux before 6.15): over the host's
// /proc, with which it goes at the pivot. (Not over the new root's: an unmount of its own takes an RCU grace period.)
void own_names(Draft& draft) {
  const auto files = name_files(draft.spec, draft.facts);
  if (files.empty()) return;
  draft.add(filesystem(kUpper, "tmpfs", {"mode=755", "size=1m"}, kNosuid | kNodev | kNoexec));
  const auto name = [](const NameFile& file) { return file.path.substr(file.path.rfind('/') + 1); };
  for (const NameFile& file : files) draft.add(step(Op::file, {kUpper, 0644}, {name(file), file.text}));
  draft.add(step(Op::attach, {kUpper, wire::kNoTree}, {"/proc"}));
  for (const NameFile& file : files) {
    draft.add(step(Op::tree, {kMount, TreeHow::within | kUpper << 8}, {name(file)}));
    if (draft.spec.read_only) draft.add(step(Op::attributes, {kMount, kReadOnly}));
    attach(draft, kMount, file.path, AttachHow::create);
  }
}

// kNull is /dev/null.
void cover_kernels_files(Draft& draft) {
  draft.add(over_paths(Op::readonly, {kRoot}, readonly_paths()));
  draft.add(over_paths(Op::mask, {kRoot, kNull, kNodes[0].number}, masked_paths(draft.facts)));
}

}  // namespace

std::vector<std::string> masked_paths(const Facts& facts) {
  std::vector<std::string> paths{"/proc/acpi",
                                 "/proc/asound",
                                 "/proc/interrupts",
                                 "/proc/kcore",
                                 "/proc/keys",
                                 "/proc/latency_stats",
                                 "/proc/sched_debug",
                                 "/proc/scsi",
                                 "/proc/timer_list",
                                 "/proc/timer_stats",
                                 "/sys/devices/virtual/powercap",
                                 "/sys/firmware"};
  for (const std::string& path : facts.thermal_throttles) paths.push_back(path);
  return paths;
}

std::vector<std::string> readonly_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

std::vector<std::string> unmount_order(std::vector<std::string> targets) {
  std::ranges::stable_sort(targets, std::ranges::greater{},
                           [](const std::string& target) { return std::ranges::count(target, '/'); });
  std::vector<std::string> out;
  for (std::string& target : targets) {
    if (std::ranges::find(out, target) == out.end()) out.push_back(std::move(target));
  }
  return out;
}

std::vector<std::string> tmpfs_options(const Mount& mount, const Facts& facts, bool host_ids) {
  std::vector<std::string> out = mount.options;
  const auto said = [&mount](std::string_view key) {
    return std::ranges::any_of(mount.options, [key](const std::string& option) { return option.starts_with(key); });
  };
  const auto below = std::ranges::find(facts.covered, mount.target, &Facts::Covered::target);
  if (!said("mode=")) {
    std::string octal = "1777";
    if (below != facts.covered.end()) {
      octal.clear();
      for (unsigned rest = below->mode; octal.empty() || rest != 0; rest >>= 3)
        octal.insert(octal.begin(), static_cast<char>('0' + (rest & 7)));
    }
    out.push_back("mode=" + octal);
  }
  if (below == facts.covered.end() || !host_ids) return out;
  if (below->uid != 0 && !said("uid=")) out.push_back("uid=" + std::to_string(below->uid));
  if (below->gid != 0 && !said("gid=")) out.push_back("gid=" + std::to_string(below->gid));
  return out;
}

std::vector<Mount> all_mounts(const Spec& spec, const Facts& facts) {
  std::vector<Mount> out = spec.mounts;
  static constexpr const char* kFile = "/etc/resolv.conf";
  if (!facts.resolv_conf || taken_by_volume(spec, kFile)) return out;
  Mount file;
  file.source = file.target = kFile;
  file.read_only = file.nosuid = file.nodev = file.noexec = true;
  file.recursive = false;
  out.push_back(std::move(file));
  return out;
}

void enter_root(Draft& draft) {
  const Spec& spec = draft.spec;
  const Facts& facts = draft.facts;
  constexpr std::uint64_t kRuntime = AttachHow::no_links | AttachHow::create;
  draft.add(step(Op::mount, {MS_REC | MS_SLAVE}, {"none", "/"}));
  draft.add(step(Op::umask, {0}));  // modes below are meant as they stand
  take_memory(draft);
  // A procfs that somebody left mounted below the directory would come along. (Where it is locked it cannot go; only_proc
  // below then says so.)
  if (!spec.rootfs_overlay && !draft.plan.user_namespace) {
    std::vector<std::string> inside;
    std::ranges::copy_if(facts.proc_mounts, std::back_inserter(inside),
                         [&](const std::string& m) { return lies_in(m, facts.rootfs); });
    for (std::string& target : unmount_order(std::move(inside))) draft.add(step(Op::umount_stack, {}, {target}));
  }
  if (spec.rootfs_overlay) {
    overlay(draft, kRoot, facts.rootfs);
  } else {
    take(draft, kRoot, facts.rootfs, true);
  }
  draft.add(step(Op::attributes, {kRoot, nodev(draft), MS_PRIVATE | kRecursive}));
  draft.add(step(Op::attach, {kRoot, wire::kNoTree}, {"/"}));
  // The user's first, ours over them: what a volume brings (or a link in the root leads to) cannot take the place of /proc,
  // /sys and /dev.
  for (const Mount& mount : in_order(all_mounts(spec, facts))) {
    if (!in_dev(mount)) place(draft, mount, AttachHow::create);
  }
  own_names(draft);
  draft.add(filesystem(kMount, "proc", {}, kNosuid | kNodev | kNoexec));
  attach(draft, kMount, "/proc", kRuntime);
  const std::uint64_t sys_flags = kNosuid | kNodev | kNoexec | (spec.privileged ? 0 : kReadOnly);
  if (draft.plan.user_namespace && spec.network == Network::host) {
    // A new sysfs shows a network namespace, and must own it; the host's is bound instead.
    draft.add(step(Op::tree, {kMount, TreeHow::recursive}, {"/sys"}));
    draft.add(step(Op::attributes, {kMount, sys_flags | kReadOnly, MS_PRIVATE | kRecursive}));
  } else {
    draft.add(filesystem(kMount, "sysfs", {}, sys_flags));
  }
  attach(draft, kMount, "/sys", kRuntime);
  // The container's group and those below, for programs that look at their limits. The namespace begins at it; without one of its
  // own it would show the supervisor's others.
  if (facts.cgroup2 && needs_group(spec)) {
    draft.add(filesystem(kMount, "cgroup2", {}, sys_flags));
    attach(draft, kMount, "/sys/fs/cgroup", AttachHow::no_links);
  }
  own_dev(draft);
  for (const Mount& mount : in_order(spec.mounts)) {
    if (in_dev(mount)) place(draft, mount, kRuntime);
  }
  draft.add(step(Op::pivot, {kRoot, facts.initramfs ? 1U : 0U}));
  // /dev/null as the caller's 0, 1 or 2 is the host's, whose mode fchmod(2) could change.
  draft.add(step(Op::renew, {kNodes[0].number}, {"/dev/null"}));
  // Fail closed: one procfs, ours. Unless a volume was asked for that brings another.
  const bool asked = std::ranges::any_of(spec.mounts, [&](const Mount& mount) {
    return mount.kind == Mount::Kind::bind &&
           std::ranges::any_of(facts.proc_mounts, [&](const std::string& m) { return lies_in(m, mount.source); });
  });
  if (!asked) draft.add(step(Op::only_proc));
  // Last, so that nothing uncovers them again, and after the check: these are parts of the procfs, mounted once more.
  if (!spec.privileged) cover_kernels_files(draft);
  if (spec.read_only) draft.add(step(Op::attributes, {kRoot, kReadOnly}));
  draft.add(step(Op::let_go));
  draft.add(step(Op::umask, {022}));  // docker's, whatever the caller has
}

void mount_on_host_root(Draft& draft) {
  const Spec& spec = draft.spec;
  // With a profile that is to confine, what /proc and /sys tell and take of the host is covered here as well.
  const bool covered = profile_of(spec) != Profile::seed && !spec.privileged;
  if (spec.mounts.empty() && !covered) return;
  draft.add(step(Op::tree, {kRoot, TreeHow::open}, {"/"}));
  if (covered && profile_of(spec) == Profile::strict) {
    // Landlock closes /dev by its place. A device node may be anywhere, in a chroot's own /dev or in somebody's home: it is of use
    // in /dev alone, of which this is taken before.
    draft.add(step(Op::tree, {kDev, TreeHow::recursive}, {"/dev"}));
    draft.add(step(Op::attributes, {kRoot, kNodev, kRecursive}));
    attach(draft, kDev, "/dev", 0);
  }
  for (const Mount& mount : in_order(spec.mounts)) place(draft, mount, mount.create ? AttachHow::create : 0);
  if (covered) {
    draft.add(step(Op::tree, {kMount, TreeHow::recursive}, {"/sys"}));
    draft.add(step(Op::attributes, {kMount, kReadOnly, MS_PRIVATE | kRecursive}));
    attach(draft, kMount, "/sys", 0);
    draft.add(step(Op::tree, {kNull, TreeHow::clone, kNodes[0].number}, {"/dev/null"}));
    draft.add(step(Op::attributes, {kNull, kReadOnly | kNosuid | kNoexec, MS_PRIVATE}));
    // Attached, so that it can be cloned for each file that it covers (Linux before 6.15).
    attach(draft, kNull, "/dev/null", 0);
    cover_kernels_files(draft);
  }
  draft.add(step(Op::let_go));
}

}  // namespace sup
