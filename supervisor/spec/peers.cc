#include "spec/peers.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "spec/capabilities.h"
#include "spec/env.h"
#include "spec/idmap.h"
#include "spec/landlock.h"
#include "spec/path.h"
#include "spec/peer_root.h"
#include "spec/plan_draft.h"
#include "spec/privileges.h"
#include "spec/signals.h"
#include "spec/user.h"

namespace sup {
namespace {

using Words = std::vector<std::string>;

void add(Words& words, std::initializer_list<std::string> more) { words.insert(words.end(), more); }

// What every peer's rendering starts from: the spec with its defaults filled in.
struct Run {
  const Spec& spec;
  const Facts& facts;
  bool root;                  // the caller is
  bool rooted;                // the command has a root of its own
  bool clear;                 // nothing of the caller's environment is kept
  std::optional<User> user;   // with -u
  std::uint32_t uid;          // the command's
  std::uint32_t gid;
  std::string hostname;
  std::string cwd;
  Words environment;   // the command's, complete
  Words env_set;       // what of it is not already in the caller's
  Words env_unset;     // names the caller has and the command has not
};

std::string key_of(std::string_view entry) { return std::string(entry.substr(0, entry.find('='))); }

Result<Run> prepare(const Spec& spec, const Facts& facts) {
  const bool rooted = !spec.rootfs.empty();
  Run run{spec, facts, facts.uid == 0, rooted, rooted || spec.clear_env, std::nullopt, facts.uid, facts.gid, {}, {}, {},
          {},   {}};
  std::optional<std::string> home;
  const std::string own = spec.userns == kUsernsKeepId ? std::to_string(facts.uid) + ":" + std::to_string(facts.gid)
                          : rooted                     ? "0"
                                                       : std::to_string(facts.uid);
  if (rooted || !spec.user.empty() || !spec.group_add.empty()) {
    auto user = resolve_user(spec.user.empty() ? own : spec.user, spec.group_add, facts.passwd, facts.group);
    if (!user) return std::unexpected(std::move(user.error()));
    run.uid = user->uid;
    run.gid = user->gid;
    home = user->home;
    run.user = std::move(*user);
  }
  run.hostname = spec.hostname.empty() ? facts.id : spec.hostname;
  const std::string from = rooted ? "/" : facts.cwd;
  run.cwd = spec.workdir.empty() ? from : join_path(from, spec.workdir);
  run.environment = build_environment(spec, facts.environ, home, rooted ? run.hostname : std::string());
  for (const std::string& entry : run.environment) {
    const std::string key = key_of(entry);
    const auto before = env_value(facts.environ, key);
    if (run.clear || !before || key.size() + 1 + before->size() != entry.size() || !entry.ends_with(*before)) {
      run.env_set.push_back(entry);
    }
  }
  if (!run.clear) {
    for (const std::string& entry : facts.environ) {
      const std::string key = key_of(entry);
      if (!env_value(run.environment, key) && std::ranges::find(run.env_unset, key) == run.env_unset.end()) {
        run.env_unset.push_back(key);
      }
    }
  }
  return run;
}

std::string seconds(std::chrono::milliseconds time) {
  // docker counts whole seconds; rounded up, so that nothing gets less time than it was given.
  return std::to_string((time.count() + 999) / 1000);
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// What none of the peers has.
void common_notes(const Run& run, std::string_view peer, std::vector<std::string>& notes) {
  const std::string who(peer);
  const auto lost = [&](bool used, std::string_view option) {
    if (used) notes.push_back(who + " has nothing like " + std::string(option) + ".");
  };
  lost(run.spec.timeout.has_value(), "--timeout");
  lost(!run.spec.record.empty(), "--record");
  lost(run.spec.status_fd >= 0, "--status-fd");
  lost(landlock(run.spec, run.facts).handled != 0, "Landlock, which binds --profile strict");
}

// On the host's root, where it is to confine, what /proc and /sys tell and take of the host is covered.
bool covers_host(const Run& run) {
  return !run.rooted && profile_of(run.spec) != Profile::seed && !run.spec.privileged;
}

// And what the two tools have not that do their work and then only wait.
void tool_notes(const Run& run, std::string_view peer, std::vector<std::string>& notes) {
  const std::string who(peer);
  notes.push_back(who +
                  " hands the caller's own descriptors in, its terminal among them: with dev.tty.legacy_tiocsti=1 the "
                  "command can type into the caller's shell. sup gives a pty of its own or pipes.");
  if (run.spec.tty) notes.push_back(who + " makes no pty for -t.");
  if (run.spec.preserve_fds == 0) {
    notes.push_back("Open descriptors above 2 reach the command; sup closes them.");
  } else {
    notes.push_back("Every open descriptor reaches the command, not only the first " +
                    std::to_string(run.spec.preserve_fds) + " after 2.");
  }
  notes.push_back("Signals sent to " + who + " are not passed on, and ignored ones stay ignored in the command.");
  const auto lost = [&](bool used, std::string_view option) {
    if (used) notes.push_back(who + " has nothing like " + std::string(option) + ".");
  };
  lost(!run.spec.pidfile.empty(), "--pidfile");
  lost(!run.spec.cidfile.empty(), "--cidfile");
  lost(!run.spec.name.empty(), "--name");
  lost(!run.spec.labels.empty(), "--label");
  lost(run.spec.detach_keys.has_value() && !run.spec.detach_keys->empty(), "--detach-keys");
  lost(run.spec.stop_signal != SIGTERM, "--stop-signal");
  if (run.spec.limits.any())
    notes.push_back(who +
                    " sets no limits: put it below systemd-run --scope -p MemoryMax=… -p TasksMax=… -p CPUQuota=…");
  const auto entered = [&](const std::string& path, std::string_view option) {
    if (path.starts_with('/'))
      notes.push_back("For " + std::string(option) + " put nsenter(1) before it, with " + path + ".");
  };
  entered(run.spec.netns, "--network");
  if (run.spec.network == Network::pasta) {
    notes.push_back(who + " makes a network with lo only: start pasta(1) for it once it runs, pasta --config-net " +
                    shell_join(pasta_ports(run.spec.publish)) + " PID.");
  }
  entered(run.spec.ipc, "--ipc");
  entered(run.spec.uts, "--uts");
  entered(run.spec.pid, "--pid");
  if (!run.spec.ulimits.empty() || run.spec.oom_score_adj || run.spec.nice || run.spec.ionice) {
    notes.push_back(
        "Limits and priorities of each process are what the caller has: put prlimit(1), choom(1), nice(1) or ionice(1) before it.");
  }
  const Privileges may = privileges(run.spec);
  if (may.filter != Privileges::Filter::none) {
    notes.push_back("The seccomp filter is left out: " + who +
                    (who == "bwrap" ? " takes one by --seccomp FD, compiled." : " has none."));
  }
  if (covers_host(run))
    notes.push_back(who + " covers nothing in /proc (kcore, keys, timer_list …), and /sys can be written to.");
  lost(may.ambient != 0 && run.uid != 0, "--cap-add for a user who is not root");
  notes.push_back("The caller's session keyring reaches the command; sup gives it a new one.");
}

// setpriv(1) for what unshare and bwrap leave out: capabilities and, as root, the user.
Words setpriv(const Run& run, bool drop_ambient) {
  Words words;
  const Privileges may = privileges(run.spec);
  if (may.dropped != 0) {
    std::string dropped;
    for (int number = 0; number < kCapabilities; ++number) {
      if (((may.dropped >> number) & 1U) != 0) {
        dropped += (dropped.empty() ? "-" : ",-") + lower(capability_name(number).substr(4));
      }
    }
    add(words, {"--bounding-set=" + dropped});
  }
  if (may.no_new_privs) add(words, {"--no-new-privs"});
  if (run.user && run.root) {
    std::string groups;
    for (const std::uint32_t gid : run.user->groups) groups += (groups.empty() ? "" : ",") + std::to_string(gid);
    add(words, {"--reuid=" + std::to_string(run.uid), "--regid=" + std::to_string(run.gid), "--groups=" + groups});
  }
  if (drop_ambient) add(words, {"--inh-caps=-all", "--ambient-caps=-all"});
  if (!words.empty()) words.insert(words.begin(), "setpriv");
  return words;
}

Words env_command(const Run& run) {
  Words words{"env"};
  if (run.clear) add(words, {"-i"});
  for (const std::string& key : run.env_unset) add(words, {"-u", key});
  if (std::ranges::any_of(run.env_set, [](const std::string& entry) { return entry.starts_with('-'); })) {
    add(words, {"--"});
  }
  words.insert(words.end(), run.env_set.begin(), run.env_set.end());
  // env takes every word with a = for a variable, so a command that has one needs a helper.
  if (run.spec.argv.front().find('=') != std::string::npos) add(words, {"sh", "-c", "exec \"$@\"", "sh"});
  return words;
}

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

Rendering render_unshare(const Run& run) {
  Rendering out;
  Words words{"unshare"};
  if (!run.root) {
    // --keep-caps: the host name and lo are set by programs, which lose their capabilities at exec otherwise.
    add(words,
        {"--user", "--map-user=" + std::to_string(run.uid), "--map-group=" + std::to_string(run.gid), "--keep-caps"});
  }
  add(words, {"--mount", "--propagation=slave"});
  if (run.spec.pid.empty()) add(words, {"--pid"});
  if (run.spec.uts.empty()) add(words, {"--uts"});
  if (run.spec.ipc.empty()) add(words, {"--ipc"});
  const bool net = run.spec.network == Network::none || run.spec.network == Network::pasta;
  if (net) add(words, {"--net"});
  add(words, {"--fork", "--kill-child=KILL", "--mount-proc", "--wd=" + run.cwd, "--"});
  std::string script = run.spec.uts.empty() ? "hostname \"$1\" && " : "";
  if (net) script += "ip link set lo up && ";
  script += "shift && exec \"$@\"";
  add(words, {"sh", "-c", script, "sh", run.hostname});
  append(words, setpriv(run, true));
  append(words, env_command(run));
  append(words, run.spec.argv);
  out.text = shell_join(words);

  if (run.root) {
    out.notes.push_back("The host's procfs stays mounted below the new one: `umount /proc` inside uncovers it.");
  } else if (run.uid == 0) {
    out.notes.push_back(
        "The mounts belong to the command's own user namespace: as uid 0 it can unmount /proc and see the host's.");
  }
  if (run.spec.init) out.notes.push_back("unshare has no init that stays: the command is PID 1, --init is left out.");
  tool_notes(run, "unshare", out.notes);
  common_notes(run, "unshare", out.notes);
  return out;
}

Rendering render_bwrap(const Run& run) {
  Rendering out;
  Words words{"bwrap"};
  if (!run.root) {
    add(words, {"--unshare-user", "--uid", std::to_string(run.uid), "--gid", std::to_string(run.gid)});
  }
  if (run.spec.pid.empty()) add(words, {"--unshare-pid"});
  if (run.spec.uts.empty()) add(words, {"--unshare-uts"});
  if (run.spec.ipc.empty()) add(words, {"--unshare-ipc"});
  if (run.spec.network == Network::none || run.spec.network == Network::pasta) add(words, {"--unshare-net"});
  bwrap_root(run.spec, run.facts, words, out.notes);
  if (run.spec.uts.empty()) add(words, {"--hostname", run.hostname});
  add(words, {"--chdir", run.cwd, "--die-with-parent"});
  if (!init_stays(run.spec)) add(words, {"--as-pid-1"});
  if (run.root) {
    // bwrap as root keeps everything until one of its capability options is used, and then nothing that is not
    // added; so the bounding set is left to setpriv.
    add(words, {"--cap-add", "ALL"});
  }
  if (!run.root && run.uid == 0) {
    // The root of the user namespace, which bwrap would leave without capabilities.
    add(words, {"--cap-add", "ALL"});
    for (int number = 0; number < kCapabilities; ++number) {
      if (((privileges(run.spec).dropped >> number) & 1U) != 0) add(words, {"--cap-drop", capability_name(number)});
    }
  }
  const Words first = run.root ? setpriv(run, false) : Words{};
  if (first.empty()) {
    if (run.clear) add(words, {"--clearenv"});
    for (const std::string& key : run.env_unset) add(words, {"--unsetenv", key});
    for (const std::string& entry : run.env_set) {
      const std::string key = key_of(entry);
      add(words, {"--setenv", key, entry.substr(key.size() + 1)});
    }
    add(words, {"--"});
  } else {
    // setpriv is looked for in the caller's PATH, the command in its own.
    add(words, {"--"});
    append(words, first);
    append(words, env_command(run));
    if (run.rooted) out.notes.push_back("setpriv(1), of util-linux, and env(1) are looked for in the new root.");
  }
  append(words, run.spec.argv);
  out.text = shell_join(words);

  if (run.root && !run.rooted)
    out.notes.push_back("The host's procfs stays mounted below the new one: `umount /proc` inside uncovers it.");
  out.notes.push_back("bwrap sets no_new_privs: set-user-id programs (sudo, ping) gain nothing inside.");
  if (run.spec.init) {
    out.notes.push_back("bwrap's PID 1 reaps, but forwards no signals and stays until the last process has ended.");
  }
  tool_notes(run, "bwrap", out.notes);
  common_notes(run, "bwrap", out.notes);
  return out;
}

// docker's options have the same names and units.
void add_limits(const Limits& limits, Words& words) {
  const auto size = [](std::int64_t bytes) { return bytes == kNoLimit ? std::string("-1") : size_text(bytes); };
  if (limits.memory) add(words, {"--memory", size(*limits.memory)});
  if (limits.memory_swap) add(words, {"--memory-swap", size(*limits.memory_swap)});
  if (limits.nano_cpus) add(words, {"--cpus", cpus_text(*limits.nano_cpus)});
  if (limits.cpu_shares) add(words, {"--cpu-shares", std::to_string(*limits.cpu_shares)});
  if (!limits.cpuset_cpus.empty()) add(words, {"--cpuset-cpus", limits.cpuset_cpus});
  if (limits.pids) add(words, {"--pids-limit", std::to_string(*limits.pids)});
  if (limits.blkio_weight) add(words, {"--blkio-weight", std::to_string(*limits.blkio_weight)});
}

// linux.resources of the runtime spec; null: none.
nlohmann::ordered_json oci_resources(const Limits& limits) {
  nlohmann::ordered_json out;
  if (limits.memory) out["memory"]["limit"] = *limits.memory;
  if (limits.memory_swap) {
    out["memory"]["swap"] = *limits.memory_swap;
  } else if (limits.memory) {
    out["memory"]["swap"] = *limits.memory == kNoLimit ? kNoLimit : *limits.memory * 2;
  }
  if (limits.cpu_shares) out["cpu"]["shares"] = *limits.cpu_shares;
  if (limits.nano_cpus) {
    out["cpu"]["quota"] = *limits.nano_cpus / 10'000;
    out["cpu"]["period"] = 100'000;
  }
  if (!limits.cpuset_cpus.empty()) out["cpu"]["cpus"] = limits.cpuset_cpus;
  if (limits.pids) out["pids"]["limit"] = *limits.pids;
  if (limits.blkio_weight) out["blockIO"]["weight"] = *limits.blkio_weight;
  return out;
}

Rendering render_docker(const Run& run) {
  Rendering out;
  const Spec& spec = run.spec;
  Words words{"docker", "run"};
  if (spec.rm) add(words, {"--rm"});
  if (spec.interactive) add(words, {"-i"});
  if (spec.tty) add(words, {"-t"});
  if (spec.init) add(words, {"--init"});
  if (!spec.name.empty()) add(words, {"--name", spec.name});
  for (const std::string& label : spec.labels) add(words, {"--label", label});
  if (!spec.hostname.empty()) add(words, {"--hostname", spec.hostname});
  add(words, {"--network", spec.network == Network::none    ? "none"
                           : spec.network == Network::host  ? "host"
                           : spec.network == Network::pasta ? "bridge"
                                                            : "container:ID"});
  for (const Publish& publish : spec.publish) add(words, {"-p", to_string(publish)});
  if (!spec.ipc.empty()) add(words, {"--ipc", spec.ipc == "host" ? "host" : "container:ID"});
  if (!spec.uts.empty()) add(words, {"--uts", "host"});
  if (!spec.pid.empty()) add(words, {"--pid", spec.pid == "host" ? "host" : "container:ID"});
  if (spec.network == Network::join || spec.ipc.starts_with('/') || spec.uts.starts_with('/') ||
      spec.pid.starts_with('/')) {
    out.notes.push_back(
        "docker shares namespaces by a container's name, not by path, and shares no other container's host name.");
  }
  for (const Ulimit& limit : spec.ulimits) add(words, {"--ulimit", to_string(limit)});
  if (spec.oom_score_adj) add(words, {"--oom-score-adj", std::to_string(*spec.oom_score_adj)});
  if (spec.nice || spec.ionice) out.notes.push_back("docker has nothing like --nice and --ionice.");
  if (!spec.user.empty()) add(words, {"--user", spec.user});
  for (const std::string& group : spec.group_add) add(words, {"--group-add", group});
  if (spec.userns == kUsernsKeepId)
    add(words, {"--user", std::to_string(run.facts.uid) + ":" + std::to_string(run.facts.gid)});
  if (spec.userns == kUsernsHost) add(words, {"--userns", "host"});
  if (!spec.workdir.empty()) add(words, {"--workdir", run.cwd});
  for (const EnvEntry& entry : spec.env) add(words, {"-e", entry.value ? entry.key + "=" + *entry.value : entry.key});
  add(words, {"-e", "container=sup"});  // the last one counts
  if (spec.privileged) add(words, {"--privileged"});
  add_limits(spec.limits, words);
  docker_root(spec, run.facts, words, out.notes);
  for (const std::string& name : spec.cap_drop) add(words, {"--cap-drop", name});
  for (const std::string& name : spec.cap_add) add(words, {"--cap-add", name});
  const Privileges may = privileges(spec);
  if (may.no_new_privs) add(words, {"--security-opt", "no-new-privileges"});
  if (profile_of(spec) == Profile::strict) add(words, {"--cap-drop", "ALL"});
  if (may.filter == Privileges::Filter::given) {
    add(words, {"--security-opt", "seccomp=FILE"});
    out.notes.push_back("Put the seccomp profile's file in place of FILE.");
  } else if (spec.seccomp == kSeccompUnconfined) {
    add(words, {"--security-opt", "seccomp=unconfined"});
  }
  if (spec.stop_signal != SIGTERM) add(words, {"--stop-signal", signal_name(spec.stop_signal)});
  if (spec.stop_timeout != std::chrono::seconds(10)) add(words, {"--stop-timeout", seconds(spec.stop_timeout)});
  if (!spec.sig_proxy) add(words, {"--sig-proxy=false"});
  if (spec.detach_keys && !spec.detach_keys->empty()) add(words, {"--detach-keys", *spec.detach_keys});
  if (!spec.cidfile.empty()) add(words, {"--cidfile", spec.cidfile});
  add(words, {"IMAGE"});
  append(words, spec.argv);
  out.text = shell_join(words);

  if (run.rooted) {
    out.notes.push_back("docker takes no directory for a root: make an image of it, " +
                        shell_join(Words{"tar", "-C", run.facts.rootfs, "-c", "."}) + " | docker import - IMAGE.");
    if (!spec.rootfs_overlay)
      out.notes.push_back("What is written goes to docker's layer, not to the directory: as with --rootfs DIR:O.");
  } else {
    out.notes.push_back("docker needs an image: put its name in place of IMAGE. sup runs on the host's own root.");
  }
  if (!run.clear)
    out.notes.push_back("docker starts from the image's environment, not the caller's: add what is needed with -e.");
  if (spec.workdir.empty() && !run.rooted)
    out.notes.push_back("docker starts in the image's directory, not the caller's.");
  if (!spec.user.empty()) out.notes.push_back("Names of users and groups are looked up in the image.");
  if (!spec.detach_keys) {
    out.notes.push_back(
        "docker detaches at ctrl-p ctrl-q; a foreground run of sup has no such keys unless --detach-keys asks for "
        "them.");
  }
  if (spec.detach_keys && spec.detach_keys->empty()) {
    out.notes.push_back("docker cannot switch its detach keys off.");
  }
  if (profile_of(spec) == Profile::seed && !spec.privileged) {
    out.notes.push_back(
        "docker keeps 14 capabilities and a seccomp filter; sup on the host's root drops only what no namespace can "
        "hold, unless --profile docker asks for docker's.");
  } else if (profile_of(spec) == Profile::strict) {
    out.notes.push_back("sup's filter of the strict profile closes more than docker's.");
  }
  if (may.ambient != 0 && run.uid != 0) {
    out.notes.push_back(
        "In docker a user who is not root has nothing of --cap-add; in sup what is added by name is ambient.");
  }
  if (!run.root)
    out.notes.push_back("This needs access to docker's socket, which is as good as root; sup uses a user namespace.");
  if (spec.preserve_fds != 0) out.notes.push_back("docker cannot pass descriptors (--preserve-fds).");
  if (!spec.pidfile.empty()) out.notes.push_back("docker has no --pidfile for a container.");
  common_notes(run, "docker", out.notes);
  return out;
}

Rendering render_oci(const Run& run) {
  using Json = nlohmann::ordered_json;
  Rendering out;
  const Spec& spec = run.spec;
  bool bytes_lost = !is_utf8(run.cwd);
  const auto texts = [&bytes_lost](const Words& words) {
    Json list = Json::array();
    for (const std::string& word : words) {
      bytes_lost = bytes_lost || !is_utf8(word);
      list.push_back(to_utf8(word));
    }
    return list;
  };

  Json user;
  user["uid"] = run.uid;
  user["gid"] = run.gid;
  if (run.user && (run.root || !run.facts.uids.empty())) user["additionalGids"] = run.user->groups;

  const Privileges may = privileges(spec);
  Json bounding = Json::array();
  for (int number = 0; number < kCapabilities; ++number) {
    if (((may.dropped >> number) & 1U) == 0) bounding.push_back(capability_name(number));
  }
  Json ambient = Json::array();   // what exec leaves to who is not root
  for (int number = 0; number < kCapabilities && run.uid != 0; ++number) {
    if (((may.ambient >> number) & 1U) != 0) ambient.push_back(capability_name(number));
  }
  const Json held = run.uid == 0 ? bounding : ambient;
  Json capabilities;
  capabilities["bounding"] = bounding;
  capabilities["effective"] = held;
  capabilities["permitted"] = held;
  capabilities["inheritable"] = ambient;
  capabilities["ambient"] = ambient;

  Json process;
  process["terminal"] = spec.tty;
  process["user"] = std::move(user);
  process["args"] = texts(spec.argv);
  process["env"] = texts(run.environment);
  process["cwd"] = to_utf8(run.cwd);
  process["capabilities"] = std::move(capabilities);
  process["noNewPrivileges"] = may.no_new_privs;
  if (spec.oom_score_adj) process["oomScoreAdj"] = *spec.oom_score_adj;
  for (const Ulimit& limit : spec.ulimits) {
    std::string name = ulimit_name(static_cast<std::uint64_t>(limit.resource));
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    process["rlimits"].push_back(Json{{"type", "RLIMIT_" + name}, {"hard", limit.hard}, {"soft", limit.soft}});
  }
  if (spec.nice || spec.ionice) out.notes.push_back("--nice and --ionice are left out.");

  Json namespaces = Json::array();
  const auto with = [&namespaces](const char* type) { namespaces.push_back(Json{{"type", type}}); };
  const auto shares = [&](const char* type, const std::string& path) {
    if (path.empty()) with(type);
    if (path.starts_with('/')) namespaces.push_back(Json{{"type", type}, {"path", to_utf8(path)}});
  };
  with("mount");
  shares("pid", spec.pid);
  shares("uts", spec.uts);
  shares("ipc", spec.ipc);
  if (spec.network != Network::host) shares("network", spec.netns);
  const bool ranges = !run.facts.uids.empty();
  if (!run.root || ranges) with("user");
  Json linux_part;
  linux_part["rootfsPropagation"] = run.rooted ? "rprivate" : "rslave";
  if (auto resources = oci_resources(spec.limits); !resources.is_null()) {
    with("cgroup");
    // With a control group a runtime closes all devices but its own few.
    if (!run.rooted ||
        std::ranges::any_of(spec.mounts, [](const Mount& mount) { return mount.kind == Mount::Kind::device; })) {
      resources["devices"] = Json::array({Json{{"allow", true}, {"access", "rwm"}}});
    }
    linux_part["resources"] = std::move(resources);
  }
  if (ranges) {
    const auto map = [](const IdMap& of) {
      Json list = Json::array();
      for (const IdRange& range : of)
        list.push_back(Json{{"containerID", range.inside}, {"hostID", range.outside}, {"size", range.count}});
      return list;
    };
    linux_part["uidMappings"] = map(run.facts.uids);
    linux_part["gidMappings"] = map(run.facts.gids);
    if (run.root)
      out.notes.push_back(
          "The runtime spec maps no owners of the root's files: chown them to the range first; sup mounts them mapped.");
  } else if (!run.root) {
    const auto map = [](std::uint32_t inside, std::uint32_t outside) {
      Json one;
      one["containerID"] = inside;
      one["hostID"] = outside;
      one["size"] = 1;
      return Json::array({one});
    };
    // Seen from the user namespace that the note's unshare makes, in which the caller is 0.
    linux_part["uidMappings"] = map(run.uid, 0);
    linux_part["gidMappings"] = map(run.gid, 0);
  }
  linux_part["namespaces"] = std::move(namespaces);

  Json config;
  config["ociVersion"] = "1.0.2";
  config["process"] = std::move(process);
  // Not "/" itself: no runtime can pivot_root from the root to the root (EBUSY). So the bundle has a bind of it.
  if (run.rooted) {
    config["root"] = Json{{"path", to_utf8(run.facts.rootfs)}, {"readonly", spec.read_only}};
    bytes_lost = bytes_lost || !is_utf8(run.facts.rootfs);
  } else {
    config["root"] = Json{{"path", "rootfs"}, {"readonly", false}};
  }
  if (run.rooted ? !spec.privileged : covers_host(run)) {
    linux_part["maskedPaths"] = texts(masked_paths(run.facts));
    linux_part["readonlyPaths"] = texts(readonly_paths());
  }
  if (spec.uts.empty()) config["hostname"] = to_utf8(run.hostname);
  Json mounts = Json::array();
  for (const OciMount& mount : oci_mounts(spec, run.facts, out.notes, bytes_lost)) {
    mounts.push_back(Json{{"destination", mount.destination},
                          {"type", mount.type},
                          {"source", mount.source},
                          {"options", mount.options}});
  }
  config["mounts"] = std::move(mounts);
  for (const std::string& label : spec.labels) {
    const auto equals = label.find('=');
    config["annotations"][label.substr(0, equals)] = label.substr(equals + 1);
  }
  config["linux"] = std::move(linux_part);
  out.text = config.dump(2, ' ', false, Json::error_handler_t::replace);

  const std::string id = spec.name.empty() ? run.facts.id : spec.name;
  Words words{"unshare"};
  if (!run.root) add(words, {"--user", "--map-root-user"});
  const std::string manager = std::string("--cgroup-manager=") + (spec.limits.any() ? "cgroupfs" : "disabled");
  if (!run.rooted) {
    add(words,
        {"--mount", "sh", "-c", "mkdir -p rootfs && mount --rbind / rootfs && exec crun " + manager + " run " + id});
  } else {
    // With ranges crun calls newuidmap(1) itself.
    if (run.root || ranges) words.clear();
    add(words, {"crun", manager, "run", id});
  }
  out.notes.insert(out.notes.begin(),
                   "Save it as config.json in an empty directory and there run: " + shell_join(words));
  if (run.root && run.uid != 0 && run.user) {
    out.notes.push_back(
        "With /dev/null as its standard input crun gives the host's /dev/null to the user: use a pipe.");
  }
  if (run.root && !run.rooted)
    out.notes.push_back("The host's procfs stays mounted below the new one: `umount /proc` inside uncovers it.");
  if (spec.init) out.notes.push_back("The runtime spec has no init: the command is PID 1.");
  if (spec.preserve_fds != 0) {
    out.notes.push_back(
        "Descriptors are an option of the runtime: crun run --preserve-fds=" + std::to_string(spec.preserve_fds) + ".");
  }
  if (!spec.pidfile.empty()) out.notes.push_back("The pid file is an option of the runtime: crun run --pid-file=FILE.");
  if (!spec.cidfile.empty()) out.notes.push_back("The runtime spec has nothing like --cidfile.");
  if (spec.stop_signal != SIGTERM || spec.stop_timeout != std::chrono::seconds(10)) {
    out.notes.push_back("How to stop it is left to whoever calls `crun kill`.");
  }
  if (may.filter != Privileges::Filter::none)
    out.notes.push_back("The seccomp filter is left out: sup has it as a program, not as a list.");
  if (bytes_lost) out.notes.push_back("JSON is UTF-8: bytes that are not became U+FFFD.");
  common_notes(run, "The runtime spec", out.notes);
  return out;
}

}   // namespace

namespace {
std::string flag_of(Peer peer) {
  switch (peer) {
    case Peer::docker: return "docker";
    case Peer::bwrap: return "bwrap";
    case Peer::unshare: return "unshare";
    case Peer::oci: return "the runtime spec";
  }
  return {};
}
}  // namespace

std::optional<Peer> parse_peer(std::string_view name) {
  if (name == "docker") return Peer::docker;
  if (name == "bwrap") return Peer::bwrap;
  if (name == "unshare") return Peer::unshare;
  if (name == "oci") return Peer::oci;
  return std::nullopt;
}

Result<Rendering> render(const Spec& spec, const Facts& facts, Peer peer) {
  if (spec.argv.empty() || spec.argv.front().empty()) return usage("plan", "Missing container command");
  if (wants_ranges(spec.userns) && peer != Peer::oci) {
    // It would run with other ids than asked for.
    return usage("plan", flag_of(peer) + " cannot say --userns " + spec.userns,
                 peer == Peer::docker
                     ? "docker maps ids for all its containers: dockerd --userns-remap; or try --as oci"
                     : "try --as oci");
  }
  if (auto r = can_say_root(spec, peer); !r) return std::unexpected(std::move(r.error()));
  auto run = prepare(spec, facts);
  if (!run) return std::unexpected(std::move(run.error()));
  switch (peer) {
    case Peer::docker: return render_docker(*run);
    case Peer::bwrap: return render_bwrap(*run);
    case Peer::unshare: return render_unshare(*run);
    case Peer::oci: return render_oci(*run);
  }
  return usage("plan", "no such peer");
}

}   // namespace sup
