// Plan: the ordered steps for init, compiled from a Spec and Facts. Pure: values in,
// values out. The order of the steps is the security design; plan.cc says why each
// step stands where it stands.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "init/plan.h"
#include "spec/facts.h"
#include "spec/spec.h"

namespace sup {

// One step as the supervisor thinks of it. Which fields an op uses is said at wire::Op.
struct Step {
  wire::Op op = wire::Op::none;
  std::array<std::uint64_t, 3> n{};
  std::array<std::string, 4> s{};                        // single strings; empty: offset 0
  std::vector<std::vector<std::string>> lists{};         // Op::exec: candidates, argv, envp
  std::vector<std::uint32_t> numbers{};  // Op::groups: the gids; Op::seccomp: the filter, two an instruction
  std::uint16_t flags = 0;  // Op::call: its number
  bool operator==(const Step&) const = default;
};

struct Plan {
  std::uint64_t clone_flags = 0;  // CLONE_NEW* for clone3(2)
  bool user_namespace =
      false;  // clone_flags holds CLONE_NEWUSER: the spawner writes maps "0 <uid> 1", or makes it of these:
  IdMap uids;  // maps with more ids (sys/usernamespace.h)
  IdMap gids;
  // "/proc/PID": there is one with these maps already, that process's; empty: it is made.
  std::string user_namespace_of;
  // Mounts that only who has powers over the host can make: seen through the maps. init gets them at tree_fd() and on.
  struct Tree {
    std::string path;
    bool recursive = false;
    bool operator==(const Tree&) const = default;
  };
  std::vector<Tree> trees;
  bool tty = false;  // descriptors 0-2 are a pty slave, made before the clone
  bool own_tty = false;  // or by an Op::terminal, in a devpts of the container's own
  int preserve_fds = 0;
  bool guarded = false;  // init gets the descriptor of its cgroup.kill at guard_fd()
  bool joins = false;  // an Op::join is among the steps: init gets a pidfd at join_fd(), and a root behind it
  std::vector<Step> steps;

  // The descriptor numbers init is started with: BOOT, the plan at BOOT+1 and, when it joins, a pidfd at BOOT+2
  // and a root at BOOT+3.
  [[nodiscard]] int boot_fd() const { return 3 + preserve_fds; }
  [[nodiscard]] int join_fd() const { return boot_fd() + 2; }
  [[nodiscard]] int guard_fd() const { return boot_fd() + 2; }  // a plan with one joins nothing
  [[nodiscard]] int tree_fd() const { return boot_fd() + (guarded ? 3 : 2); }  // a plan that joins has no trees
};

// Compiles. Errors are the user's: unknown user, no such group, an empty command, a caller's directory that is
// gone. The Spec has passed check().
// Op::exec's n[0] is how many PATH entries were left out because the path would be longer than the kernel
// takes; init does not look at it, but who explains a "not found" does.
[[nodiscard]] Result<Plan> compile(const Spec& spec, const Facts& facts);

// What is known of a container that runs, for who goes into it.
struct Inside {
  std::uint64_t namespaces = 0;  // CLONE_NEW*: those that are not the supervisor's own
  std::optional<std::uint32_t> uid;  // the one uid and gid that its user namespace has; none: it has many
  std::optional<std::uint32_t> gid;
  std::string passwd;  // texts of its /etc/passwd and /etc/group; only when exec's user needs them
  std::string group;
};

// A plan for one more command in a container that runs: its namespaces are joined, and from there on the steps are those
// of its own start. So it is confined exactly as the container's command is.
// container, facts: what the container was started with. exec: of it counts argv, tty, interactive, env (on top of the
// container's), workdir (empty: the container's; relative to that) and user (empty: the container's; names as in
// Inside). Errors are the user's, as compile()'s; E_USER also for a user that the container's user namespace has not.
[[nodiscard]] Result<Plan> compile_exec(const Spec& container, const Facts& facts, const Spec& exec,
                                        const Inside& inside);

// The plan's bytes as init/plan.h lays them out. Error: E_PLAN_SIZE when a plan is too big.
[[nodiscard]] Result<std::vector<std::byte>> encode(const Plan& plan);

// What a failure of this step is called: the stable code for programs (E_MOUNT, E_WORKDIR, E_USER, …; for
// Op::exec E_EXEC, which who probes the path makes finer), and the stage of the start, one lower-case
// word as systemd.exec(5) has them ("mount", "chdir", "user", "exec").
[[nodiscard]] std::string_view failure_code(const Step& step);
[[nodiscard]] std::string_view stage(const Step& step);

// One line about a step as a person reads it: "mount proc on /proc (nosuid,nodev,noexec)".
[[nodiscard]] std::string describe(const Step& step);
// "user,mnt,pid": the names of CLONE_NEW* flags.
[[nodiscard]] std::string describe_namespaces(std::uint64_t clone_flags);

}  // namespace sup
