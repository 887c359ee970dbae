#include "sys/facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "spec/capabilities.h"
#include "spec/landlock.h"
#include "spec/mountinfo.h"
#include "spec/privileges.h"
#include "sys/mounttable.h"
#include "sys/procfs.h"
#include "sys/rootdir.h"
#include "sys/seccompfile.h"
#include "sys/usernamespace.h"

namespace sup {

std::string new_id() {
  std::uint8_t bytes[6];
  // Never short for so few bytes (random(7)); the clock is a stand-in only where the call itself is forbidden.
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::uint64_t mix =
        static_cast<std::uint64_t>(now.tv_nsec) * 0x9e3779b97f4a7c15U ^ static_cast<std::uint64_t>(::getpid()) << 20;
    for (auto& b : bytes) b = static_cast<std::uint8_t>(mix), mix >>= 8;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (const auto b : bytes) {
    id += kHex[b >> 4];
    id += kHex[b & 15];
  }
  return id;
}

int landlock_version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
  return version < 0 ? 0 : static_cast<int>(version);
}

namespace {

// All ids, each as itself: the first user namespace, or one that is as good.
bool whole_id_map() {
  const auto map = read_file("/proc/self/uid_map");
  if (!map) return true;
  std::vector<std::string_view> words;
  for (const auto word : split(*map, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words.size() == 3 && words[0] == "0" && words[1] == "0" && words[2] == "4294967295\n";
}

// Which mounts are locked (mount_namespaces(7)) no file tells, so it is tried, by a child in a mount namespace of its own.
// False also where nothing can be tried: then the start itself will say what is missing.
bool cannot_detach(std::vector<std::string> targets) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return false;
  const Fd answer(ends[0]);
  Fd say(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto remains = [&targets] {
      if (::unshare(CLONE_NEWNS) < 0 || ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0) return false;
      const Fd table(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
      targets.emplace_back("/proc");
      for (const auto& target : std::views::reverse(targets)) {
        for (int i = 0; i < 1024 && ::umount2(target.c_str(), MNT_DETACH) == 0; ++i) {
        }
      }
      std::string text;
      char piece[16384];
      for (ssize_t n = 0; (n = ::read(table.get(), piece, sizeof piece)) > 0;)
        text.append(piece, static_cast<std::size_t>(n));
      return !proc_mounts(text).empty();
    };
    const char result = remains() ? 'y' : 'n';
    ::_exit(::write(say.get(), &result, 1) == 1 ? 0 : 1);
  }
  if (child < 0) return false;
  say.reset();
  char result = 'n';
  while (::read(answer.get(), &result, 1) < 0 && errno == EINTR) {
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return result == 'y';
}

// Links are left out: where they lead is in the list by itself. What a volume makes (create) is in it as if it were there.
void look_at_top(const Spec& spec, Facts& facts) {
  const std::unique_ptr<DIR, int (*)(DIR*)> root(::opendir("/"), [](DIR* d) { return ::closedir(d); });
  while (const dirent* entry = root ? ::readdir(root.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == "dev") continue;
    struct stat st{};
    // Not asked of what is mounted there where it need not be: a disk far away may not answer.
    const bool unknown = entry->d_type == DT_UNKNOWN && ::lstat(("/" + name).c_str(), &st) == 0;
    if (entry->d_type == DT_DIR || (unknown && S_ISDIR(st.st_mode))) facts.top_directories.push_back("/" + name);
    if (entry->d_type == DT_REG || (unknown && S_ISREG(st.st_mode))) facts.top_files.push_back("/" + name);
  }
  for (const Mount& mount : spec.mounts) {
    const std::string top = mount.target.substr(0, mount.target.find('/', 1));
    struct stat st{};
    if (!mount.create || ::lstat(top.c_str(), &st) == 0) continue;
    // A source that is missing is made, as a directory.
    const bool file = top == mount.target && mount.kind == Mount::Kind::bind &&
                      ::stat(mount.source.c_str(), &st) == 0 && !S_ISDIR(st.st_mode);
    auto& list = file ? facts.top_files : facts.top_directories;
    if (std::ranges::find(list, top) == list.end()) list.push_back(top);
  }
  std::ranges::sort(facts.top_directories);
  std::ranges::sort(facts.top_files);
}

std::uint64_t bounding_set() {
  std::uint64_t set = 0;
  for (int number = 0; number < kCapabilities; ++number) {
    if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1) set |= std::uint64_t{1} << number;
  }
  return set;
}

// What differs from processor to processor is not in a list: who is throttled tells of the neighbours.
std::vector<std::string> thermal_throttles() {
  std::vector<std::string> found;
  for (unsigned cpu = 0;; ++cpu) {
    const std::string directory = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    if (::access(directory.c_str(), F_OK) < 0) return found;
    if (::access((directory + "/thermal_throttle").c_str(), F_OK) == 0)
      found.push_back(directory + "/thermal_throttle");
  }
}

// A text for a plan: up to the first NUL, which would end it there; empty where there is none, or too much.
std::string file_text(const std::string& path) {
  const auto text = read_file(path, 1U << 20);
  return text ? text->substr(0, text->find('\0')) : std::string();
}

// root: the container's; -1: the host's.
void look_below(const Spec& spec, int root, Facts& facts) {
  for (const Mount& mount : spec.mounts) {
    if (mount.kind != Mount::Kind::tmpfs) continue;
    struct stat st{};
    const bool there = root < 0 ? ::stat(mount.target.c_str(), &st) == 0 : stat_in_root(root, mount.target, st);
    if (there && S_ISDIR(st.st_mode)) facts.covered.push_back({mount.target, st.st_mode & 07777, st.st_uid, st.st_gid});
  }
}

// A directory of devices is fine too (/dev/snd), as in docker.
Result<void> look_at_devices(const Spec& spec) {
  for (const Mount& mount : spec.mounts) {
    if (mount.kind != Mount::Kind::device) continue;
    struct stat st{};
    const int err = ::stat(mount.source.c_str(), &st) < 0 ? errno : 0;
    if (err == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode))) continue;
    return std::unexpected(Error{.code = "E_MOUNT",
                                 .where = "--device",
                                 .what = printable(mount.source),
                                 .err = err,
                                 .why = err == 0 ? "is no device" : "",
                                 .hint = err == 0 ? "a file is a volume: -v" : "see: ls /dev",
                                 .path = mount.source,
                                 .stage = "mount"});
  }
  return {};
}

// As docker's --privileged has them (libcontainer's HostDevices), but a directory as one. What a root has of its own is left out,
// and what is no device: links, sockets, other file systems (hugepages).
std::vector<std::string> host_devices() {
  static constexpr auto kOwn = std::to_array<std::string_view>(
      {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "pts", "shm", "mqueue", "fd"});
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> dev(::opendir("/dev"), [](DIR* d) { return ::closedir(d); });
  struct stat here{};
  if (!dev || ::stat("/dev", &here) < 0) return found;
  while (const dirent* entry = ::readdir(dev.get())) {
    const std::string_view name = entry->d_name;
    struct stat st{};
    if (name.starts_with('.') || std::ranges::find(kOwn, name) != kOwn.end()) continue;
    if (::fstatat(::dirfd(dev.get()), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || (S_ISDIR(st.st_mode) && st.st_dev == here.st_dev))
      found.push_back("/dev/" + std::string(name));
  }
  std::ranges::sort(found);
  return found;
}

Result<void> look_at_root(const Spec& spec, Facts& facts) {
  auto root = open_root(spec.rootfs);
  if (!root) return std::unexpected(root.error());
  facts.rootfs = root->path;
  const auto mounts = read_file("/proc/self/mountinfo");
  bool v1 = false;
  for (const MountEntry& entry : parse_mountinfo(mounts ? *mounts : std::string())) {
    if (entry.target == "/" && entry.fstype == "rootfs") facts.initramfs = true;
    facts.cgroup2 = facts.cgroup2 || entry.fstype == "cgroup2";
    v1 = v1 || entry.fstype == "cgroup";
  }
  facts.cgroup2 = facts.cgroup2 && !v1;
  facts.shm = spec.ipc == "host" && ::access("/dev/shm", F_OK) == 0;
  facts.thermal_throttles = thermal_throttles();
  facts.kcore = ::access("/proc/kcore", F_OK) == 0;
  look_below(spec, root->fd.get(), facts);
  if (spec.privileged) facts.devices = host_devices();
  if (auto text = read_in_root(root->fd.get(), "etc/passwd")) facts.passwd = std::move(*text);
  if (auto text = read_in_root(root->fd.get(), "etc/group")) facts.group = std::move(*text);
  const bool outside = spec.network == Network::host || spec.network == Network::pasta;
  facts.resolv_conf = outside && ::access("/etc/resolv.conf", R_OK) == 0 &&
                      takes_file(root->fd.get(), "etc", "resolv.conf", spec.rootfs_overlay);
  facts.resolv_file =
      !spec.netns_resolv.empty() && takes_file(root->fd.get(), "etc", "resolv.conf", spec.rootfs_overlay);
  facts.hosts_file = takes_file(root->fd.get(), "etc", "hosts", spec.rootfs_overlay);
  facts.hostname_file = takes_file(root->fd.get(), "etc", "hostname", spec.rootfs_overlay);
  if (spec.network == Network::host) facts.hosts = file_text("/etc/hosts");
  if (utsname names{}; spec.uts == "host" && ::uname(&names) == 0) facts.nodename = names.nodename;
  return {};
}

Result<Facts> facts_of(const Spec& spec, std::vector<std::string> mounts, bool locked) {
  Facts facts;
  facts.uid = ::geteuid();
  facts.gid = ::getegid();
  facts.proc_mounts = std::move(mounts);
  facts.proc_locked = locked;
  const Privileges may = privileges(spec);
  if (may.filter == Privileges::Filter::given) {
    auto filter = compile_seccomp(spec.seccomp, may.kept());
    if (!filter) return std::unexpected(filter.error());
    facts.seccomp = std::move(*filter);
  }
  if (auto r = find_maps(spec, facts); !r) return std::unexpected(std::move(r.error()));
  if (profile_of(spec) == Profile::strict) {
    facts.landlock = landlock_version();
    if (spec.rootfs.empty() && facts.landlock >= kLandlockNeeded) look_at_top(spec, facts);
  }
  if (!spec.cap_add.empty()) facts.bounding = bounding_set();
  if (auto r = look_at_devices(spec); !r) return std::unexpected(std::move(r.error()));
  if (!spec.rootfs.empty()) {
    if (auto r = look_at_root(spec, facts); !r) return std::unexpected(r.error());
  } else if (profile_of(spec) != Profile::seed) {
    facts.thermal_throttles = thermal_throttles();
  }
  if (spec.rootfs.empty()) look_below(spec, -1, facts);
  if (spec.rootfs.empty() && (!spec.user.empty() || !spec.group_add.empty())) {
    // A missing file is an empty one: numeric users need neither.
    if (auto text = read_file("/etc/passwd")) facts.passwd = std::move(*text);
    if (auto text = read_file("/etc/group")) facts.group = std::move(*text);
  }
  return facts;
}

// A handler is gone after an execve(2); what is ignored stays so.
std::uint64_t default_signals() {
  std::uint64_t mask = 0;
  for (int signal = 1; signal <= 64; ++signal) {
    struct sigaction now{};
    // The C library keeps two for itself, and says nothing of them.
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) mask |= std::uint64_t{1} << (signal - 1);
  }
  return mask;
}

Result<void> look(World& world) {
  if (world.mounts && !world.mounts->changed()) return {};
  // Watched from before the look: what changes meanwhile is another change.
  world.mounts.reset();
  ++world.generation;
  auto watch = MountWatch::open();
  if (!watch) return std::unexpected(std::move(watch.error()));
  auto mounts = procfs_mounts();
  if (!mounts) return std::unexpected(std::move(mounts.error()));
  world.proc_mounts = std::move(*mounts);
  world.proc_locked = ::geteuid() == 0 && !whole_id_map() && cannot_detach(world.proc_mounts);
  world.default_signals = default_signals();
  world.mounts.emplace(std::move(*watch));
  return {};
}

}  // namespace

Result<Facts> gather(const Spec& spec, World& world) {
  if (auto looked = look(world); !looked) return std::unexpected(std::move(looked.error()));
  auto facts = facts_of(spec, world.proc_mounts, world.proc_locked);
  if (facts) facts->default_signals = world.default_signals;
  return facts;
}

Result<Facts> gather(const Spec& spec) {
  auto mounts = procfs_mounts();
  if (!mounts) return std::unexpected(std::move(mounts.error()));
  const bool locked = ::geteuid() == 0 && !whole_id_map() && cannot_detach(*mounts);
  auto facts = facts_of(spec, std::move(*mounts), locked);
  if (!facts) return facts;
  facts->id = new_id();
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) facts->environ.emplace_back(*e);
  char cwd[PATH_MAX];
  if (::getcwd(cwd, sizeof cwd) != nullptr && cwd[0] == '/') facts->cwd = cwd;
  return facts;
}

}  // namespace sup
