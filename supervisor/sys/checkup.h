// Checkup: what `sup doctor` looks at. Each check is one Finding; nothing is left behind: what a check makes (a
// namespace, a pty, a group) is gone when it returns.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/cgrouplayout.h"
#include "sys/kernel.h"

namespace sup {

struct Finding {
  enum class Status { ok, warn, fail };   // fail: an ordinary `sup run` of this user does not work
  std::string name;      // stable, for programs: "kernel", "namespace.pid", "cgroup.delegation"
  Status status = Status::ok;
  std::string seen;      // what is there
  std::string fix{};     // the command that mends it; empty when ok
};

// All of them, in a fixed order. Needs a single-threaded process (it forks).
[[nodiscard]] std::vector<Finding> checkup(std::string_view version);

// The single checks. Those that take KernelFiles only read, so that a test can show them another system.
[[nodiscard]] Finding check_kernel(std::string_view release);
[[nodiscard]] Finding check_userns_sysctls(const KernelFiles& kernel, uid_t uid);
[[nodiscard]] Finding check_apparmor(const KernelFiles& kernel, uid_t uid);
[[nodiscard]] Finding check_lsm(const KernelFiles& kernel);
// version: what landlock_create_ruleset(2) says; 0: nothing.
[[nodiscard]] Finding check_landlock(long version);
[[nodiscard]] Finding check_seccomp(const KernelFiles& kernel);
[[nodiscard]] std::vector<Finding> check_namespaces(const KernelFiles& kernel, uid_t uid);
[[nodiscard]] Finding check_proc_mount(const KernelFiles& kernel, uid_t uid);
[[nodiscard]] Finding check_cgroups(const CgroupLayout& layout);
// May we make a group below our own? Tries it.
[[nodiscard]] Finding check_delegation(const CgroupLayout& layout, uid_t uid);
[[nodiscard]] Finding check_pty(const KernelFiles& kernel);
[[nodiscard]] Finding check_nofile(unsigned long soft, unsigned long hard);
[[nodiscard]] Finding check_memfd(const KernelFiles& kernel);
// The init at `path` (as sys/initimage.h finds it): whose it is, who may write it, whether it is of this version.
[[nodiscard]] Finding check_init_file(const std::string& path, std::string_view version);
[[nodiscard]] Finding check_yama(const KernelFiles& kernel);
[[nodiscard]] Finding check_binfmt(const KernelFiles& kernel);
// missing: why --userns auto has no ids (find_maps()), none: it has. helpers: newuidmap(1) and newgidmap(1) are there, or are not
// needed.
[[nodiscard]] Finding check_ranges(const std::optional<Error>& missing, bool helpers);
// there: pasta(1) is.
[[nodiscard]] Finding check_way_out(bool there);
// `runtime` is $SUP_RUNTIME_DIR, `xdg` $XDG_RUNTIME_DIR; empty: not set.
[[nodiscard]] Finding check_runtime_dir(std::string_view runtime, std::string_view xdg, uid_t uid);

}  // namespace sup
