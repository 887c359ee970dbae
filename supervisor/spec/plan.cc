#include "spec/plan.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "spec/capabilities.h"
#include "spec/env.h"
#include "spec/landlock.h"
#include "spec/path.h"
#include "spec/plan_draft.h"
#include "spec/privileges.h"
#include "spec/seccomp.h"
#include "spec/user.h"

namespace sup {
namespace {

using wire::Op;

// A system call as it is.
Step call(long number, std::initializer_list<std::uint64_t> arguments) {
  Step out = step(Op::call, arguments);
  out.flags = static_cast<std::uint16_t>(number);
  return out;
}

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }
constexpr std::uint64_t kSysAdmin = bit(CAP_SYS_ADMIN);

std::string env_path(const std::vector<std::string>& environment) {
  return std::string(env_value(environment, "PATH").value_or(kDefaultPath));
}

bool own_network(const Spec& spec) { return spec.network == Network::none || spec.network == Network::pasta; }

// The namespaces beyond the mount and pid ones, which both kinds of caller get.
std::uint64_t other_namespaces(const Spec& spec) {
  return (spec.uts.empty() ? std::uint64_t{CLONE_NEWUTS} : 0) | (spec.ipc.empty() ? std::uint64_t{CLONE_NEWIPC} : 0) |
         (own_network(spec) ? std::uint64_t{CLONE_NEWNET} : 0);
}

// The cgroup namespace's root is the cgroup its maker stands in, so it is made after the wait for the placement, never by
// the clone.
// In a root of its own always, so that /proc/self/cgroup does not tell where on the host the supervisor is.
std::uint64_t cgroup_namespace(const Spec& spec) {
  return needs_group(spec) || !spec.rootfs.empty() ? std::uint64_t{CLONE_NEWCGROUP} : 0;
}

std::string hostname_of(const Spec& spec, const Facts& facts) {
  return spec.hostname.empty() ? facts.id : spec.hostname;
}

void mount_own_proc(Draft& draft) {
  draft.add(step(Op::mount, {MS_NOSUID | MS_NODEV | MS_NOEXEC}, {"proc", "/proc", "proc"}));
}

// Whoever stays leaves the caller's session and process group, as the command does: what the terminal's keys, or a kill(2) of the
// group, say to those in it the supervisor hears as well, and passes on; the command would have it twice.
void stay(Draft& draft, int guard = 0) {
  if (!draft.in_session) draft.add(step(Op::setsid));
  draft.add(step(Op::stay, {static_cast<std::uint64_t>(guard)}));
  draft.in_session = false;  // the child's own
}

void begin_session(Draft& draft) {
  // Always: the caller's terminal must not be the controlling one inside, TIOCSTI would type into the caller's shell.
  // A session leader without one is also what TIOCSCTTY asks for.
  if (!std::exchange(draft.in_session, true)) draft.add(step(Op::setsid));
  // The keys likewise: what the caller keeps in his keyring could be read inside. Owned by the ids that the maps have given.
  if (!std::exchange(draft.own_keys, true)) draft.add(step(Op::keyring));
}

// In a pid namespace that is not its own there is no PID 1 with which all would end. So init stays, outside of another's, and
// guards: it kills the control group at the command's end, and at the supervisor's. Who sees another's processes is its child,
// and does all that follows (a procfs shows the pid namespace of who mounts it). What they have of namespaces besides is made
// before, so that the two share it.
void guard(Draft& draft) {
  const Spec& spec = draft.spec;
  if (spec.pid.empty()) return;
  if (const auto flag = cgroup_namespace(spec)) draft.add(step(Op::unshare, {flag}));
  if (spec.pid.starts_with('/')) draft.add(step(Op::enter, {CLONE_NEWPID}, {spec.pid}));
  // What loses its parent is init's to reap, not the host's.
  draft.add(call(SYS_prctl, {PR_SET_CHILD_SUBREAPER, 1}));
  draft.plan.guarded = true;
  stay(draft, draft.plan.guard_fd());
}

// The namespaces that are another's. Before the own procfs: the paths are those of the host.
void enter_shared(Draft& draft) {
  const Spec& spec = draft.spec;
  if (spec.network == Network::join) draft.add(step(Op::enter, {CLONE_NEWNET}, {spec.netns}));
  if (spec.ipc.starts_with('/')) draft.add(step(Op::enter, {CLONE_NEWIPC}, {spec.ipc}));
  if (spec.uts.starts_with('/')) draft.add(step(Op::enter, {CLONE_NEWUTS}, {spec.uts}));
}

// Made by init and not by the clone, for which the supervisor waits (VFORK) and serves nobody: a network namespace takes the
// kernel most of a millisecond, and longer while others are taken down. Before any mount: /sys and /dev/mqueue show the
// namespaces of who mounts them.
void make_others(Draft& draft) {
  if (const auto flags = other_namespaces(draft.spec)) draft.add(step(Op::unshare, {flags}));
}

// Another's namespaces belong to his user namespace, in which an ordinary user's init has no powers. Root's containers may share it:
// who is given a range, and is to see what another container sees, is in that one's user namespace ("/proc/PID"), as in docker.
// Empty: nothing is shared that belongs to one.
Result<std::string> shared_user_namespace(const Spec& spec, const Facts& facts) {
  const bool path = spec.network == Network::join || spec.ipc.starts_with('/') || spec.uts.starts_with('/');
  if (!path && spec.pid.empty()) return std::string();
  if (facts.uid == 0 && !facts.uids.empty()) {
    std::optional<std::string> whose;
    bool same = true;
    for (const std::string* each : {&spec.netns, &spec.ipc, &spec.uts, &spec.pid}) {
      if (each->empty() || (*each == "host" && each != &spec.pid)) continue;
      const std::string process(process_of(*each));
      same = same && !process.empty() && whose.value_or(process) == process;
      whose = process;
    }
    if (same && whose) return std::move(*whose);
  }
  Error error;
  error.code = "E_NAMESPACE";
  error.where = !path                           ? "--pid"
                : spec.network == Network::join ? "--network"
                : spec.ipc.starts_with('/')     ? "--ipc"
                                                : "--uts";
  error.what = path ? "another's namespace cannot be entered" : "a pid namespace that is not its own";
  // The kernel asks for powers in the user namespace that owns it: to enter it (setns(2)), and to mount a /proc that shows it.
  // No two containers have the same one, though their ranges are.
  if (spec.userns.empty()) {
    error.why = "an ordinary user has no powers over it";
    error.hint = "run sup as root, without --userns";
  } else {
    error.why =
        "it does not belong to the container's own user namespace, and only who has powers over its owner may " +
        std::string(path ? "enter it" : "mount a /proc of it");
    error.hint = facts.uid == 0
                     ? "share those of one container that has the same --userns (container:ID), or leave --userns or " +
                           error.where + " out"
                     : "leave --userns or " + error.where + " out";
  }
  error.stage = "namespace";
  return std::unexpected(std::move(error));
}

// As root. Everything that could change the host comes after `/` is a slave, and everything that needs
// capabilities before they go.
void isolate_as_root(Draft& draft) {
  // The first mount call: under a shared `/` (every systemd host) each later one would be the host's too. Slave
  // rather than private, so that what the host mounts later (an USB stick, a home) still appears.
  draft.add(step(Op::mount, {MS_REC | MS_SLAVE}, {"none", "/"}));
  // The host's procfs is taken away before the own one goes on top of it: else `umount /proc` inside uncovers the
  // host's processes, and with them every way out (setns through /proc/PID/ns). After the slave step: a
  // detach must not travel to the host either. /proc always, and last: a procfs on it that the facts missed
  // (mounted since) would stay below ours.
  for (std::string& target : unmount_order(draft.facts.proc_mounts)) {
    if (target != "/proc") draft.add(step(Op::umount_stack, {}, {target}));
  }
  draft.add(step(Op::umount_stack, {}, {"/proc"}));
  mount_own_proc(draft);
  // Looked at, not believed: the facts are from before the clone, and an unmount may have hit something else of
  // that name. Right after the mount and before anything is started that could be harmed.
  draft.add(step(Op::only_proc));
  if (const auto flag = cgroup_namespace(draft.spec); flag != 0 && !draft.plan.guarded)
    draft.add(step(Op::unshare, {flag}));
  mount_on_host_root(draft);
}

// Need CAP_SYS_ADMIN and CAP_NET_ADMIN in the namespaces' owner, so before any capability goes. The host name last: it is
// the first step that no two containers have in common, and up to there an init can be made in advance (spec/parked.h). So the
// session goes before it; a root of its own, for which none is made, has maps to come first.
void set_names(Draft& draft) {
  if (std::exchange(draft.named, true)) return;
  if (own_network(draft.spec)) draft.add(step(Op::link_up, {}, {"lo"}));
  if (draft.spec.rootfs.empty()) begin_session(draft);
  // The way out is there before the command is. The supervisor sees to it from outside; init has nothing to do with it, and the
  // words are for who reads the plan.
  if (draft.spec.network == Network::pasta) {
    std::string words = "pasta";
    for (const std::string& word : pasta_ports(draft.spec.publish)) words += " " + word;
    draft.add(step(Op::wait, {static_cast<std::uint64_t>(wire::WaitFor::network)}, {std::move(words)}));
  }
  if (draft.spec.uts.empty()) draft.add(step(Op::hostname, {}, {hostname_of(draft.spec, draft.facts)}));
}

// Root of a user namespace that was just entered gets this name. setgroups first: the kernel takes no gid map from an
// ordinary user before (CVE-2014-8989).
void map_one(Draft& draft, uid_t uid, gid_t gid) {
  draft.add(step(Op::write_file, {}, {"/proc/self/setgroups", "deny"}));
  draft.add(step(Op::write_file, {}, {"/proc/self/uid_map", std::to_string(uid) + " 0 1"}));
  draft.add(step(Op::write_file, {}, {"/proc/self/gid_map", std::to_string(gid) + " 0 1"}));
}

// As an ordinary user, in the user namespace that the clone made, as its root. The host's procfs below cannot be
// unmounted here: what a less privileged mount namespace inherits is locked (EINVAL, mount_namespaces(7)). So the
// same lock is turned to use: after the own proc is mounted a second user namespace with a mount namespace of its
// own inherits all of it, locked in turn, and nobody inside can uncover what lies below. That is why only the
// second one gets the other namespaces: what the command may configure belongs to its own user namespace.
void isolate_as_user(Draft& draft) {
  draft.add(step(Op::mount, {MS_REC | MS_SLAVE}, {"none", "/"}));
  mount_own_proc(draft);
  // A procfs of the host's in some other place is hidden the same way; deepest first, the outer ones hide the inner.
  for (std::string& target : unmount_order(draft.facts.proc_mounts)) {
    if (target != "/proc") draft.add(step(Op::cover, {}, {target}));
  }
  mount_on_host_root(draft);
  draft.add(
      step(Op::unshare, {CLONE_NEWUSER | CLONE_NEWNS | other_namespaces(draft.spec) | cgroup_namespace(draft.spec)}));
  // The map has one id, and any id may stand in it for the caller's own: so -u needs no helper here.
  map_one(draft, draft.user ? draft.user->uid : draft.facts.uid, draft.user ? draft.user->gid : draft.facts.gid);
}

// With --rootfs: the mounts are made by root of the first user namespace, if there is one; it is the command's own too,
// unless that is to be another than 0, whom a map with one id has no room for: then a second one renames it.
void isolate_in_root(Draft& draft) {
  if (const auto flag = cgroup_namespace(draft.spec); flag != 0 && !draft.plan.guarded)
    draft.add(step(Op::unshare, {flag}));
  enter_root(draft);
  set_names(draft);
  if (!draft.plan.user_namespace || draft.change_ids || (draft.user->uid == 0 && draft.user->gid == 0)) return;
  draft.add(step(Op::unshare, {CLONE_NEWUSER | CLONE_NEWNS}));
  map_one(draft, draft.user->uid, draft.user->gid);
}

std::unexpected<Error> userns_refused(std::string what, std::string why, std::string hint) {
  return std::unexpected(Error{.code = "E_USERNS",
                               .where = "--userns",
                               .what = std::move(what),
                               .err = 0,
                               .why = std::move(why),
                               .hint = std::move(hint),
                               .path = {},
                               .stage = "idmap"});
}

// What of --userns depends on who asks.
Result<void> check_userns(const Spec& spec, const Facts& facts) {
  const bool root = facts.uid == 0;
  if (spec.userns == kUsernsHost && (!root || facts.proc_locked)) {
    return userns_refused("host",
                          root ? "root of this user namespace needs another one, so that the host's /proc stays hidden"
                               : "only root can do without a user namespace",
                          root ? "leave --userns out" : "leave it out, or run sup as root");
  }
  if (spec.userns == kUsernsKeepId && root)
    return userns_refused("keep-id", "root's own id is root's on the host", "use --userns auto or --userns host");
  return {};
}

// Who has no id outside cannot be anybody inside.
Result<void> check_mapped(const Plan& plan, const User& user) {
  if (plan.uids.empty()) return {};
  std::string lost;
  if (!outside_id(plan.uids, user.uid)) lost = "uid " + std::to_string(user.uid);
  for (const std::uint32_t gid : user.groups) {
    if (lost.empty() && !outside_id(plan.gids, gid)) lost = "gid " + std::to_string(gid);
  }
  if (lost.empty() && !outside_id(plan.gids, user.gid)) lost = "gid " + std::to_string(user.gid);
  if (lost.empty()) return {};
  return std::unexpected(Error{.code = "E_USER",
                               .where = "--user",
                               .what = lost,
                               .err = 0,
                               .why = "the user namespace has no such id",
                               .hint = "name another user, or a larger range",
                               .path = {},
                               .stage = "user"});
}

// Whom a command becomes, where nobody was named: in a root of its own its root.
std::string default_user(const Spec& spec, const Facts& facts) {
  if (spec.rootfs.empty()) return std::to_string(facts.uid);
  if (spec.userns != kUsernsKeepId) return "0";
  return std::to_string(facts.uid) + ":" + std::to_string(facts.gid);
}

// The directory the command starts in, as a path that does not depend on init's own.
Result<std::string> directory(const Spec& spec, const Facts& facts) {
  if (spec.workdir.starts_with('/')) return spec.workdir;
  if (!spec.rootfs.empty()) return join_path("/", spec.workdir);  // the caller's directory is not there
  if (facts.cwd.empty()) {
    Error error;
    error.code = "E_WORKDIR";
    error.where = "workdir";
    error.why = "the current directory is gone";
    error.hint = "go to another one, or give one with -w";
    error.stage = "chdir";
    return std::unexpected(std::move(error));
  }
  return spec.workdir.empty() ? facts.cwd : join_path(facts.cwd, spec.workdir);
}

// What was asked for by name and cannot be given is no start: the command would find out in some other way. In a user
// namespace of our own there is everything.
Result<void> check_adds(const Spec& spec, const Facts& facts, bool user_namespace) {
  if (user_namespace || !facts.bounding) return {};
  for (const std::string& name : spec.cap_add) {
    const auto number = capability_number(name);
    if (!number || (*facts.bounding >> *number & 1) != 0) continue;
    Error error;
    error.code = "E_CAPABILITIES";
    error.where = "--cap-add";
    error.what = capability_name(*number);
    error.why = "the caller does not have it, and cannot pass it on";
    error.hint = "leave it out, or run sup where it is in the bounding set (CapBnd in /proc/self/status)";
    error.stage = "capabilities";
    return std::unexpected(std::move(error));
  }
  return {};
}

Filter filter_of(const Draft& draft) {
  switch (draft.may.filter) {
    case Privileges::Filter::none: return {};
    case Privileges::Filter::docker: return docker_filter(draft.may.kept());
    case Privileges::Filter::strict: return strict_filter();
    case Privileges::Filter::given: return draft.facts.seccomp;
  }
  return {};
}

Step seccomp_step(const Filter& filter) {
  Step out = step(Op::seccomp, {filter.size()});
  for (const sock_filter& one : filter) {
    // As the kernel has it in memory: a word of code and jumps, a word of k.
    const auto words = std::bit_cast<std::array<std::uint32_t, 2>>(one);
    out.numbers.insert(out.numbers.end(), words.begin(), words.end());
  }
  return out;
}

// What one who joins gives up before anybody inside can see him. Who has CAP_SYS_PTRACE could attach to him: then nothing
// is left that the container has not. Else the steps to come keep what they need, and give it up themselves.
std::uint64_t given_up(Privileges& may) {
  if ((may.kept() & bit(CAP_SYS_PTRACE)) == 0)
    return may.dropped & ~(bit(CAP_SETPCAP) | bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_CHOWN) | kSysAdmin);
  // A filter then needs no capability.
  if (may.filter != Privileges::Filter::none && (may.kept() & kSysAdmin) == 0) may.no_new_privs = true;
  return may.dropped;
}

