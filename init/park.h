// park: the wait in which an init made in advance stands until there is something to run (wire::WaitFor::park).
//
//   sup ── clone ──► init: the steps that are every container's (namespaces, /proc, lo)
//    │ ◄ {parked, i} ─┤ 0, 1 and 2 closed: nothing of the host's is held but the channel. (Unsaid where {go, k} is there.)
//    ⋮                ⋮
//    │ ─ {go, k} + command's 0, 1, 2; a plan ─► the new plan, from its step k on
//
// The new plan is a whole one, whose first k steps are those that have been carried out: which step failed is so told in
// the same numbers as by an init that was not parked.
#pragma once
#include "init/steps.h"

namespace sup::init {

// 0: run.block is the new plan and run.index the step before its next. Else an errno, run.index telling which step of the
// plan that is carried out is wrong. Ends init when the supervisor has gone.
[[nodiscard]] int park(Run& run);

}  // namespace sup::init
