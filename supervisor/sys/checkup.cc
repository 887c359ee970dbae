#include "sys/checkup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "spec/landlock.h"
#include "sys/explain.h"
#include "sys/facts.h"
#include "sys/initimage.h"
#include "sys/pasta.h"
#include "sys/pty.h"
#include "sys/toolversion.h"
#include "sys/usernamespace.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U   // Linux 6.3
#endif

namespace sup {
namespace {

using Status = Finding::Status;

std::string number(std::int64_t n) { return std::to_string(n); }

std::string words(int err) {
  const char* text = strerrordesc_np(err);
  return text != nullptr ? text : "errno " + std::to_string(err);
}

// Without what to do, which a finding says by itself.
std::string seen(Error error) {
  error.hint.clear();
  return error.line();
}

// Runs `work` in a child of its own and returns what it returned: 0 or an errno. A child that is killed is EINTR.
template <typename Work>
int in_child(Work work) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // 0: the parent is outside of this pid namespace.
    if (::getppid() != parent && ::getppid() != 0) ::_exit(ESRCH);
    ::_exit(work() & 0xFF);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int write_once(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd) return errno;
  return ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

int map_self(uid_t uid, gid_t gid) {
  if (const int err = write_once("/proc/self/setgroups", "deny"); err != 0 && err != ENOENT) return err;
  if (const int err = write_once("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1"); err != 0) return err;
  return write_once("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

bool have_syscall(long number_of, long a, long b, long c) {
  return ::syscall(number_of, a, b, c) >= 0 || errno != ENOSYS;
}

Finding from_error(std::string name, const Error& error) {
  return {std::move(name), Status::fail, error.why.empty() ? words(error.err) : error.why, error.hint};
}

}  // namespace

Finding check_kernel(std::string_view release) {
  Finding f{"kernel", Status::ok, "Linux " + std::string(release), {}};
  // What sup cannot do without, asked for itself: distributions carry features back, and filters take them away.
  std::string missing;
  const auto need = [&missing](bool there, std::string_view name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  need(static_cast<bool>(self) || errno != ENOSYS, "pidfd_open (5.3)");
  need(!self || have_syscall(SYS_pidfd_send_signal, self.get(), 0, 0), "pidfd_send_signal (5.1)");
  need(have_syscall(SYS_close_range, ~0L, 0, ~0L), "close_range (5.9)");  // first > last: EINVAL, and nothing is closed
  const bool clone3 = have_syscall(SYS_clone3, 0, 0, 0);
  if (!missing.empty()) {
    f.status = Status::fail;
    f.seen += " without " + missing;
    f.fix = "install a kernel of 5.10 or later";
  } else if (!clone3) {
    f.status = Status::warn;
    f.seen += " without clone3 (an outer container's seccomp filter hides it); clone is used in its place";
    f.fix = "docker run --security-opt seccomp=unconfined";
  } else {
    f.seen += " with clone3, pidfd, close_range";
  }
  return f;
}

Finding check_userns_sysctls(const KernelFiles& kernel, uid_t uid) {
  Finding f{"userns.sysctl", Status::ok, {}, {}};
  const Status bad = uid == 0 ? Status::warn : Status::fail;  // root needs none, but its users do
  const auto most = kernel.sysctl("user.max_user_namespaces");
  const auto debian = kernel.sysctl("kernel.unprivileged_userns_clone");
  if (debian == 0) {
    f.status = bad;
    f.seen = "kernel.unprivileged_userns_clone is 0: ordinary users cannot run sup";
    f.fix = "sysctl -w kernel.unprivileged_userns_clone=1";
  } else if (most == 0) {
    f.status = bad;
    f.seen = "user.max_user_namespaces is 0: ordinary users cannot run sup";
    f.fix = "sysctl -w user.max_user_namespaces=28633";
  } else if (!most) {
    f.status = bad;
    f.seen = "user.max_user_namespaces does not exist: no user namespaces in this kernel, or no /proc";
    f.fix = "use a kernel with CONFIG_USER_NS";
  } else {
    f.seen = "user.max_user_namespaces is " + number(*most);
    if (debian) f.seen += ", kernel.unprivileged_userns_clone is " + number(*debian);
  }
  return f;
}

Finding check_apparmor(const KernelFiles& kernel, uid_t uid) {
  Finding f{"apparmor", Status::ok, "not enabled", {}};
  const auto enabled = kernel.sys_text("module/apparmor/parameters/enabled");
  if (!enabled || !enabled->starts_with('Y')) return f;
  f.seen = "enabled";
  const std::string label = kernel.security_label();
  f.seen += label.empty() ? ", sup is unconfined" : ", sup is confined to " + label;
  if (kernel.sysctl("kernel.apparmor_restrict_unprivileged_userns").value_or(0) != 0) {
    f.seen +=
        "; user namespaces only for programs whose profile allows them (kernel.apparmor_restrict_unprivileged_userns is 1)";
    // A profile of our own with "userns," is the good way; under one the real check below tells.
    f.status = label.empty() && uid != 0 ? Status::warn : Status::ok;
    if (f.status != Status::ok)
      f.fix = "install sup's AppArmor profile, or: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  }
  return f;
}

Finding check_lsm(const KernelFiles& kernel) {
  const auto text = kernel.sys_text("kernel/security/lsm");
  if (!text || trimmed(*text).empty()) return {"lsm", Status::ok, "not told (securityfs is not mounted)", {}};
  return {"lsm", Status::ok, std::string(trimmed(*text)), {}};
}

Finding check_landlock(long version) {
  if (version >= kLandlockNeeded) return {"landlock", Status::ok, "version " + number(version), {}};
  return {"landlock", Status::warn,
          version > 0 ? "version " + number(version) + " is too old: --profile strict does without it"
                      : "not there: --profile strict does without it",
          "boot Linux 5.19 or newer with landlock in lsm="};
}

Finding check_seccomp(const KernelFiles& kernel) {
  if (!kernel.filtered()) return {"seccomp", Status::ok, "no filter stands over sup", {}};
  return {"seccomp", Status::warn, "a filter stands over sup, as an outer container's does; calls may be refused",
          "docker run --security-opt seccomp=unconfined"};
}

std::vector<Finding> check_namespaces(const KernelFiles& kernel, uid_t uid) {
  struct Kind {
    const char* name;
    int flag;
    bool needed;
  };
  constexpr std::array<Kind, 7> kKinds{{{"user", CLONE_NEWUSER, false},
                                        {"mnt", CLONE_NEWNS, true},
                                        {"pid", CLONE_NEWPID, true},
                                        {"net", CLONE_NEWNET, true},
                                        {"uts", CLONE_NEWUTS, true},
                                        {"ipc", CLONE_NEWIPC, true},
                                        {"cgroup", CLONE_NEWCGROUP, false}}};
  std::vector<Finding> findings;
  const gid_t gid = ::getegid();
  for (const Kind& kind : kKinds) {
    const std::string name = std::string("namespace.") + kind.name;
    const bool user = kind.flag == CLONE_NEWUSER;
    // As `sup run` will do it: root makes it as it is, anybody else in a user namespace of their own.
    const int flags = uid == 0 ? kind.flag : kind.flag | CLONE_NEWUSER;
    std::string stage = "unshare";
    int err = in_child([flags] { return ::unshare(flags) < 0 ? errno : 0; });
    if (err == 0 && user) {
      stage = "idmap";
      err = in_child([=] { return ::unshare(flags) < 0 ? errno : map_self(uid, gid); });
    }
    if (err == 0) {
      findings.push_back({name, Status::ok, "can be made", {}});
      continue;
    }
    const Error error = explain_spawn({.stage = stage,
                                       .err = err,
                                       .clone_flags = static_cast<unsigned>(flags),
                                       .uid = uid,
                                       .what = {},
                                       .fstype = {},
                                       .target = {}},
                                      kernel);
    Finding f = from_error(name, error);
    if (!kind.needed && (uid == 0 || !user)) f.status = Status::warn;
    findings.push_back(std::move(f));
  }
  return findings;
}

Finding check_proc_mount(const KernelFiles& kernel, uid_t uid) {
  const gid_t gid = ::getegid();
  // Exit statuses that are no errno: it failed before the mount, as another finding says; at the root, which must be one.
  constexpr int kBefore = 200, kRoot = 201;
  const int err = in_child([=] {
    const int flags = CLONE_NEWNS | CLONE_NEWPID | (uid == 0 ? 0 : CLONE_NEWUSER);
    if (::unshare(flags) < 0 || (uid != 0 && map_self(uid, gid) != 0)) return kBefore;
    // Nothing of what follows may reach the host's mounts.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0) return errno == EINVAL ? kRoot : kBefore;
    return in_child(
        [] { return ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0 ? errno : 0; });
  });
  if (err == 0) return {"proc", Status::ok, "a new one can be mounted in new namespaces", {}};
  if (err == kBefore)
    return {"proc", Status::fail, "not tried: the namespaces could not be made", "mend the namespaces first"};
  const bool root = err == kRoot;
  return from_error("proc", explain_spawn({.stage = "mount",
                                           .err = root ? EINVAL : err,
                                           .clone_flags = CLONE_NEWNS | CLONE_NEWPID,
                                           .uid = uid,
                                           .what = {},
                                           .fstype = root ? "" : "proc",
                                           .target = root ? "/" : "/proc"},
                                          kernel));
}

Finding check_cgroups(const CgroupLayout& layout) {
  Finding f{"cgroup", Status::ok, {}, {}};
  const auto list = [](const std::vector<std::string>& names) {
    std::string out;
    for (const auto& n : names) out += (out.empty() ? "" : " ") + n;
    return out.empty() ? std::string("none") : out;
  };
  std::vector<std::string> v1;
  for (const auto& h : layout.v1) {
    for (const auto& c : h.controllers) {
      if (!c.starts_with("name=")) v1.push_back(c);
    }
  }
  switch (layout.mode) {
    case CgroupLayout::Mode::none:
      f.status = Status::warn;
      f.seen = "no control groups are mounted: no limits, and stopping relies on the pid namespace alone";
      f.fix = "mount -t cgroup2 none /sys/fs/cgroup";
      break;
    case CgroupLayout::Mode::v1: f.seen = "v1, controllers " + list(v1); break;
    case CgroupLayout::Mode::v2:
      f.seen = "v2 on " + layout.v2_mount + ", controllers " + list(layout.v2_controllers);
      break;
    case CgroupLayout::Mode::hybrid:
      f.seen = "hybrid: v2 on " + layout.v2_mount + " (controllers " + list(layout.v2_controllers) +
               "), v1 controllers " + list(v1);
      break;
  }
  return f;
}

Finding check_delegation(const CgroupLayout& layout, uid_t uid) {
  Finding f{"cgroup.delegation", Status::ok, {}, {}};
  std::string own = layout.v2_own;
  if (own.empty()) {
    const auto* pids = layout.v1_with("pids");
    if (pids != nullptr) own = pids->own;
  }
  if (own.empty()) {
    f.status = Status::warn;
    f.seen = "sup's own group cannot be reached, so it can make none below";
    f.fix = layout.mode == CgroupLayout::Mode::none ? "mount -t cgroup2 none /sys/fs/cgroup"
                                                    : "run sup outside of the container, or with --cgroupns=host";
    return f;
  }
  const std::string group = own + "/sup-doctor-" + std::to_string(::getpid());
  if (::mkdir(group.c_str(), 0755) == 0) {
    ::rmdir(group.c_str());
    f.seen = "groups can be made below " + own;
    return f;
  }
  const int err = errno;
  f.status = Status::warn;  // `sup run` without limits needs none
  f.seen = "no group can be made below " + own + ": " + words(err);
  f.fix = err == EROFS ? "mount -o remount,rw " + shell_quote(layout.v2_mount.empty() ? own : layout.v2_mount)
          : uid == 0   ? "run sup outside of the container, or with --cgroupns=host"
                       : "systemd-run --user --scope -p Delegate=yes sup run COMMAND";
  return f;
}

Finding check_pty(const KernelFiles& kernel) {
  Finding f{"pty", Status::ok, {}, {}};
  const auto most = kernel.sysctl("kernel.pty.max");
  const auto used = kernel.sysctl("kernel.pty.nr");
  const auto pty = open_pty(winsize{24, 80, 0, 0}, false, static_cast<uid_t>(-1));
  if (!pty) {
    f.status = Status::fail;
    f.seen = seen(pty.error());
    const int err = pty.error().err;
    f.fix = err == ENOSPC                    ? "sysctl -w kernel.pty.max=" + number(most.value_or(4096) * 2)
            : err == ENOENT || err == ENODEV ? "mount -t devpts -o ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts"
                                             : "chmod 666 /dev/ptmx /dev/pts/ptmx";
    return f;
  }
  f.seen = "can be opened";
  if (most && used) {
    f.seen += ", " + number(*used) + " of " + number(*most) + " in use";
    if (*used * 10 >= *most * 9) {
      f.status = Status::warn;
      f.fix = "sysctl -w kernel.pty.max=" + number(*most * 2);
    }
  }
  return f;
}

Finding check_nofile(unsigned long soft, unsigned long hard) {
  const auto text = [](unsigned long n) { return n == RLIM_INFINITY ? std::string("unlimited") : std::to_string(n); };
  Finding f{"nofile", Status::ok, "soft " + text(soft) + ", hard " + text(hard), {}};
  constexpr unsigned long kFew = 64;  // one run needs some thirty
  constexpr unsigned long kEnough = 1024;
  if (soft < kFew) {
    f.status = Status::fail;
    f.fix = "ulimit -n " + text(std::min(hard, kEnough));
  } else if (soft < kEnough) {
    f.status = Status::warn;
    f.fix = "ulimit -n " + text(std::min(hard, kEnough));
  }
  if (f.status != Status::ok && hard <= soft) f.fix = "raise nofile in /etc/security/limits.conf";
  return f;
}

Finding check_memfd(const KernelFiles& kernel) {
  Finding f{"memfd", Status::ok, {}, {}};
  const auto policy = kernel.sysctl("vm.memfd_noexec");
  f.seen = policy ? "vm.memfd_noexec is " + number(*policy) : "vm.memfd_noexec does not exist (before Linux 6.3)";
  Fd fd(::memfd_create("sup-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
  if (!fd && errno == EINVAL) fd.reset(::memfd_create("sup-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const int err = fd ? 0 : errno;
  if (err != 0 || policy.value_or(0) >= 2) {
    f.status = Status::fail;
    f.seen += ": init cannot be run from its sealed copy" + (err != 0 ? " (" + words(err) + ")" : std::string());
    f.fix = "sysctl -w vm.memfd_noexec=1";
  }
  return f;
}

Finding check_init_file(const std::string& path, std::string_view version) {
  Finding f{"init", Status::ok, path, {}};
  const auto bad = [&f](std::string why, std::string fix) {
    f.status = Status::fail;
    f.seen += " " + std::move(why);
    f.fix = std::move(fix);
    return f;
  };
  struct stat st{};
  if (::stat(path.c_str(), &st) < 0) return bad("cannot be looked at: " + words(errno), "install sup again");
  if (!S_ISREG(st.st_mode)) return bad("is no file", "install sup again");
  struct stat self{};
  const bool own =
      st.st_uid == 0 || st.st_uid == ::geteuid() || (::stat("/proc/self/exe", &self) == 0 && st.st_uid == self.st_uid);
  if (!own) return bad("belongs to uid " + std::to_string(st.st_uid), "chown root " + shell_quote(path));
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return bad("may be written by others", "chmod go-w " + shell_quote(path));
  if (::access(path.c_str(), X_OK) < 0) return bad("is not executable", "chmod 755 " + shell_quote(path));
  const auto line = tool_version(path);
  if (!line)
    return bad("does not say its version: " + (line.error().why.empty() ? words(line.error().err) : line.error().why),
               "install sup again");
  const std::string found = version_word(*line);
  if (found != version)
    return bad("is of version " + found + ", sup of " + std::string(version),
               "install sup again: both come from one package");
  f.seen += ", version " + found;
  return f;
}

Finding check_yama(const KernelFiles& kernel) {
  const auto scope = kernel.sysctl("kernel.yama.ptrace_scope");
  if (!scope) return {"yama", Status::ok, "not there: debuggers may attach to one's own processes", {}};
  if (*scope >= 2) {
    return {"yama", Status::warn,
            "kernel.yama.ptrace_scope is " + number(*scope) + ": strace and gdb work for root at most",
            *scope == 2 ? "sysctl -w kernel.yama.ptrace_scope=1" : "it cannot be lowered before the next boot"};
  }
  return {"yama", Status::ok, "kernel.yama.ptrace_scope is " + number(*scope), {}};
}

Finding check_binfmt(const KernelFiles& kernel) {
  Finding f{"binfmt", Status::ok, {}, {}};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir((kernel.proc + "/sys/fs/binfmt_misc").c_str()),
                                                      [](DIR* d) { return ::closedir(d); });
  std::string names;
  int count = 0;
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.starts_with('.') || name == "register" || name == "status") continue;
    if (++count <= 6) names += (names.empty() ? "" : " ") + std::string(name);
  }
  f.seen = count == 0 ? "no handlers for programs of other machines"
                      : number(count) + " handlers: " + names + (count > 6 ? " …" : "");
  return f;
}

Finding check_ranges(const std::optional<Error>& missing, bool helpers) {
  if (missing) {
    std::string fix = missing->hint;
    if (constexpr std::string_view kAsRoot = "as root: "; fix.starts_with(kAsRoot)) fix.erase(0, kAsRoot.size());
    return {"userns.ranges", Status::warn, "no ids for --userns auto: " + missing->what + " " + missing->why, fix};
  }
  if (!helpers)
    return {"userns.ranges", Status::warn, "no ids for --userns auto: newuidmap and newgidmap are not there",
            "apt-get install uidmap"};
  return {"userns.ranges", Status::ok, "ids are set aside for --userns auto", {}};
}

Finding check_way_out(bool there) {
  if (there) return {"pasta", Status::ok, "there, for --network pasta and -p", {}};
  return {"pasta", Status::warn, "not there: no --network pasta, no -p", "apt-get install passt"};
}

Finding check_runtime_dir(std::string_view runtime, std::string_view xdg, uid_t uid) {
  Finding f{"runtime", Status::ok, {}, {}};
  std::string path(runtime);
  if (path.empty() && uid == 0) path = "/run/sup";
  if (path.empty() && !xdg.empty()) path = std::string(xdg) + "/sup";
  // Only the verbs that look for other supervisors need it; a foreground run does not.
  if (path.empty()) {
    f.status = Status::warn;
    f.seen = "neither SUP_RUNTIME_DIR nor XDG_RUNTIME_DIR is set: no place for control sockets";
    f.fix = "export XDG_RUNTIME_DIR=/run/user/" + std::to_string(uid);
    return f;
  }
  f.seen = path;
  struct stat st{};
  if (::stat(path.c_str(), &st) == 0) {
    if (!S_ISDIR(st.st_mode)) {
      f.status = Status::warn;
      f.seen += " is no directory";
      f.fix = "rm " + shell_quote(path);
    } else if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) < 0) {
      f.status = Status::warn;
      f.seen += " cannot be written to: " + words(errno);
      f.fix = "chown " + std::to_string(uid) + " " + shell_quote(path) + " && chmod 700 " + shell_quote(path);
    } else {
      f.seen += " can be written to";
    }
    return f;
  }
  const auto slash = path.rfind('/');
  const std::string above = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  if (::faccessat(AT_FDCWD, above.c_str(), W_OK | X_OK, AT_EACCESS) < 0) {
    f.status = Status::warn;
    f.seen += " does not exist, and cannot be made in " + above + ": " + words(errno);
    f.fix = "install -d -m 700 -o " + std::to_string(uid) + " " + shell_quote(path);
  } else {
    f.seen += " will be made when it is needed";
  }
  return f;
}

std::vector<Finding> checkup(std::string_view version) {
  const KernelFiles kernel;
  const uid_t uid = ::geteuid();
  std::vector<Finding> findings;
  utsname names{};
  ::uname(&names);
  findings.push_back(check_kernel(names.release));
  for (Finding& f : check_namespaces(kernel, uid)) findings.push_back(std::move(f));
  findings.push_back(check_proc_mount(kernel, uid));
  findings.push_back(check_userns_sysctls(kernel, uid));
  findings.push_back(check_lsm(kernel));
  findings.push_back(check_apparmor(kernel, uid));
  findings.push_back(check_landlock(landlock_version()));
  findings.push_back(check_seccomp(kernel));
  findings.push_back(check_yama(kernel));
  const CgroupLayout layout = cgroup_layout(kernel);
  findings.push_back(check_cgroups(layout));
  findings.push_back(check_delegation(layout, uid));
  findings.push_back(check_pty(kernel));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  findings.push_back(check_nofile(files.rlim_cur, files.rlim_max));
  if (const auto init = find_init()) {
    findings.push_back(check_init_file(*init, version));
  } else {
    findings.push_back({"init", Status::fail, seen(init.error()), init.error().hint});
  }
  findings.push_back(check_memfd(kernel));
  findings.push_back(check_binfmt(kernel));
  Spec ranges;
  ranges.userns = "auto";
  Facts maps;
  maps.uid = uid;
  maps.gid = ::getegid();
  const auto found = find_maps(ranges, maps);
  const bool helpers =
      uid == 0 || (::access("/usr/bin/newuidmap", X_OK) == 0 && ::access("/usr/bin/newgidmap", X_OK) == 0);
  findings.push_back(check_ranges(found ? std::nullopt : std::optional(found.error()), helpers));
  findings.push_back(check_way_out(!find_pasta().empty()));
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  findings.push_back(check_runtime_dir(variable("SUP_RUNTIME_DIR"), variable("XDG_RUNTIME_DIR"), uid));
  return findings;
}

}  // namespace sup
