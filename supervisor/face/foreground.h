// Foreground: one container on the caller's terminal, pipes or files, for as long as it runs.
#pragma once
#include "core/container.h"
#include "face/cli/verb.h"
#include "spec/facts.h"
#include "spec/plan.h"
#include "spec/spec.h"

namespace sup {

// Runs it to its end and returns the exit status for the shell. Prints and logs its errors itself: an Error
// comes back only when nothing was begun. Meanwhile it is a supervisor like any other, named run_name(id): the verbs reach
// its container through the control socket.
[[nodiscard]] Result<int> run_foreground(const cli::Globals& globals, Spec spec, Facts facts, Plan plan);

}  // namespace sup
