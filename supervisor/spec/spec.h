// Spec: what the user asked for, as a value. Made by the command line (later also by
// the control protocol and service files), read by check() and compile().
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/limits.h"
#include "spec/mount.h"
#include "spec/priorities.h"
#include "spec/publish.h"
#include "spec/restart.h"

namespace sup {

// One -e or one line of an --env-file, in the order given.
struct EnvEntry {
  std::string key;
  std::optional<std::string> value;   // none: take the caller's, if it has one
  bool operator==(const EnvEntry&) const = default;
};

// none: a fresh network namespace with lo up; join: that of Spec::netns; pasta: a fresh one, whose way out is a pasta(1).
enum class Network : std::uint8_t { none, host, join, pasta };

// What a command may do where nothing more is said: all but what no namespace contains; docker's capabilities and system
// calls; or nothing beyond what every program may.
enum class Profile : std::uint8_t { seed, docker, strict };

// Spec::seccomp where it is not a filter's text.
inline constexpr const char* kSeccompUnconfined = "unconfined";
inline constexpr const char* kSeccompBuiltin = "builtin";

struct Spec {
  std::vector<std::string> argv;  // the command and its arguments, bytes as given
  std::string name;  // empty: none, the id stands for it
  std::vector<std::string>
      labels;  // "KEY=VALUE", each key once, by which a user finds it again; sup reads nothing into them
  bool tty = false;  // -t
  bool interactive = false;  // -i
  std::vector<EnvEntry> env;
  bool clear_env = false;  // start from nothing instead of the caller's environment
  std::string workdir;  // empty: the caller's directory
  std::string hostname;  // empty: the id
  std::string user;  // empty: the caller; else U or U:G, names or numbers
  std::vector<std::string> group_add;  // groups besides, names or numbers
  bool init = false;  // keep init as PID 1
  int stop_signal = 15;
  std::chrono::milliseconds stop_timeout{10'000};
  bool sig_proxy = true;
  std::optional<std::string> detach_keys;  // docker's grammar; "" is none; absent: the verb's default
  std::optional<std::chrono::milliseconds> timeout;
  int status_fd = -1;
  std::string pidfile;
  std::string cidfile;
  int preserve_fds = 0;  // descriptors 3 … 3+N-1 are passed on
  Network network = Network::none;
  std::string netns;  // with Network::join: the namespace's path
  std::string netns_hosts;  // and whose it is: the text of their /etc/hosts (sys/peernames.h); empty: nobody's
  std::string netns_resolv;  // of their /etc/resolv.conf, likewise
  std::vector<Publish> publish;  // with Network::pasta
  std::string ipc;  // empty: its own; "host"; else the namespace's path
  std::string uts;  // likewise
  std::string pid;  // likewise
  std::string userns;  // as spec/idmap.h reads it
  bool privileged = false;  // keep the capabilities that namespaces cannot contain
  std::optional<Profile> profile;  // absent: seed on the host's root, docker in one of its own
  std::vector<std::string> cap_add;  // names of capabilities, or ALL
  std::vector<std::string> cap_drop;
  std::optional<bool> no_new_privs;  // absent: the profile's
  std::string seccomp;  // empty: the profile's; a word of the two above; else a profile's text, OCI's JSON
  std::vector<Ulimit> ulimits;
  std::optional<int> oom_score_adj;  // -1000 to 1000; absent, here and below: the caller's
  std::optional<int> nice;  // -20 to 19
  std::optional<int> ionice;  // as ioprio_set(2) takes it
  bool rm = true;  // gone at exit (foreground's default); --keep: false
  std::string record;  // asciicast file; empty: off
  std::string rootfs;  // a root of its own, absolute; empty: the host's
  bool rootfs_overlay = false;  // what is written to it is thrown away at the end
  bool read_only = false;  // its root is
  std::vector<Mount> mounts;  // -v, --mount, --tmpfs, --device
  std::uint64_t shm_size = 64U << 20;  // bytes of /dev/shm in a root of its own
  RestartPolicy restart;  // under a supervisor: whether it is started again
  Limits limits;  // of memory, processors, processes and disks
  bool operator==(const Spec&) const = default;
};

// Whether init stays as the command's parent, and reports its end.
[[nodiscard]] inline bool init_stays(const Spec& spec) { return spec.init || !spec.pid.empty(); }
// Whether it has a control group from its start on: limits are set on it, and what shares a pid namespace is ended by it.
[[nodiscard]] inline bool needs_group(const Spec& spec) { return spec.limits.any() || !spec.pid.empty(); }

// "/proc/PID" of a path "/proc/PID/ns/…", which is what container:ID becomes; else empty.
[[nodiscard]] inline std::string_view process_of(std::string_view path) {
  constexpr std::string_view kProc = "/proc/";
  const auto end =
      path.starts_with(kProc) ? path.find_first_not_of("0123456789", kProc.size()) : std::string_view::npos;
  if (end == std::string_view::npos || end == kProc.size() || !path.substr(end).starts_with("/ns/")) return {};
  return path.substr(0, end);
}

}  // namespace sup
