// The steps that build a root, as a person reads them, and what their failures mean.
#pragma once
#include <cstddef>
#include <string>

#include "spec/mount.h"
#include "spec/plan.h"
#include "spec/spec.h"

namespace sup {

[[nodiscard]] std::string describe_root_step(const Step& step);

struct RootFailure {
  std::string why;    // empty: nothing more is known than the errno
  std::string hint;
  bool creatable = false;  // something is missing that the option create makes
};
// Of a step that describe_root_step() knows.
[[nodiscard]] RootFailure explain_root_step(const Step& step, int err);

// Which of the user's mounts step `index` makes; none: it is of the container's own.
[[nodiscard]] const Mount* mount_of(const Spec& spec, const Plan& plan, std::size_t index);
// What failed there, in the words that were typed: its source where that is taken, else where it goes. `known` is adapted to the
// option that it was said with.
[[nodiscard]] std::string mount_failure(const Mount& mount, const Step& step, RootFailure& known);

}  // namespace sup
