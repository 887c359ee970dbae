#include "core/eventlog.h"
#include "face/cli/namespace_options.h"
#include "face/cli/run_options.h"
#include "face/cli/run_under.h"
#include "face/cli/show_plan.h"
#include "face/cli/verb.h"
#include "face/control/client.h"
#include "face/foreground.h"
#include "face/lastword.h"
#include "spec/check.h"
#include "spec/path.h"
#include "spec/plan.h"
#include "sys/facts.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

namespace sup::cli {
namespace {

// A descriptor that is named must be open now: later its number may be one of ours.
Result<void> check_descriptors(const Globals& globals, const Spec& spec) {
  if (auto named = EventLog::descriptor(globals.events); !named) return std::unexpected(std::move(named.error()));
  if (auto r = LastWord::check(spec); !r) return r;
  for (int fd = 3; fd < 3 + spec.preserve_fds; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
      return usage("--preserve-fds " + std::to_string(spec.preserve_fds),
                   "descriptor " + std::to_string(fd) + " is not open",
                   "pass the descriptors 3 to " + std::to_string(2 + spec.preserve_fds));
    }
  }
  return {};
}

// Paths of the caller's are meant from the caller's directory, whichever supervisor opens them.
Result<void> make_absolute(Spec& spec) {
  std::vector<std::string*> paths;
  if (!spec.rootfs.empty()) paths.push_back(&spec.rootfs);
  for (Mount& mount : spec.mounts) {
    if (!mount.source.empty()) paths.push_back(&mount.source);
  }
  for (std::string* path : paths) {
    if (path->starts_with('/')) continue;
    char cwd[PATH_MAX];
    if (::getcwd(cwd, sizeof cwd) == nullptr || cwd[0] != '/')
      return usage(*path, "the current directory is gone", "go to another one, or write the whole path");
    *path = join_path(cwd, *path);
  }
  return {};
}

class RunVerb : public Verb {
 public:
  explicit RunVerb(bool plan_only) { flags_.plan = plan_only; }

  std::vector<Option> options() override {
    auto rows = run_options(spec_, flags_);
    if (flags_.plan) std::erase_if(rows, [](const Option& o) { return o.name == "plan"; });
    return rows;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    spec_.argv = std::move(operands);
    if (flags_.rm && flags_.keep) return usage("run", "conflicting options: cannot specify both --rm and --keep");
    const bool restarts = spec_.restart.kind != RestartPolicy::Kind::no;
    if (restarts && flags_.rm) return usage("run", "conflicting options: cannot specify both --restart and --rm");
    if (restarts && !flags_.detach) return usage("--restart", "a foreground run ends with its command", "add -d");
    if (!flags_.plan && !flags_.as.empty()) return usage("--as", "shows a plan", "say sup plan, or run --plan");
    spec_.rm = flags_.detach ? flags_.rm : !flags_.keep;
    if (auto r = find_namespaces(globals, spec_); !r) return std::unexpected(r.error());
    if (auto r = check(spec_); !r) return std::unexpected(r.error());
    if (auto r = check_descriptors(globals, spec_); !r) return std::unexpected(r.error());
    if (auto r = make_absolute(spec_); !r) return std::unexpected(r.error());
    auto facts = gather(spec_);
    if (!facts) return std::unexpected(facts.error());
    auto plan = compile(spec_, *facts);
    if (!plan) return std::unexpected(plan.error());
    if (flags_.plan) return show_plan(spec_, *facts, *plan, flags_);
    if (!spec_.name.empty()) {
      if (auto r = control::check_name_free(spec_.name); !r) return std::unexpected(r.error());
    }
    if (flags_.detach) return run_detached(globals, spec_, *facts);
    if (!globals.supervisor.empty()) return run_attached(globals, spec_, *facts);
    return run_foreground(globals, std::move(spec_), std::move(*facts), std::move(*plan));
  }

 private:
  Spec spec_;
  RunFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_run() { return std::make_unique<RunVerb>(false); }
std::unique_ptr<Verb> make_plan() { return std::make_unique<RunVerb>(true); }

}  // namespace sup::cli
