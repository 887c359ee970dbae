#include "spec/plan_root_text.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "spec/plan_draft.h"

namespace sup {
namespace {

using wire::Op;

struct Name {
  std::uint64_t bit;
  std::string_view name;
};
constexpr std::array<Name, 5> kAttributes{
    {{1, "ro"}, {2, "nosuid"}, {4, "nodev"}, {8, "noexec"}, {0x20, "strictatime"}}};

void join(std::string& list, std::string_view word) {
  if (word.empty()) return;
  if (!list.empty()) list += ",";
  list += word;
}

std::string attributes(std::uint64_t bits) {
  std::string out;
  for (const Name& one : kAttributes) {
    if ((bits & one.bit) != 0) join(out, one.name);
  }
  return out;
}

std::string tree(std::uint64_t number) {
  static constexpr std::array<std::string_view, 7> kNames{
      "the new root",    "it", "the upper part", "the new /dev", "the new /dev/null", "the new /dev/pts",
      "the new /dev/shm"};
  return number < kNames.size() ? std::string(kNames[number]) : "tree " + std::to_string(number);
}

std::string paths(const Step& step) {
  std::string out;
  if (!step.lists.empty()) {
    for (const std::string& path : step.lists[0]) out += (out.empty() ? "" : " ") + shell_quote(path);
  }
  return out;
}

}  // namespace

std::string describe_root_step(const Step& step) {
  const auto& n = step.n;
  switch (step.op) {
    case Op::tree: {
      if ((n[1] & wire::TreeHow::given) != 0)
        return "take descriptor " + std::to_string(n[1] >> 8) + " as " + tree(n[0]);
      const std::string what = shell_quote(step.s[0]) + (n[2] != 0 ? " (the device " + std::to_string(n[2] >> 32) +
                                                                         ":" + std::to_string(n[2] & 0xffffffff) + ")"
                                                                   : "");
      if ((n[1] & wire::TreeHow::within) != 0) return "take " + what + " of " + tree(n[1] >> 8) + " as " + tree(n[0]);
      if ((n[1] & wire::TreeHow::elsewhere) != 0)
        return "take " + what + " of the mount namespace " + shell_quote(step.s[1]) + " as " + tree(n[0]);
      if ((n[1] & wire::TreeHow::open) != 0) return "open " + what;
      return "take " + what + ((n[1] & wire::TreeHow::recursive) != 0 ? " and all below it" : "") + " as " + tree(n[0]);
    }
    case Op::filesystem: {
      std::string options = attributes(n[1]);
      if (!step.lists.empty()) {
        for (const std::string& option : step.lists[0]) join(options, printable(option));
      }
      return "make " + shell_quote(step.s[0]) + " as " + tree(n[0]) + (options.empty() ? "" : " (" + options + ")");
    }
    case Op::attributes: {
      std::string what = attributes(n[1] & 0xffffffff);
      if ((n[2] & MS_PRIVATE) != 0) join(what, "private");
      if ((n[2] & MS_SLAVE) != 0) join(what, "slave");
      if (n[2] >> 32 != 0) join(what, "recursive");
      return "set on " + tree(n[0]) + ": " + what;
    }
    case Op::attach:
      if (n[1] == wire::kNoTree && step.s[0] != "/")
        return "put " + tree(n[0]) + " over the old " + shell_quote(step.s[0]);
      if (n[1] == wire::kNoTree) return "put " + tree(n[0]) + " over the old one";
      return "mount " + tree(n[0]) + " on " + shell_quote(step.s[0]) + " inside" +
             ((n[2] & wire::AttachHow::no_links) != 0 ? ", through no link" : "");
    case Op::make:
      if (!step.s[1].empty())
        return "in " + tree(n[0]) + ": link " + shell_quote(step.s[0]) + " to " + shell_quote(step.s[1]);
      return "in " + tree(n[0]) + ": directory " + shell_quote(step.s[0]);
    case Op::terminal:
      if (n[1] == wire::kNoTree)
        return std::string("take a terminal there for 0, 1 and 2") +
               (n[2] != wire::kNobody ? ", uid " + std::to_string(n[2]) + "'s" : "") +
               "; the supervisor gets its other end";
      return "take a terminal of " + tree(n[0]) + " for 0, 1 and 2 and as " + tree(n[1]) +
             (n[2] != wire::kNobody ? ", uid " + std::to_string(n[2]) + "'s" : "") +
             "; the supervisor gets its other end";
    case Op::file:
      return "in " + tree(n[0]) + ": file " + shell_quote(step.s[0]) + ", " + std::to_string(step.s[1].size()) +
             " bytes";
    case Op::mask: return "mask " + paths(step);
    case Op::readonly: return "make read-only: " + paths(step);
    case Op::pivot: return n[1] != 0 ? "chroot to the new root" : "pivot to the new root, let go of the old one";
    case Op::renew: return "open " + shell_quote(step.s[0]) + " anew where 0, 1 or 2 is the host's";
    case Op::let_go: return "let go of what the mounts were held by";
    default: return "nothing";
  }
}

RootFailure explain_root_step(const Step& step, int err) {
  switch (step.op) {
    case Op::tree:
      // An exec's look for the container's devpts (Op::terminal), in what the container has made of its root.
      if ((step.n[1] & wire::TreeHow::open) != 0 && (err == ENOENT || err == ENOTDIR) && step.s[0] == "/dev/pts")
        return {"the container has no devpts there any more", "run it without -t"};
      if ((step.n[1] & wire::TreeHow::elsewhere) != 0 && (err == ENOENT || err == ELOOP || err == ENOTDIR))
        return {"whose IPC namespace it is has none there", "leave --ipc out"};
      if (err == ENOENT)
        return {"it does not exist on the host", step.n[2] != 0 ? "" : "make it, or add the option create",
                step.n[2] == 0};
      if (err == ENODEV) return {"it is not that device on the host", "see: ls -l " + shell_quote(step.s[0])};
      if (err == EINVAL)
        return {"it has mounts below it that this user may not leave out", "leave bind-recursive=disabled out"};
      break;
    case Op::attach:
      if (err == ELOOP)
        return {"the root has a symbolic link there, and it is not followed", "put a directory in its place"};
      if (err == ENOENT) return {"there is no such place inside", "make it there, or add the option create", true};
      if (err == ENOTDIR || err == EINVAL)  // move_mount(2) has the latter for it
        return {"a directory goes onto a directory, a file onto a file", "name a place of the same kind"};
      if (err == EROFS) return {"the place is missing, and the file system there is read-only", "make it there first"};
      if (err == EACCES || err == EPERM)
        return {"the place is missing, and cannot be made there", "make it there first, or use --rootfs DIR:O"};
      break;
    case Op::filesystem:
      if (step.s[0] == "overlay" && err == EINVAL && !step.lists.empty() &&
          std::ranges::find(step.lists[0], "lowerdir=lower") != step.lists[0].end())
        return {"below an overlay this kernel maps no ids, or has no such file system there",
                "use Linux 5.19, or leave :O out"};
      if (step.s[0] == "overlay" && err == EINVAL)
        return {"the file system of the directory cannot be below an overlay", "see: dmesg | tail, or leave :O out"};
      if (step.s[0] == "overlay" && (err == ENOENT || err == ENOTDIR))
        return {"an overlay goes over a directory of the host's, and there is none", "make it, or name another"};
      if (step.s[0] == "overlay" && err == EPERM)
        return {"this kernel lets only root mount an overlay", "use Linux 5.11 or newer, or leave :O out"};
      if (step.s[0] == "sysfs" && err == EPERM)
        return {"parts of /sys are covered by other mounts, as an outer container's are, and a new one would show them",
                "use --network host, or give the outer container its whole /sys"};
      if (err == ENODEV) return {"this kernel was built without it", "use a distribution's kernel"};
      break;
    case Op::mask:
      if (err == ENODEV) return {"what shall cover files is not the device /dev/null", "see: ls -l /dev/null"};
      break;
    case Op::terminal:
      if (err == ENOSPC) return {"all pseudo-terminals are in use", "sysctl -w kernel.pty.max=8192"};
      if (err == ENODEV) return {"the container has no devpts there any more", "run it without -t"};
      break;
    case Op::only_proc:
      if (err == EEXIST)
        return {"the root or a volume brings another procfs, which would show what that one shows",
                "unmount it there, or name a directory without one"};
      break;
    case Op::readonly: break;
    case Op::pivot:
      if (err == EINVAL)
        return {"the root of this mount namespace cannot be exchanged", "see: findmnt -o TARGET,PROPAGATION /"};
      break;
    default: break;
  }
  return {};
}

const Mount* mount_of(const Spec& spec, const Plan& plan, std::size_t index) {
  const auto is_mounts = [](const Step& step) {
    switch (step.op) {
      case Op::tree:
      case Op::filesystem:
      case Op::attributes:
      case Op::make:
      case Op::attach: return step.n[0] == kMount || step.n[0] == kUpper;
      default: return false;
    }
  };
  // All of its steps lead up to the one that attaches it.
  for (; index < plan.steps.size() && is_mounts(plan.steps[index]); ++index) {
    const Step& step = plan.steps[index];
    if (step.op != Op::attach || step.n[0] != kMount || step.n[1] != kRoot) continue;
    const auto last = std::ranges::find(spec.mounts.rbegin(), spec.mounts.rend(), step.s[0], &Mount::target);
    return last == spec.mounts.rend() ? nullptr : &*last;
  }
  return nullptr;
}

std::string mount_failure(const Mount& mount, const Step& step, RootFailure& known) {
  if (known.creatable) {
    if (option_of(mount) == "--tmpfs")
      known.hint = "make it there, or write --mount type=tmpfs,dst=" + mount.target + ",create";
    if (option_of(mount) == "--device") known.hint = "make it there";
  }
  const bool taken = step.op == Op::tree || (step.op == Op::filesystem && !mount.source.empty());
  return shell_quote(taken ? mount.source : mount.target);
}

}  // namespace sup
