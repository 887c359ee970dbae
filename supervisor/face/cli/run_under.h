// run under a supervisor in the background: -d, and (with -S or $SUP_SUPERVISOR) attached to what it runs.
#pragma once
#include "face/cli/verb.h"
#include "spec/facts.h"
#include "spec/spec.h"

namespace sup::cli {

// Both: the supervisor is -S's or "default", started when it is not there. facts: the caller's.

// Prints the id; 0.
[[nodiscard]] Result<int> run_detached(const Globals& globals, const Spec& spec, const Facts& facts);

// Stays until the command ends or the caller leaves it (0). The exit status is as in a foreground run.
[[nodiscard]] Result<int> run_attached(const Globals& globals, const Spec& spec, const Facts& facts);

}  // namespace sup::cli
