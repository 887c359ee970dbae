// show_plan: a plan for people, for programs, and in a peer's words.
#pragma once
#include "face/cli/run_options.h"
#include "spec/facts.h"
#include "spec/plan.h"

namespace sup::cli {

// Prints to standard output; 0.
[[nodiscard]] Result<int> show_plan(const Spec& spec, const Facts& facts, const Plan& plan, const RunFlags& flags);

}  // namespace sup::cli
