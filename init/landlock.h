// landlock: the steps that bind a command by Landlock (landlock(7)): rules are given by descriptor, and hold for it and its
// children for good. Needs no privilege but no_new_privs.
#pragma once
#include "init/steps.h"

namespace sup::init {

// The ops of the same names (init/plan.h). 0, or an errno. `paths` ends in nullptr.
[[nodiscard]] int ruleset(Run& run, const wire::Step& step);
[[nodiscard]] int allow(Run& run, const wire::Step& step, const char* const* paths);
[[nodiscard]] int enforce(Run& run, const wire::Step& step);

}  // namespace sup::init
