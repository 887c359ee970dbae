// launch: from a plan and three descriptors to a process on its way.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "spec/facts.h"
#include "spec/plan.h"

namespace sup {

struct Launched {
  pid_t pid = -1;
  Fd pidfd;
  std::uint64_t clone_us = 0;    // clone to init's exec
};

// The two ends of the boot channel (init/plan.h), both CLOEXEC. Made and watched before there is a process: a start that
// nobody could hear of must not happen.
struct BootChannel {
  Fd ours;
  Fd theirs;
};
[[nodiscard]] Result<BootChannel> make_boot_channel();

struct LaunchOptions {  // descriptors are borrowed but for the user namespace; -1: none
  int join = -1;  // for a plan that joins: the pidfd of whose namespaces,
  int root = -1;  // and that one's root, O_PATH
  int guard = -1;  // for one that is guarded: its cgroup.kill
  Fd user_namespace{};  // with the plan's maps, where a Mapping has made it
  std::span<const Fd> tasks{};  // Fence::task_files()
  int plan = -1;  // plan_file()'s, where several are made by it; -1: one of its own
};

// The plan as init reads it, sealed (sys/sealed.h).
[[nodiscard]] Result<Fd> plan_file(const Plan& plan);

// stdio: the command's 0, 1 and 2, borrowed. image: load_init()'s. boot: `theirs`, borrowed. cgroup: a v2 cgroup to be born
// in, or -1 (sys/spawn.h). Errors come explained (sys/explain.h), and leave nothing behind.
[[nodiscard]] Result<Launched> launch(const Plan& plan, const Facts& facts, const int (&stdio)[3], int image, int boot,
                                      int cgroup = -1, LaunchOptions options = {});

// The rest of a start for an init that is parked (init/park.h): it goes on with step `from` of the plan. boot: our end of its
// channel, borrowed. What the channel had no room for comes back, and must follow. Errors leave init as it is; E_PARKED: it is
// not there any more.
[[nodiscard]] Result<std::string> go_on(const Plan& plan, std::size_t from, const int (&stdio)[3], int boot);

}  // namespace sup
