// run -d: the same container, under a supervisor in the background.
#pragma once
#include "face/cli/verb.h"
#include "spec/facts.h"
#include "spec/spec.h"

namespace sup::cli {

// Prints the id; 0. The supervisor is -S's or "default", started when it is not there.
[[nodiscard]] Result<int> run_detached(const Globals& globals, const Spec& spec, const Facts& facts);

}  // namespace sup::cli
