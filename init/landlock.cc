#include "init/landlock.h"

namespace sup::init {
namespace {

int error(long result) { return result < 0 ? static_cast<int>(-result) : 0; }

void put(int& place, int fd) {
  if (place >= 0) sys::close(place);
  place = fd;
}

}  // namespace

int ruleset(Run& run, const wire::Step& step) {
  // What an older kernel does not know of it is 0, and then it does not mind the size.
  const sys::RulesetAttr attr = {step.n[1], 0, step.n[2]};
  const long made = sys::call(sys::kNrLandlockCreateRuleset, &attr, sizeof attr, 0);
  if (made < 0) return error(made);
  put(run.trees[step.n[0]], static_cast<int>(made));
  return 0;
}

int allow(Run& run, const wire::Step& step, const char* const* paths) {
  for (; *paths != nullptr; ++paths) {
    const long opened = sys::open(*paths, sys::kOPath | sys::kOCloexec);
    if (opened == -ENOENT || opened == -ENOTDIR) continue;  // not there (any more)
    if (opened < 0) return error(opened);
    const int fd = static_cast<int>(opened);
    const sys::PathBeneath rule = {step.n[1], fd};
    const int err =
        error(sys::call(sys::kNrLandlockAddRule, run.trees[step.n[0]], sys::kLandlockPathBeneath, &rule, 0));
    sys::close(fd);
    if (err != 0) return err;
  }
  return 0;
}

int enforce(Run& run, const wire::Step& step) {
  int& place = run.trees[step.n[0]];
  const int err = error(sys::call(sys::kNrLandlockRestrictSelf, place, 0));
  put(place, -1);
  return err;
}

}  // namespace sup::init
