// Facts: what the compiler of plans must know about the world, gathered once by
// sys/facts.cc so that compile() itself stays pure.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/idmap.h"
#include "spec/seccomp.h"

namespace sup {

struct Facts {
  std::string id;                         // the container's id, 12 hex digits
  uid_t uid = 0;                          // effective, of the caller
  gid_t gid = 0;
  std::vector<std::string> environ;       // the caller's, "K=V", bytes as given
  std::string cwd;                        // absolute; empty when the caller's directory is gone
  std::uint64_t default_signals = 0;  // bit N-1: signal N is not ignored by who makes the process; 0: nobody has looked
  std::vector<std::string> proc_mounts;  // mount points of every procfs, as mountinfo lists them
  bool proc_locked = false;  // root in a user namespace who cannot detach the procfs he inherited
  std::string rootfs;  // with --rootfs: its directory, links resolved
  bool initramfs = false;  // the host's root is the kernel's first one, which pivot_root(2) cannot move
  bool cgroup2 = false;  // cgroup v2 is mounted, and v1 nowhere; with --rootfs
  bool shm = false;  // the host has a /dev/shm; with --rootfs and --ipc host
  bool kcore = true;  // the kernel has a /proc/kcore, for /dev/core to lead to; with --rootfs
  // What of the host's /dev a privileged root has besides what it has anyway: device nodes, and directories of such. Paths.
  std::vector<std::string> devices;
  // A directory on which a tmpfs is to go, as it is now.
  struct Covered {
    std::string target;
    unsigned mode = 0;  // the twelve bits
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
  };
  std::vector<Covered> covered;
  std::vector<std::string>
      thermal_throttles;  // /sys/devices/system/cpu/cpuN/thermal_throttle, those there are; with --rootfs
  bool resolv_conf = false;  // the host has a resolver that the network leads to, and the root a place for its file
  bool resolv_file = false;  // the root has a place for it; only looked at where Spec::netns_resolv is to go there
  bool hosts_file = false;  // the root has a place for /etc/hosts
  bool hostname_file = false;  // and for /etc/hostname
  std::string hosts;  // text of the host's /etc/hosts; only read where the network is the host's
  std::string nodename;  // the host's name; only where that is the container's too
  std::string passwd;  // text of the root's /etc/passwd; only read when -u needs it
  Filter seccomp;  // from spec.seccomp, where that is a profile's text
  int landlock = 0;  // version of the kernel's Landlock; 0: none, or not asked for
  std::vector<std::string> top_directories;  // of the host's root, without /dev; where Landlock has to name them
  std::vector<std::string> top_files;
  std::optional<std::uint64_t> bounding;  // capabilities the caller can pass on; only read when --cap-add names some
  IdMap uids;  // of the user namespace, where --userns asks for more than one id; else empty
  IdMap gids;
  std::string group;  // text of the root's /etc/group; likewise
};

}  // namespace sup
