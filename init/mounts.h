// mounts: the steps that build a root of the container's own, with the mount calls that work on descriptors
// (open_tree(2), fsopen(2), mount_setattr(2), move_mount(2)): what is attached has its flags already, and no path inside a
// root is walked but by openat2(2) from the root's own descriptor.
#pragma once
#include "init/plan.h"
#include "init/steps.h"

namespace sup::init {

// Whether the numbers of trees in a step are ones. True for every other op.
[[nodiscard]] bool right_trees(const wire::Step& step);

// The ops of the same names (init/plan.h). 0, or an errno. `list` arguments end in nullptr.
[[nodiscard]] int open_tree(Run& run, const wire::Step& step, const char* path, const char* where);
[[nodiscard]] int new_filesystem(Run& run, const wire::Step& step, const char* type, const char* const* options);
[[nodiscard]] int set_attributes(Run& run, const wire::Step& step);
[[nodiscard]] int attach(Run& run, const wire::Step& step, const char* path);
[[nodiscard]] int new_file(Run& run, const wire::Step& step, const char* path, const char* text);
[[nodiscard]] int make(Run& run, const wire::Step& step, const char* path, const char* target);
[[nodiscard]] int mask(Run& run, const wire::Step& step, const char* const* paths);
[[nodiscard]] int bind_readonly(Run& run, const wire::Step& step, const char* const* paths);
[[nodiscard]] int pivot(Run& run, const wire::Step& step);
[[nodiscard]] int terminal(Run& run, const wire::Step& step);
[[nodiscard]] int let_go(Run& run);
[[nodiscard]] int renew(const wire::Step& step, const char* path);

}  // namespace sup::init