// What belongs to the container as a whole. Both kinds of caller do the same from here on, but for the ids.
void furnish(Draft& draft) {
  const Spec& spec = draft.spec;
  set_names(draft);
  // Here PID 1 parts from the command: it keeps what it has, so that it may signal a command of any user; what
  // follows (session, ids, capabilities, directory, descriptors) is the command's own.
  if (spec.init && !draft.plan.guarded) stay(draft);
}

// Landlock, after no_new_privs, which lets everybody have it, and before the filter, which is to know nothing of it. The
// ruleset's descriptor is closed with the last of these steps.
void bind(Draft& draft) {
  constexpr std::uint64_t kRules = 0;
  const Landlock rules = landlock(draft.spec, draft.facts);
  if (rules.handled == 0) return;
  draft.add(step(Op::ruleset, {kRules, rules.handled, rules.scoped}));
  for (const LandlockRule& rule : rules.rules) {
    Step one = step(Op::allow, {kRules, rule.rights});
    one.lists = {rule.paths};
    draft.add(std::move(one));
  }
  draft.add(step(Op::enforce, {kRules}));
}

// What binds a command, whether it is the container's own or comes in by exec: the two must not differ (CVE-2022-29162).
void confine(Draft& draft, const std::string& cwd) {
  const Spec& spec = draft.spec;
  const bool change_ids = draft.change_ids;
  const Privileges& may = draft.may;
  const bool root = (draft.user ? draft.user->uid : draft.facts.uid) == 0;
  // What the command has in the end. At exec the kernel gives a uid 0 the bounding set and others the ambient one: this
  // says it before, so that nothing is left that exec would have to take away.
  const std::uint64_t had = root ? may.kept() : may.ambient;
  const Step final_caps = step(Op::caps, {had, had, root ? 0 : may.ambient});
  const Filter filter = filter_of(draft);
  // Without no_new_privs the kernel takes a filter only from who has CAP_SYS_ADMIN: that one outlives the ids, and goes
  // right after the filter is there.
  const bool filter_by_admin = !filter.empty() && !may.no_new_privs;
  begin_session(draft);
  if (spec.tty) draft.add(step(Op::ctty, {0}));
  // The caller's directory, which nobody named, is entered as the caller: root's own /root must not keep `-u nobody`
  // from running. su(1) and docker's default do the same.
  const bool early_cwd = change_ids && spec.workdir.empty() && spec.rootfs.empty();
  if (early_cwd) draft.add(step(Op::workdir, {}, {cwd}));
  // What takes CAP_SYS_RESOURCE or CAP_SYS_NICE, where it is more than the caller has.
  if (spec.oom_score_adj)
    draft.add(step(Op::write_file, {}, {"/proc/self/oom_score_adj", std::to_string(*spec.oom_score_adj)}));
  for (const Ulimit& limit : spec.ulimits)
    draft.add(step(Op::rlimit, {static_cast<std::uint64_t>(limit.resource), limit.soft, limit.hard}));
  if (spec.nice)
    draft.add(
        call(SYS_setpriority, {PRIO_PROCESS, 0, static_cast<std::uint64_t>(static_cast<std::int64_t>(*spec.nice))}));
  if (spec.ionice)
    draft.add(call(SYS_ioprio_set, {1 /* IOPRIO_WHO_PROCESS */, 0, static_cast<std::uint64_t>(*spec.ionice)}));
  // The bounding set needs CAP_SETPCAP, which goes with the ids.
  if (may.dropped != 0) draft.add(step(Op::capbset_drop, {may.dropped}));
  if (change_ids) {
    if (filter_by_admin || may.ambient != 0) draft.add(call(SYS_prctl, {PR_SET_KEEPCAPS, 1}));
    // groups before ids, gid before uid (Op::ids): each takes away the right to the one before.
    Step groups = step(Op::groups, {draft.user->groups.size()});
    groups.numbers = draft.user->groups;
    draft.add(std::move(groups));
    draft.add(step(Op::ids, {draft.user->uid, draft.user->gid}));
  }
  // After the ids: the kernel clears the ambient set there only when root is left behind. Inheritable capabilities
  // would come back with a file that has them (CVE-2022-29162).
  if (!filter_by_admin) {
    draft.add(final_caps);
  } else if (change_ids) {
    // What it will have is in force already: with docker's DAC_OVERRIDE root may start in another's closed directory.
    draft.add(step(Op::caps, {had | kSysAdmin, had | kSysAdmin}));
  }
  // setresuid(2) has cleared the wish to die with the supervisor. With --init this process is a child of PID 1, whose
  // own wish still stands and whose death kills all in the namespace: nothing to renew.
  if (change_ids && (!init_stays(spec) || draft.plan.joins)) draft.add(step(Op::pdeathsig, {SIGKILL}));
  // A directory that was asked for, after the ids: it must be one that the user may enter, not one that root may.
  // After every mount step, and checked by getcwd(2) in init (CVE-2024-21626).
  if (!early_cwd) draft.add(step(Op::workdir, {}, {cwd}));
  // Really closed, not only CLOEXEC: a path like /proc/self/fd/7 must not be an executable. Late, because steps above
  // may open files. The first free number is the plan's, after the boot channel.
  draft.add(step(Op::close_from, {static_cast<std::uint64_t>(draft.plan.boot_fd() + 1)}));
  // Last before exec: until now a signal meets init's own blocked mask and cannot hit a half-made container.
  draft.add(step(Op::unblock));
  // The filter at the very end: what comes after it must be allowed by it, and by a profile of the user's too. Then there
  // are a capset(2), the last word to the supervisor and the exec.
  if (may.no_new_privs) draft.add(call(SYS_prctl, {PR_SET_NO_NEW_PRIVS, 1}));
  bind(draft);
  if (!filter.empty()) draft.add(seccomp_step(filter));
  if (filter_by_admin) draft.add(final_caps);
}

