#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "spec/mountinfo.h"
#include "sys/cgrouplayout.h"
#include "sys/explain.h"

namespace sup {
namespace {

struct Kind {
  std::uint64_t flag;
  std::string_view name;       // as a person says it
  std::string_view limit;      // user.<limit>
  std::string_view file;       // in /proc/self/ns
};
constexpr std::array<Kind, 8> kKinds{{{CLONE_NEWUSER, "user", "max_user_namespaces", "user"},
                                      {CLONE_NEWPID, "pid", "max_pid_namespaces", "pid"},
                                      {CLONE_NEWNS, "mount", "max_mnt_namespaces", "mnt"},
                                      {CLONE_NEWNET, "network", "max_net_namespaces", "net"},
                                      {CLONE_NEWUTS, "uts", "max_uts_namespaces", "uts"},
                                      {CLONE_NEWIPC, "ipc", "max_ipc_namespaces", "ipc"},
                                      {CLONE_NEWCGROUP, "cgroup", "max_cgroup_namespaces", "cgroup"},
                                      {CLONE_NEWTIME, "time", "max_time_namespaces", "time"}}};

constexpr std::string_view kInDocker =
    "docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt "
    "apparmor=unconfined";

struct Reason {
  std::string code;
  std::string why;
  std::string hint;
};

class Inquiry {
 public:
  Inquiry(const SpawnAttempt& attempt, const KernelFiles& kernel) : a_(attempt), k_(kernel) {}

  [[nodiscard]] Error explain() const;

 private:
  [[nodiscard]] bool user_namespace() const { return (a_.clone_flags & CLONE_NEWUSER) != 0; }
  [[nodiscard]] Reason refused() const;
  [[nodiscard]] std::optional<Reason> userns_refused() const;
  [[nodiscard]] Reason limit() const;
  [[nodiscard]] Reason pids() const;
  [[nodiscard]] Reason unsupported() const;
  [[nodiscard]] Reason mount_refused() const;
  [[nodiscard]] Reason files() const;
  [[nodiscard]] Reason init_refused() const;
  [[nodiscard]] std::optional<std::uint64_t> own_tasks() const;

