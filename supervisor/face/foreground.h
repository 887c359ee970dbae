// Foreground: one container on the caller's terminal, pipes or files, for as long as it runs.
#pragma once
#include "core/container.h"
#include "face/cli/verb.h"
#include "spec/facts.h"
#include "spec/plan.h"
#include "spec/spec.h"

namespace sup {

// Runs it to its end and returns the exit status for the shell. Prints and logs its errors itself: an Error
// comes back only when nothing was begun.
[[nodiscard]] Result<int> run_foreground(const cli::Globals& globals, const Spec& spec, const Facts& facts,
                                         const Plan& plan);

}  // namespace sup
