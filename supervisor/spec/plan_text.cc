#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <bit>
#include <csignal>

#include "base/text.h"
#include "spec/capabilities.h"
#include "spec/plan.h"
#include "spec/plan_root_text.h"
#include "spec/landlock.h"
#include "spec/priorities.h"
#include "spec/signals.h"

namespace sup {
namespace {

using wire::Op;

struct Flag {
  std::uint64_t bit;
  std::string_view name;
};

constexpr std::string_view kOomFile = "/proc/self/oom_score_adj";

constexpr std::array kMountFlags = std::to_array<Flag>({
    {MS_RDONLY, "ro"},
    {MS_NOSUID, "nosuid"},
    {MS_NODEV, "nodev"},
    {MS_NOEXEC, "noexec"},
    {MS_REMOUNT, "remount"},
    {MS_NOATIME, "noatime"},
    {MS_NODIRATIME, "nodiratime"},
    {MS_BIND, "bind"},
    {MS_MOVE, "move"},
    {MS_REC, "rec"},
    {MS_UNBINDABLE, "unbindable"},
    {MS_PRIVATE, "private"},
    {MS_SLAVE, "slave"},
    {MS_SHARED, "shared"},
    {MS_RELATIME, "relatime"},
    {MS_STRICTATIME, "strictatime"},
});

constexpr std::array kNamespaces = std::to_array<Flag>({
    {CLONE_NEWUSER, "user"},
    {CLONE_NEWNS, "mnt"},
    {CLONE_NEWPID, "pid"},
    {CLONE_NEWUTS, "uts"},
    {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWNET, "net"},
    {CLONE_NEWCGROUP, "cgroup"},
});

std::string names(std::uint64_t bits, const auto& table, std::string_view separator) {
  std::string out;
  for (const Flag& flag : table) {
    if ((bits & flag.bit) == 0) continue;
    if (!out.empty()) out += separator;
    out += flag.name;
    bits &= ~flag.bit;
  }
  if (bits != 0) {
    if (!out.empty()) out += separator;
    out += "+";
    out += std::to_string(bits);
  }
  return out;
}

std::string describe_mount(const Step& step) {
  constexpr std::uint64_t kPropagation = MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE;
  const std::string target = shell_quote(step.s[1]);
  std::string flags = names(step.n[0], kMountFlags, ",");
  if ((step.n[0] & kPropagation) != 0) return "make " + target + " " + flags;
  if (!step.s[3].empty()) flags += (flags.empty() ? "" : ",") + printable(step.s[3]);
  return "mount " + shell_quote(step.s[2].empty() ? step.s[0] : step.s[2]) + " on " + target +
         (flags.empty() ? "" : " (" + flags + ")");
}

// By name; what has none yet is told as "and newer".
std::string describe_capabilities(std::uint64_t mask) {
  std::string out;
  if (mask >> kCapabilities == ~std::uint64_t{0} >> kCapabilities) {
    return describe_capabilities(mask & ~(mask >> kCapabilities << kCapabilities)) + ",and newer";
  }
  for (int number = 0; number < 64; ++number) {
    if (((mask >> number) & 1U) == 0) continue;
    out += (out.empty() ? "" : ",") + capability_name(number).substr(4);
  }
  return out;
}

// Of 64 bits nearly all is no list that helps anybody: from here on it is told by what stands in the step before.
std::string describe_kept(std::uint64_t mask) {
  if (mask == ~std::uint64_t{0}) return "every capability";
  if (std::popcount(mask) > 32) return "every capability that is not dropped";
  return describe_capabilities(mask);
}

std::string describe_caps(const Step& step) {
  if (step.n[0] == 0) return "keep no capability";
  std::string out = "keep " + describe_kept(step.n[0]);
  if (step.n[1] != step.n[0]) out += ", in effect " + describe_kept(step.n[1]);
  return out + (step.n[2] == 0 ? ", none ambient" : ", ambient " + describe_kept(step.n[2]));
}

// The calls that plans are made of, in words.
struct Call {
  std::string text;
  std::string_view code;
  std::string_view stage;
};
Call call_of(const Step& step) {
  const auto number = [&step](std::size_t i) { return std::to_string(static_cast<std::int64_t>(step.n[i])); };
  if (step.flags == SYS_prctl && step.n[0] == PR_SET_NO_NEW_PRIVS)
    return {"gain no privileges by exec any more", "E_NO_NEW_PRIVS", "no-new-privs"};
  if (step.flags == SYS_prctl && step.n[0] == PR_SET_KEEPCAPS)
    return {"keep the capabilities when the ids change", "E_CAPABILITIES", "capabilities"};
  if (step.flags == SYS_prctl && step.n[0] == PR_SET_CHILD_SUBREAPER)
    return {"be whom orphans come to", "E_FORK", "fork"};
  if (step.flags == SYS_setpriority) return {"set the nice value to " + number(2), "E_LIMIT", "limits"};
  if (step.flags == SYS_ioprio_set)
    return {"set the disks' priority to " + ionice_text(static_cast<int>(step.n[2])), "E_LIMIT", "limits"};
  return {
      "call system call " + std::to_string(step.flags) + " (" + number(0) + ", " + number(1) + ", " + number(2) + ")",
      "E_CALL", "call"};
}

std::string describe_exec(const Step& step) {
  if (step.lists.size() != 3) return "exec nothing";
  const std::vector<std::string>& paths = step.lists[0];
  std::string out = "exec " + shell_join(step.lists[1]) + " as ";
  if (paths.empty()) {
    out += "no file at all";
  } else {
    out += shell_quote(paths.front());
    if (paths.size() == 2) out += ", else " + shell_quote(paths.back());
    if (paths.size() > 2)
      out += ", else … " + shell_quote(paths.back()) + " (" + std::to_string(paths.size()) + " tries)";
  }
  const std::size_t variables = step.lists[2].size();
  out += ", with " + std::to_string(variables) + (variables == 1 ? " variable" : " variables");
  if (step.n[0] != 0) out += "; PATH entries left out as too long: " + std::to_string(step.n[0]);
  return out;
}

std::string describe_wait(const Step& step) {
  switch (static_cast<wire::WaitFor>(step.n[0])) {
    case wire::WaitFor::cgroup: return "wait for the cgroup";
    case wire::WaitFor::idmap: return "wait for the id maps";
    case wire::WaitFor::park: return "wait for a command";
    case wire::WaitFor::start: return "wait for the start";
    case wire::WaitFor::network: return "wait for the network: " + step.s[0];
    case wire::WaitFor::none: break;
  }
  return "wait for the supervisor";
}

}   // namespace

std::string describe_namespaces(std::uint64_t clone_flags) { return names(clone_flags, kNamespaces, ","); }

std::string describe(const Step& step) {
  switch (step.op) {
    case Op::none: break;
    case Op::mount: return describe_mount(step);
    case Op::umount_stack: return "unmount everything on " + shell_quote(step.s[0]);
    case Op::only_proc: return "check that /proc is the only procfs";
    case Op::cover: return "cover " + shell_quote(step.s[0]) + ", another procfs, with nothing";
    case Op::hostname: return "set the host name to " + shell_quote(step.s[0]);
    case Op::link_up: return "bring " + shell_quote(step.s[0]) + " up";
    case Op::unshare: return "enter new namespaces: " + describe_namespaces(step.n[0]);
    case Op::write_file: return "write " + shell_quote(step.s[1]) + " to " + shell_quote(step.s[0]);
    case Op::rlimit: return "limit " + to_string(Ulimit{static_cast<int>(step.n[0]), step.n[1], step.n[2]});
    case Op::enter: return "enter the " + describe_namespaces(step.n[0]) + " namespace " + shell_quote(step.s[0]);
    case Op::capbset_drop: return "drop from the bounding set: " + describe_capabilities(step.n[0]);
    case Op::caps: return describe_caps(step);
    case Op::call: return call_of(step).text;
    case Op::seccomp: return "filter the system calls: " + std::to_string(step.n[0]) + " instructions";
    case Op::keyring: return "take a new session keyring";
    case Op::ruleset: {
      const std::string scopes = landlock_scopes(step.n[2]);
      return "Landlock closes " + landlock_rights(step.n[1]) +
             (scopes.empty() ? "" : ", and to those outside " + scopes);
    }
    case Op::allow: {
      std::string paths;
      for (const auto& list : step.lists) {
        for (const std::string& path : list) paths += " " + shell_quote(path);
      }
      return "Landlock opens " + landlock_rights(step.n[1]) + " below" + paths;
    }
    case Op::enforce: return "be bound by Landlock";
    case Op::groups: {
      std::string out;
      for (const std::uint32_t gid : step.numbers) out += (out.empty() ? "" : ",") + std::to_string(gid);
      return "set the groups to " + (out.empty() ? "none" : out);
    }
    case Op::ids: return "become uid " + std::to_string(step.n[0]) + ", gid " + std::to_string(step.n[1]);
    case Op::umask: {
      std::string octal;
      for (const int shift : {9, 6, 3, 0}) octal += static_cast<char>('0' + ((step.n[0] >> shift) & 7));
      return "set the umask to " + octal;
    }
    case Op::workdir: return "change to " + shell_quote(step.s[0]);
    case Op::setsid: return "start a session";
    case Op::ctty: return "make descriptor " + std::to_string(step.n[0]) + " the controlling terminal";
    case Op::pdeathsig: return "die with the supervisor (" + signal_name(static_cast<int>(step.n[0])) + ")";
    case Op::stay: return step.n[0] != 0 ? "stay as its guard, go on in a child" : "stay as PID 1, go on in a child";
    case Op::close_from: return "close descriptors from " + std::to_string(step.n[0]) + " up";
    case Op::signals_default: return "set every signal to its default";
    case Op::unblock: return "let signals in";
    case Op::wait: return describe_wait(step);
    case Op::tree:
    case Op::filesystem:
    case Op::attributes:
    case Op::attach:
    case Op::make:
    case Op::mask:
    case Op::readonly:
    case Op::pivot:
    case Op::renew:
    case Op::let_go:
    case Op::file:
    case Op::terminal: return describe_root_step(step);
    case Op::exec: return describe_exec(step);
    case Op::join: return "join the container's namespaces: " + describe_namespaces(step.n[0]);
  }
  return "nothing";
}

std::string_view failure_code(const Step& step) {
  switch (step.op) {
    case Op::none: break;
    case Op::mount:
    case Op::umount_stack: return "E_MOUNT";
    case Op::cover:
    case Op::only_proc: return "E_PROC";
    case Op::hostname: return "E_HOSTNAME";
    case Op::link_up: return "E_NETWORK";
    case Op::unshare: return "E_NAMESPACE";
    case Op::write_file: return step.s[0] == kOomFile ? "E_LIMIT" : "E_IDMAP";
    case Op::enter: return "E_NAMESPACE";
    case Op::rlimit: return "E_LIMIT";
    case Op::capbset_drop:
    case Op::caps: return "E_CAPABILITIES";
    case Op::call: return call_of(step).code;
    case Op::seccomp: return "E_SECCOMP";
    case Op::keyring: return "E_KEYRING";
    case Op::ruleset:
    case Op::allow:
    case Op::enforce: return "E_LANDLOCK";
    case Op::groups:
    case Op::ids: return "E_USER";
    case Op::umask: return "E_UMASK";
    case Op::workdir: return "E_WORKDIR";
    case Op::setsid: return "E_SESSION";
    case Op::ctty: return "E_TTY";
    case Op::terminal: return "E_PTY";
    case Op::pdeathsig: return "E_SUPERVISOR_GONE";
    case Op::stay: return "E_FORK";
    case Op::close_from: return "E_FDS";
    case Op::signals_default:
    case Op::unblock: return "E_SIGNALS";
    case Op::wait: return "E_SYNC";
    case Op::tree:
    case Op::filesystem:
    case Op::attributes:
    case Op::attach: return "E_MOUNT";
    case Op::make:
    case Op::mask:
    case Op::readonly:
    case Op::pivot:
    case Op::renew:
    case Op::let_go:
    case Op::file: return "E_ROOTFS";
    case Op::exec: return "E_EXEC";
    case Op::join: return "E_JOIN";
  }
  return "E_PLAN";
}

std::string_view stage(const Step& step) {
  switch (step.op) {
    case Op::none: break;
    case Op::mount:
    case Op::umount_stack: return "mount";
    case Op::cover:
    case Op::only_proc: return "proc";
    case Op::hostname: return "hostname";
    case Op::link_up: return "network";
    case Op::unshare: return "namespace";
    case Op::write_file: return step.s[0] == kOomFile ? "limits" : "idmap";
    case Op::enter: return "join";
    case Op::rlimit: return "limits";
    case Op::capbset_drop:
    case Op::caps: return "capabilities";
    case Op::call: return call_of(step).stage;
    case Op::seccomp: return "seccomp";
    case Op::keyring: return "keyring";
    case Op::ruleset:
    case Op::allow:
    case Op::enforce: return "landlock";
    case Op::groups: return "group";
    case Op::ids: return "user";
    case Op::umask: return "umask";
    case Op::workdir: return "chdir";
    case Op::setsid: return "setsid";
    case Op::terminal:
    case Op::ctty: return "tty";
    case Op::pdeathsig: return "pdeathsig";
    case Op::stay: return "fork";
    case Op::close_from: return "fds";
    case Op::signals_default:
    case Op::unblock: return "signals";
    case Op::wait: return "sync";
    case Op::tree:
    case Op::filesystem:
    case Op::attributes:
    case Op::attach: return "mount";
    case Op::make:
    case Op::mask:
    case Op::readonly:
    case Op::pivot:
    case Op::renew:
    case Op::let_go:
    case Op::file: return "rootfs";
    case Op::exec: return "exec";
    case Op::join: return "join";
  }
  return "plan";
}

}   // namespace sup