void execute(Draft& draft) {
  Candidates tries = candidates(draft.spec.argv.front(), env_path(draft.environment));
  Step exec = step(Op::exec, {tries.too_long});
  exec.lists = {std::move(tries.paths), draft.spec.argv, std::move(draft.environment)};
  draft.add(std::move(exec));
}

class Writer {
 public:
  explicit Writer(std::size_t fixed) : bytes_(fixed) {}

  template <typename T>
  void put(std::size_t at, const T& value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  std::uint64_t string(const std::string& text) {
    const std::uint64_t at = bytes_.size();
    append(text.data(), text.size());
    bytes_.push_back(std::byte{0});
    return at;
  }
  std::uint64_t list(const std::vector<std::string>& strings) {
    align();
    const std::uint64_t at = bytes_.size();
    bytes_.resize(bytes_.size() + (strings.size() + 1) * sizeof(std::uint64_t));
    for (std::size_t i = 0; i < strings.size(); ++i) put(at + i * sizeof(std::uint64_t), string(strings[i]));
    return at;
  }
  std::uint64_t numbers(const std::vector<std::uint32_t>& values) {
    align();
    const std::uint64_t at = bytes_.size();
    append(values.data(), values.size() * sizeof values[0]);
    return at;
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  void align() { bytes_.resize((bytes_.size() + 7) & ~std::size_t{7}); }
  void append(const void* data, std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    if (size != 0) std::memcpy(bytes_.data() + at, data, size);
  }
  std::vector<std::byte> bytes_;
};

// How much the strings of a step take at most; summed before anything is written, so that a hostile plan costs no
// memory and an offset always fits its 32 bits.
std::size_t size_of(const Step& one) {
  std::size_t size = sizeof(wire::Step) + one.numbers.size() * sizeof(std::uint32_t) + 8;
  for (const std::string& text : one.s) size += text.size() + 1;
  for (const auto& list : one.lists) {
    size += 16;
    for (const std::string& text : list) size += text.size() + 1 + sizeof(std::uint64_t);
  }
  return size;
}

Error too_big(std::string why) {
  Error error;
  error.code = "E_PLAN_SIZE";
  error.where = "plan";
  error.why = std::move(why);
  error.hint = "give fewer or shorter arguments and variables";
  error.stage = "plan";
  return error;
}

}  // namespace

Result<Plan> compile(const Spec& spec, const Facts& facts) {
  if (spec.argv.empty() || spec.argv.front().empty()) return usage("run", "Missing container command");
  Draft draft{.spec = spec, .facts = facts, .may = privileges(spec)};
  Plan& plan = draft.plan;
  // Root of a user namespace whose mounts are another's (unshare -Ur, bwrap) is as bound as an ordinary user, and is helped
  // in the same way.
  plan.user_namespace = facts.uid != 0 || facts.proc_locked || !facts.uids.empty();
  plan.uids = facts.uids;
  plan.gids = facts.gids;
  if (auto r = check_userns(spec, facts); !r) return std::unexpected(std::move(r.error()));
  plan.tty = spec.tty;
  plan.preserve_fds = spec.preserve_fds;
  plan.clone_flags = CLONE_NEWNS | (spec.pid.empty() ? CLONE_NEWPID : 0);
  const bool rooted = !spec.rootfs.empty();
  if (plan.user_namespace) plan.clone_flags |= CLONE_NEWUSER;

  std::optional<std::string> home;
  if (rooted || !spec.user.empty() || !spec.group_add.empty()) {
    auto user = resolve_user(spec.user.empty() ? default_user(spec, facts) : spec.user, spec.group_add, facts.passwd,
                             facts.group);
    if (!user) return std::unexpected(std::move(user.error()));
    home = user->home;
    draft.user = std::move(*user);
  }
  draft.change_ids = draft.user && (!plan.user_namespace || !plan.uids.empty());  // else the map of one id does it
  if (!spec.group_add.empty() && !draft.change_ids) {
    return std::unexpected(Error{.code = "E_USER",
                                 .where = "--group-add",
                                 .what = spec.group_add.front(),
                                 .err = 0,
                                 .why = "an ordinary user's container has one group only",
                                 .hint = "give it more ids: --userns auto, with --rootfs; or run sup as root",
                                 .path = {},
                                 .stage = "group"});
  }
  if (draft.user) {
    if (auto r = check_mapped(plan, *draft.user); !r) return std::unexpected(std::move(r.error()));
  }
  if (auto r = check_adds(spec, facts, plan.user_namespace); !r) return std::unexpected(std::move(r.error()));
  draft.environment = build_environment(spec, facts.environ, home, rooted ? hostname_of(spec, facts) : std::string());
  auto cwd = directory(spec, facts);
  if (!cwd) return std::unexpected(std::move(cwd.error()));

  // First of all, so that no later hang outlives the supervisor.
  draft.add(step(Op::pdeathsig, {SIGKILL}));
  // Early, because it is the same for all of them: what waits for a command has this behind it. They stay blocked.
  draft.add(step(Op::signals_default, {facts.default_signals}));
  // Before anything is done that could cost something: all of it counts, and a limit that cannot be had stops the start here.
  if (needs_group(spec)) draft.add(step(Op::wait, {static_cast<std::uint64_t>(wire::WaitFor::cgroup)}));
  if (plan.user_namespace) {
    auto whose = shared_user_namespace(spec, facts);
    if (!whose) return std::unexpected(std::move(whose.error()));
    plan.user_namespace_of = std::move(*whose);
  }
  if (!plan.user_namespace || !plan.user_namespace_of.empty()) enter_shared(draft);
  // Without a root of its own an ordinary user's command gets them with its second user namespace.
  if (rooted || !plan.user_namespace) make_others(draft);
  guard(draft);
  if (rooted) {
    isolate_in_root(draft);
  } else if (plan.user_namespace) {
    isolate_as_user(draft);
  } else {
    isolate_as_root(draft);
  }
  furnish(draft);
  confine(draft, *cwd);
  execute(draft);
  return std::move(plan);
}

Result<Plan> compile_exec(const Spec& container, const Facts& facts, const Spec& exec, const Inside& inside) {
  if (exec.argv.empty() || exec.argv.front().empty()) return usage("exec", "Missing command");
  Spec spec = container;
  spec.argv = exec.argv;
  spec.tty = exec.tty;
  spec.interactive = exec.interactive;
  // One directory that somebody has asked for, in either place; the container's is entered as the container entered it.
  if (!exec.workdir.empty()) {
    auto from = directory(container, facts);
    if (!from && !exec.workdir.starts_with('/')) return std::unexpected(std::move(from.error()));
    spec.workdir = from ? join_path(*from, exec.workdir) : exec.workdir;
  }
  if (!exec.user.empty()) spec.user = exec.user;
  Draft draft{.spec = spec, .facts = facts, .may = privileges(spec)};
  Plan& plan = draft.plan;
  plan.tty = spec.tty;
  plan.joins = true;

  // The container's environment, and what exec says on top of it.
  std::optional<std::string> home;
  const bool rooted = !container.rootfs.empty();
  if (rooted || !container.user.empty() || !container.group_add.empty()) {
    auto user = resolve_user(container.user.empty() ? default_user(container, facts) : container.user,
                             container.group_add, facts.passwd, facts.group);
    if (!user) return std::unexpected(std::move(user.error()));
    home = user->home;
    draft.user = std::move(*user);
  }
  const auto own =
      build_environment(container, facts.environ, home, rooted ? hostname_of(container, facts) : std::string());
  home.reset();
  if (!exec.user.empty()) {
    auto user = resolve_user(exec.user, container.group_add, inside.passwd, inside.group);
    if (!user) return std::unexpected(std::move(user.error()));
    home = user->home;
    draft.user = std::move(*user);
  }
  // Who comes from outside is nobody in there, even where it has one id only.
  const bool ranges = wants_ranges(container.userns);
  if (!ranges && inside.uid && draft.user && !exec.user.empty() &&
      (draft.user->uid != *inside.uid || draft.user->gid != inside.gid.value_or(*inside.uid))) {
    return std::unexpected(Error{.code = "E_USER",
                                 .where = "--user",
                                 .what = exec.user,
                                 .err = 0,
                                 .why = "the container has one user only, " + std::to_string(*inside.uid) + ":" +
                                        std::to_string(inside.gid.value_or(*inside.uid)),
                                 .hint = "leave -u out, or start the container with that user, or as root",
                                 .path = {},
                                 .stage = "user"});
  }
  draft.change_ids = draft.user && (ranges || !inside.uid);
  Spec on_top = spec;
  on_top.clear_env = false;
  on_top.rootfs.clear();
  on_top.env = exec.env;
  draft.environment = build_environment(on_top, own, home);
  auto cwd = directory(spec, facts);
  if (!cwd) return std::unexpected(std::move(cwd.error()));

  draft.add(step(Op::pdeathsig, {SIGKILL}));
  draft.add(step(Op::signals_default));
  const std::uint64_t given = given_up(draft.may);
  draft.add(step(Op::join, {inside.namespaces, static_cast<std::uint64_t>(plan.join_fd()), given}));
  // A wish of the parent's own; its child begins without.
  draft.add(step(Op::pdeathsig, {SIGKILL}));
  // Until the supervisor knows who this is, and has put it where it belongs: it must not end unseen.
  draft.add(step(Op::wait, {static_cast<std::uint64_t>(wire::WaitFor::start)}));
  // In the container's own devpts, as the command's own: it is looked at, a container may have changed its /dev.
  if (spec.tty && rooted) {
    constexpr std::uint64_t kPts = 0;
    const bool may_give = draft.change_ids && (given & bit(CAP_CHOWN)) == 0;
    plan.own_tty = true;
    draft.add(step(Op::tree, {kPts, wire::TreeHow::open}, {"/dev/pts"}));
    draft.add(step(Op::terminal, {kPts, wire::kNoTree, may_give ? draft.user->uid : wire::kNobody}));
    draft.add(step(Op::let_go));
  }
  confine(draft, *cwd);
  execute(draft);
  return std::move(plan);
}

Result<std::vector<std::byte>> encode(const Plan& plan) {
  if (plan.steps.size() > wire::kMaxSteps) return std::unexpected(too_big("too many steps"));
  std::size_t bound = sizeof(wire::Header) + 1;
  for (const Step& one : plan.steps) {
    bound += size_of(one);
    if (bound > wire::kMaxPlan) return std::unexpected(too_big("arguments and environment are too long"));
  }
  Writer out(sizeof(wire::Header) + plan.steps.size() * sizeof(wire::Step));
  out.bytes().reserve(bound);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& from = plan.steps[i];
    wire::Step to{};
    to.op = static_cast<std::uint16_t>(from.op);
    std::ranges::copy(from.n, to.n);
    for (std::size_t k = 0; k < from.s.size(); ++k) {
      if (!from.s[k].empty()) to.s[k] = static_cast<std::uint32_t>(out.string(from.s[k]));
    }
    // exec has lists alone; elsewhere they stand behind the one string.
    const std::size_t first = from.op == Op::exec ? 0 : 1;
    for (std::size_t k = 0; k < from.lists.size() && first + k < std::size(to.s); ++k) {
      to.s[first + k] = static_cast<std::uint32_t>(out.list(from.lists[k]));
    }
    to.flags = from.flags;
    if (from.op == Op::groups || from.op == Op::seccomp)
      to.s[0] = static_cast<std::uint32_t>(out.numbers(from.numbers));
    out.put(sizeof(wire::Header) + i * sizeof(wire::Step), to);
  }
  out.bytes().push_back(std::byte{0});
  const wire::Header header{wire::kMagic, wire::kVersion, static_cast<std::uint16_t>(plan.steps.size()),
                            static_cast<std::uint32_t>(out.bytes().size()), 0};
  out.put(0, header);
  return std::move(out.bytes());
}

}  // namespace sup
