// The steps that build a root, as a person reads them, and what their failures mean.
#pragma once
#include <string>

#include "spec/plan.h"

namespace sup {

[[nodiscard]] std::string describe_root_step(const Step& step);

struct RootFailure {
  std::string why;    // empty: nothing more is known than the errno
  std::string hint;
};
// Of a step that describe_root_step() knows.
[[nodiscard]] RootFailure explain_root_step(const Step& step, int err);

}  // namespace sup