  const SpawnAttempt& a_;
  const KernelFiles& k_;
};

std::string count(std::int64_t n) { return std::to_string(n); }

std::optional<Reason> Inquiry::userns_refused() const {
  if (k_.sysctl("kernel.unprivileged_userns_clone") == 0) {
    return Reason{"E_USERNS_DENIED",
                  "kernel.unprivileged_userns_clone is 0, which forbids user namespaces to ordinary users",
                  "sysctl -w kernel.unprivileged_userns_clone=1"};
  }
  if (k_.sysctl("user.max_user_namespaces") == 0) {
    return Reason{"E_USERNS_DENIED", "user.max_user_namespaces is 0, which forbids user namespaces",
                  "sysctl -w user.max_user_namespaces=28633"};
  }
  if (k_.sysctl("kernel.apparmor_restrict_unprivileged_userns").value_or(0) != 0) {
    return Reason{
        "E_USERNS_DENIED",
        "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor forbids user namespaces to programs without a profile that allows them",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or install sup's AppArmor profile"};
  }
  return std::nullopt;
}

Reason Inquiry::refused() const {
  if (user_namespace() || a_.stage == "idmap") {
    if (auto reason = userns_refused()) return *reason;
    const char* const elsewhere =
        a_.uid == 0 ? "root needs none but for --userns" : "run it outside of the chroot, or as root";
    if (const auto mounts = k_.proc_text("self/mountinfo")) {
      const auto entries = parse_mountinfo(*mounts);
      if (!entries.empty() && std::ranges::none_of(entries, [](const MountEntry& e) { return e.target == "/"; })) {
        return {"E_USERNS_DENIED", "sup runs in a chroot, from where the kernel allows no user namespace", elsewhere};
      }
    }
    if (const auto map = k_.proc_text("self/uid_map"); map && trimmed(*map).empty()) {
      return {"E_USERNS_DENIED", "sup is in a user namespace that its own user is not mapped into",
              "map it: unshare --user --map-current-user"};
    }
    if (k_.filtered()) {
      return {"E_USERNS_DENIED", "a seccomp filter stands over sup, as an outer container's does, and forbids it",
              "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined"};
    }
    if (const std::string label = k_.security_label(); !label.empty()) {
      return {"E_USERNS_DENIED", "the security module confines sup to " + label, "dmesg | grep -i denied"};
    }
    return {"E_USERNS_DENIED", "user namespaces are forbidden here, as from within a chroot", elsewhere};
  }
  if (k_.has_capability(CAP_SYS_ADMIN) == false) {
    if (a_.uid != 0) return {"E_CLONE_PERM", "it needs CAP_SYS_ADMIN", "run sup as root"};
    std::string hint(kInDocker);
    hint += ", or run sup as an ordinary user";
    return {"E_CLONE_PERM", "sup runs as root, but without CAP_SYS_ADMIN, as in an outer container", std::move(hint)};
  }
  if (k_.filtered()) {
    return {"E_CLONE_PERM", "a seccomp filter stands over sup, as an outer container's does, and forbids it",
            "docker run --security-opt seccomp=unconfined"};
  }
  if (const std::string label = k_.security_label(); !label.empty()) {
    return {"E_CLONE_PERM", "the security module confines sup to " + label, "dmesg | grep -i denied"};
  }
  return {"E_CLONE_PERM", {}, "see: sup doctor"};
}

Reason Inquiry::limit() const {
  std::string_view least_name;
  std::int64_t least = -1;
  for (const Kind& kind : kKinds) {
    if ((a_.clone_flags & kind.flag) == 0) continue;
    const auto value = k_.sysctl("user." + std::string(kind.limit));
    if (!value || (least >= 0 && *value >= least)) continue;
    least = *value;
    least_name = kind.limit;
  }
  if (least < 0)
    return {"E_CLONE_LIMIT", "no more namespaces of this kind", "raise user.max_*_namespaces: sysctl user"};
  const std::string name = "user." + std::string(least_name);
  if (least == 0) {
    return {name == "user.max_user_namespaces" ? "E_USERNS_DENIED" : "E_CLONE_LIMIT",
            name + " is 0, which forbids them", "sysctl -w " + name + "=28633"};
  }
  // How many there are is nowhere to be read; the nesting depth neither, from inside.
  return {"E_CLONE_LIMIT", "no more namespaces: " + name + " is " + count(least) + ", and they nest at most 32 deep",
          "sysctl -w " + name + "=" + count(std::max<std::int64_t>(least * 2, 28633))};
}

// Tasks of this uid, as RLIMIT_NPROC counts them (threads, too). Nothing when /proc hides other processes.
std::optional<std::uint64_t> Inquiry::own_tasks() const { return tasks_of(k_, a_.uid); }

Reason Inquiry::pids() const {
  const CgroupLayout layout = cgroup_layout(k_);
  if (const auto full = full_pids_group(layout)) {
    return {"E_CLONE_PIDS",
            "the cgroup " + full->directory + " has " + count(full->current) + " of at most " + count(full->max) +
                " processes (pids.max)",
            "echo max > " + shell_quote(full->directory + "/pids.max") +
                ", or: systemctl set-property UNIT TasksMax=infinity"};
  }
  std::int64_t tasks = -1;   // the fourth field of loadavg: running/total
  if (const auto load = k_.proc_text("loadavg")) {
    const auto fields = split(*load, ' ');
    if (fields.size() > 3) {
      const auto slash = fields[3].find('/');
      if (slash != std::string_view::npos) tasks = to_number(fields[3].substr(slash + 1)).value_or(-1);
    }
  }
  for (const char* name : {"kernel.pid_max", "kernel.threads-max"}) {
    const auto most = k_.sysctl(name);
    // pid_max is a number below which pids lie; some hundreds at the bottom are never given twice.
    if (most && tasks >= 0 && tasks + 300 >= *most) {
      return {"E_CLONE_PIDS", "the machine has " + count(tasks) + " tasks, and " + name + " is " + count(*most),
              std::string("sysctl -w ") + name + "=" + count(std::min<std::int64_t>(*most * 2, 4'194'304))};
    }
  }
  // Root is not held to it, nor who has one of these two (copy_process).
  const bool exempt =
      a_.uid == 0 || k_.has_capability(CAP_SYS_RESOURCE) == true || k_.has_capability(CAP_SYS_ADMIN) == true;
  rlimit nproc{};
  if (!exempt && ::getrlimit(RLIMIT_NPROC, &nproc) == 0 && nproc.rlim_cur != RLIM_INFINITY) {
    const auto mine = own_tasks();
    if (mine && *mine >= nproc.rlim_cur) {
      return {"E_CLONE_PIDS",
              "uid " + std::to_string(a_.uid) + " has " + std::to_string(*mine) + " tasks and may have " +
                  std::to_string(nproc.rlim_cur) + " (RLIMIT_NPROC)",
              "ulimit -u unlimited, or raise nproc in /etc/security/limits.conf"};
    }
  }
  return {"E_CLONE_PIDS",
          "no more processes: one of pids.max, RLIMIT_NPROC, kernel.pid_max and kernel.threads-max is reached",
          "look at: ulimit -u; sysctl kernel.pid_max kernel.threads-max; cat /sys/fs/cgroup/pids.max"};
}

Reason Inquiry::unsupported() const {
  for (const Kind& kind : kKinds) {
    if ((a_.clone_flags & kind.flag) == 0) continue;
    const std::string path = k_.proc + "/self/ns/" + std::string(kind.file);
    if (::access((k_.proc + "/self/ns").c_str(), F_OK) == 0 &&
        ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
      return {"E_CLONE_UNSUPPORTED", "this kernel was built without " + std::string(kind.name) + " namespaces",
              "use a distribution's kernel"};
    }
  }
  if (a_.err == ENOSYS && k_.filtered()) {
    return {"E_CLONE_UNSUPPORTED", "a seccomp filter stands over sup, as an outer container's does, and hides the call",
            "docker run --security-opt seccomp=unconfined"};
  }
  return {"E_CLONE_UNSUPPORTED", "this kernel is too old or was built without it", "see: sup doctor"};
}

Reason Inquiry::mount_refused() const {
  if (a_.fstype == "proc") {
    // A new proc in a user namespace may show no more than the one that is there (mount_too_revealing).
    std::string covered;
    bool proc = false;
    if (const auto text = k_.proc_text("self/mountinfo")) {
      for (const MountEntry& entry : parse_mountinfo(*text)) {
        if (entry.target == "/proc" && entry.fstype == "proc") proc = true;
        if (covered.empty() && entry.target.starts_with("/proc/") && entry.fstype != "binfmt_misc" &&
            entry.fstype != "autofs")
          covered = entry.target;
      }
      if (a_.err == EPERM && !covered.empty()) {
        return {"E_MOUNT_PROC",
                "parts of /proc are covered by other mounts (" + covered +
                    "), as an outer container's are, and a new one would show them",
                "docker run --security-opt systempaths=unconfined, or podman run --security-opt unmask=ALL"};
      }
      if (a_.err == EPERM && !proc)
        return {"E_MOUNT_PROC", "no procfs is mounted on /proc here, and a new one would show more than there is",
                "mount -t proc proc /proc"};
    }
  }
  const std::string code = a_.fstype == "proc" ? "E_MOUNT_PROC" : "E_MOUNT";
  if (a_.uid != 0 && k_.sysctl("kernel.apparmor_restrict_unprivileged_userns").value_or(0) != 0) {
    if (auto reason = userns_refused()) return *reason;
  }
  if (const std::string label = k_.security_label(); !label.empty()) {
    return {code, "the security module confines sup to " + label + ", which forbids it",
            "docker run --security-opt apparmor=unconfined, or: dmesg | grep -i denied"};
  }
  if (k_.filtered()) {
    return {code, "a seccomp filter stands over sup, as an outer container's does, and forbids it",
            "docker run --security-opt seccomp=unconfined"};
  }
  if (a_.uid == 0 && k_.has_capability(CAP_SYS_ADMIN) == false) {
    return {code, "sup runs as root, but without CAP_SYS_ADMIN, as in an outer container", std::string(kInDocker)};
  }
  return {code, {}, "see: sup doctor"};
}

Reason Inquiry::files() const {
  if (a_.err == EMFILE) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    return {"E_FILES", "sup may have " + std::to_string(files.rlim_cur) + " open files (RLIMIT_NOFILE), and has them",
            files.rlim_cur < files.rlim_max ? "ulimit -n " + std::to_string(files.rlim_max)
                                            : "raise nofile in /etc/security/limits.conf"};
  }
  const auto most = k_.sysctl("fs.file-max");
  return {
      "E_FILES",
      "the machine has no more open files to give" + (most ? " (fs.file-max is " + count(*most) + ")" : std::string()),
      most && *most < (std::int64_t{1} << 40) ? "sysctl -w fs.file-max=" + count(*most * 2)
                                              : "look for the process that leaks them: lsof"};
}

// The exec of init itself, from a sealed memfd.
Reason Inquiry::init_refused() const {
  if (const auto policy = k_.sysctl("vm.memfd_noexec"); a_.err == EACCES && policy.value_or(0) != 0) {
    return {"E_INIT_EXEC", "vm.memfd_noexec is " + count(*policy) + ", which forbids programs in memory files",
            "sysctl -w vm.memfd_noexec=0"};
  }
  if (a_.err == ENOEXEC || a_.err == ENOENT)
    return {"E_INIT_EXEC", "sup's init was built for another machine", "install sup again"};
  if (const std::string label = k_.security_label(); !label.empty() && (a_.err == EACCES || a_.err == EPERM)) {
    return {"E_INIT_EXEC", "the security module confines sup to " + label + ", which forbids it",
            "dmesg | grep -i denied"};
  }
  return {"E_INIT_EXEC", {}, "see: sup doctor"};
}

Error Inquiry::explain() const {
  Reason r;
  // "namespace" is init's unshare(2), "unshare" that of a checkup.
  const bool clone = a_.stage == "clone" || a_.stage == "namespace" || a_.stage == "unshare" || a_.stage == "idmap";
  switch (a_.err) {
    case EPERM:
    case EACCES:
      if (clone) r = refused();
      if (a_.stage == "mount") r = mount_refused();
      if (a_.stage == "network" && k_.has_capability(CAP_NET_ADMIN) == false)
        r = {"E_NETWORK", "it takes CAP_NET_ADMIN, which sup has not got, as in an outer container",
             "docker run --cap-add NET_ADMIN for the outer one, or sup run --network host"};
      if (a_.stage == "limits")
        r = {"E_STEP", "it is more than the caller has, which takes CAP_SYS_RESOURCE or CAP_SYS_NICE",
             "ask for less, or run sup where root has them"};
      break;
    case EDQUOT:
      if (a_.stage == "keyring")
        r = {"E_STEP", "the user's keys are used up, and each container takes one",
             "sysctl -w kernel.keys.maxkeys=2000"};
      break;
    case ENOSPC:
    case EUSERS:   // nesting too deep, before Linux 4.9
      if (clone) r = limit();
      if (a_.stage == "mount") {
        r.code = "E_MOUNT";
        r.why = "no more mounts in one namespace";
        if (const auto most = k_.sysctl("fs.mount-max")) {
          r.why += ": fs.mount-max is " + count(*most);
          r.hint = "sysctl -w fs.mount-max=" + count(*most * 2);
        }
      }
      break;
    case EAGAIN:
      if (clone || a_.stage == "fork") r = pids();
      break;
    case ENOMEM:
      r = {clone ? "E_CLONE_MEMORY" : "E_STEP", "the kernel has no memory for it",
           "free some memory, or raise the cgroup's memory.max"};
      break;
    case EMFILE:
    case ENFILE: r = files(); break;
    case ENOSYS:
    case EINVAL:
      if (clone) r = unsupported();
      if (a_.err == EINVAL && a_.stage == "mount" && a_.target == "/")
        r = {"E_MOUNT", "the root is no mount point, as in a chroot",
             "mount --bind DIR DIR before the chroot into DIR"};
      break;
    default: break;
  }
  if (r.code.empty() && a_.stage == "exec") r = init_refused();
  if (r.code.empty())
    r.code = a_.stage == "mount" ? (a_.fstype == "proc" ? "E_MOUNT_PROC" : "E_MOUNT") : clone ? "E_CLONE" : "E_STEP";

  std::string what = a_.what;
  if (what.empty()) {
    if (a_.stage == "mount") {
      what = "cannot mount " + (a_.fstype.empty() ? std::string("it") : a_.fstype) +
             (a_.target.empty() ? "" : " on " + a_.target);
    } else if (a_.stage == "exec") {
      what = "cannot run init";
    } else if (a_.stage == "fds") {
      what = "cannot place descriptors";
    } else if (a_.stage == "idmap") {
      what = "cannot map the user into the user namespace";
    } else if (clone) {
      std::string kinds;
      for (const Kind& kind : kKinds) {
        if ((a_.clone_flags & kind.flag) != 0) kinds += (kinds.empty() ? "" : ", ") + std::string(kind.name);
      }
      what = kinds.empty() ? "cannot start a process" : "cannot make namespaces (" + kinds + ")";
    } else {
      what = "step " + a_.stage + " failed";
    }
  }
  std::string why = std::move(r.why);
  // The kernel's own word stays: it is what other tools print and what people search for.
  const char* name = strerrorname_np(a_.err);
  if (!why.empty() && name != nullptr) why = std::string(name) + ": " + why;
  return Error{.code = std::move(r.code),
               .where = a_.stage,
               .what = std::move(what),
               .err = a_.err,
               .why = std::move(why),
               .hint = std::move(r.hint),
               .path = a_.target,
               .status = 125,
               .stage = a_.stage};
}

}  // namespace

Error explain_spawn(const SpawnAttempt& attempt, const KernelFiles& kernel) {
  return Inquiry(attempt, kernel).explain();
}

}  // namespace sup
