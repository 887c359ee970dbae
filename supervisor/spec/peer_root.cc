#include "spec/peer_root.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "spec/limits.h"
#include "spec/mount.h"
#include "spec/names.h"
#include "spec/path.h"
#include "spec/plan_draft.h"
#include "spec/privileges.h"

namespace sup {
namespace {

using Words = std::vector<std::string>;

std::string in_words(const Mount& mount) {
  return mount.kind == Mount::Kind::overlay ? "an overlay of " + mount.source : std::string(option_of(mount));
}

Result<void> cannot_say(std::string_view who, const std::string& what, std::string hint) {
  return usage("plan", std::string(who) + " cannot say " + what, std::move(hint));
}

bool in_dev(const Mount& mount) { return lies_in(mount.target, "/dev"); }

// Parents before what lies in them, as sup mounts them.
std::vector<Mount> in_order(const Spec& spec, const Facts& facts, bool dev) {
  std::vector<Mount> out;
  std::ranges::copy_if(all_mounts(spec, facts), std::back_inserter(out),
                       [dev](const Mount& mount) { return in_dev(mount) == dev; });
  std::ranges::stable_sort(out, {}, [](const Mount& mount) { return std::ranges::count(mount.target, '/'); });
  return out;
}

void bwrap_mount(const Mount& mount, const Facts& facts, Words& words, Words& notes) {
  const auto lost = [&](bool used, std::string_view what) {
    if (used) notes.push_back("bwrap has nothing like " + std::string(what) + " for " + mount.target + ".");
  };
  const auto add = [&words](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  const std::string source = join_path(facts.cwd, mount.source);
  if (mount.kind == Mount::Kind::tmpfs) {
    for (const std::string& option : tmpfs_options(mount, facts, false)) {
      if (option.starts_with("mode=")) add({"--perms", option.substr(5)});
    }
    for (const std::string& option : mount.options) {
      if (option.starts_with("mode=")) continue;
      const auto bytes =
          option.starts_with("size=") ? parse_size(option.substr(5), "size") : Result<std::int64_t>(std::unexpect);
      if (bytes) {
        add({"--size", std::to_string(*bytes)});
      } else {
        lost(true, option);
      }
    }
    add({"--tmpfs", mount.target});
    if (mount.read_only) add({"--remount-ro", mount.target});
    lost(mount.noexec, "noexec");
    return;
  }
  if (mount.kind == Mount::Kind::device) {
    add({"--dev-bind", source, mount.target});
    return;
  }
  add({mount.read_only ? "--ro-bind" : "--bind", source, mount.target});
  lost(mount.noexec, "noexec");
  lost(!mount.recursive, "a bind without what is mounted below");
  lost(mount.propagation == Mount::Propagation::slave, "rslave");
  lost(mount.create, "create");
}

OciMount oci_mount(const Mount& mount, const Facts& facts, bool nodev) {
  OciMount out{to_utf8(mount.target), "bind", to_utf8(join_path(facts.cwd, mount.source)), {}};
  const auto flag = [&out](bool set, const char* word) {
    if (set) out.options.emplace_back(word);
  };
  switch (mount.kind) {
    case Mount::Kind::tmpfs:
      out.type = out.source = "tmpfs";
      for (const std::string& option : tmpfs_options(mount, facts, facts.uid == 0 && facts.uids.empty()))
        out.options.push_back(to_utf8(option));
      break;
    case Mount::Kind::device: out.options = {"bind", "private", "ro", "nosuid", "noexec"}; return out;
    case Mount::Kind::bind:
    case Mount::Kind::overlay:
      out.options = {mount.recursive ? "rbind" : "bind",
                     mount.propagation == Mount::Propagation::slave ? "rslave" : "rprivate"};
      break;
  }
  flag(mount.read_only, "ro");
  flag(mount.nosuid, "nosuid");
  flag(mount.nodev || (nodev && mount.kind == Mount::Kind::bind), "nodev");
  flag(mount.noexec, "noexec");
  return out;
}

void name_notes(const Spec& spec, const Facts& facts, Words& notes) {
  for (const NameFile& file : name_files(spec, facts))
    notes.push_back(file.path + " is the root's own there; sup puts one of the container's in its place.");
}

}  // namespace

Result<void> can_say_root(const Spec& spec, Peer peer) {
  const auto overlay = std::ranges::find(spec.mounts, Mount::Kind::overlay, &Mount::kind);
  switch (peer) {
    case Peer::unshare: {
      const std::string hint = "try --as bwrap or --as oci";
      if (!spec.rootfs.empty()) return cannot_say("unshare", "--rootfs", hint);
      if (!spec.mounts.empty()) return cannot_say("unshare", in_words(spec.mounts.front()), hint);
      return {};
    }
    case Peer::bwrap:
      if (spec.rootfs_overlay)
        return cannot_say("bwrap", "--rootfs DIR:O", "leave :O out, or mount the overlay before");
      if (overlay != spec.mounts.end()) return cannot_say("bwrap", in_words(*overlay), "mount the overlay before");
      return {};
    case Peer::oci:
      if (spec.rootfs_overlay)
        return cannot_say("the runtime spec", "--rootfs DIR:O", "leave :O out, or mount the overlay before");
      if (overlay != spec.mounts.end())
        return cannot_say("the runtime spec", in_words(*overlay), "mount the overlay before");
      return {};
    case Peer::docker:
      if (overlay != spec.mounts.end())
        return cannot_say("docker", in_words(*overlay), "make it a volume of the overlay driver");
      return {};
  }
  return {};
}

void bwrap_root(const Spec& spec, const Facts& facts, Words& words, Words& notes) {
  const auto add = [&words](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  if (spec.rootfs.empty()) {
    add({"--dev-bind", "/", "/", "--proc", "/proc"});
    for (const bool dev : {false, true}) {
      for (const Mount& mount : in_order(spec, facts, dev)) bwrap_mount(mount, facts, words, notes);
    }
    if (!spec.mounts.empty())
      notes.push_back("bwrap makes a target that is missing, on the host's root; sup does so only with create.");
    return;
  }
  add({"--bind", facts.rootfs, "/"});
  for (const Mount& mount : in_order(spec, facts, false)) bwrap_mount(mount, facts, words, notes);
  add({"--proc", "/proc", spec.privileged ? "--bind" : "--ro-bind", "/sys", "/sys", "--dev", "/dev", "--mqueue",
       "/dev/mqueue"});
  add({"--perms", "1777", "--size", std::to_string(spec.shm_size), "--tmpfs", "/dev/shm"});
  for (const std::string& path : facts.devices) add({"--dev-bind", path, path});
  for (const Mount& mount : in_order(spec, facts, true)) bwrap_mount(mount, facts, words, notes);
  if (spec.read_only) add({"--remount-ro", "/"});
  name_notes(spec, facts, notes);
  notes.push_back("bwrap shows the host's /sys, and covers nothing in /proc (kcore, keys, timer_list …).");
}

void docker_root(const Spec& spec, const Facts& facts, Words& words, Words& notes) {
  const auto add = [&words](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  if (spec.read_only) add({"--read-only"});
  if (!spec.rootfs.empty() && spec.shm_size != Spec{}.shm_size) add({"--shm-size", std::to_string(spec.shm_size)});
  for (const Mount& mount : spec.mounts) {
    const std::string source = join_path(facts.cwd, mount.source);
    if (mount.kind == Mount::Kind::device) {
      add({"--device", source + ":" + mount.target + ":rwm"});
      continue;
    }
    if (mount.kind == Mount::Kind::tmpfs) {
      std::string options;
      const auto word = [&options](bool used, std::string_view text) {
        if (used) options.append(options.empty() ? ":" : ",").append(text);
      };
      word(mount.read_only, "ro");
      word(!mount.nosuid, "suid");
      word(!mount.nodev, "dev");
      word(!mount.noexec, "exec");
      for (const std::string& option : mount.options) word(true, option);
      add({"--tmpfs", mount.target + options});
      continue;
    }
    if (mount.nosuid || mount.nodev || mount.noexec)
      notes.push_back("docker has nothing like nosuid, nodev and noexec for " + mount.target + ".");
    const bool colon = source.find(':') != std::string::npos || mount.target.find(':') != std::string::npos;
    if (mount.create && mount.recursive && !colon) {
      std::string options = mount.read_only ? ":ro" : "";
      if (mount.propagation == Mount::Propagation::slave) options += options.empty() ? ":rslave" : ",rslave";
      add({"--volume", source + ":" + mount.target + options});
      continue;
    }
    if (mount.create) notes.push_back("docker's long form makes no source: make " + source + " before.");
    Mount said = mount;
    said.source = source;
    said.nosuid = said.nodev = said.noexec = said.create = false;
    add({"--mount", to_string(said)});
  }
}

std::vector<OciMount> oci_mounts(const Spec& spec, const Facts& facts, Words& notes, bool& bytes_lost) {
  const bool rooted = !spec.rootfs.empty();
  const bool opens = spec.privileged && facts.uid == 0 && facts.uids.empty();
  std::vector<OciMount> out;
  const auto users = [&](bool dev) {
    for (const Mount& mount : in_order(spec, facts, dev)) {
      bytes_lost = bytes_lost || !is_utf8(mount.source) || !is_utf8(mount.target);
      if (mount.create) notes.push_back("The runtime spec makes no source: make " + to_utf8(mount.source) + " before.");
      out.push_back(oci_mount(mount, facts, rooted && !opens));
    }
  };
  if (!rooted) {
    // The host's own /dev, as in sup. Without this bind runtimes make nodes and links in the root's /dev, which is
    // the host's: crun 1.8 replaces /dev/ptmx.
    out.push_back({"/dev", "bind", "/dev", {"rbind"}});
    out.push_back({"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}});
    users(false);
    users(true);
    if (profile_of(spec) != Profile::seed && !spec.privileged) out.push_back({"/sys", "bind", "/sys", {"rbind", "ro"}});
    if (!spec.mounts.empty())
      notes.push_back("A runtime makes a target that is missing, on the host's root; sup does so only with create.");
    return out;
  }
  users(false);
  out.push_back({"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}});
  if (facts.uid != 0 && spec.network == Network::host) {
    // A new sysfs needs a network namespace of the user namespace's own.
    out.push_back({"/sys", "bind", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}});
  } else {
    out.push_back({"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev"}});
    if (!spec.privileged) out.back().options.push_back("ro");
  }
  out.push_back({"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=64m"}});
  out.push_back({"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}});
  if (facts.uid == 0) out.back().options.push_back("gid=5");
  out.push_back({"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}});
  out.push_back({"/dev/shm", "tmpfs", "tmpfs", {"nosuid", "noexec", "nodev", "mode=1777"}});
  out.back().options.push_back("size=" + std::to_string(spec.shm_size));
  for (const std::string& path : facts.devices)
    out.push_back({path, "bind", path, {"rbind", "ro", "nosuid", "noexec"}});
  users(true);
  name_notes(spec, facts, notes);
  if (!opens) notes.push_back("A runtime's root can have device nodes that work; sup's is nodev.");
  return out;
}

}  // namespace sup
