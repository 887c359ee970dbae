// join: init goes into a container that runs already (wire::Op::join, `sup exec`).
//
//   sup ── clone ──► init, outside: setns(2) of all namespaces
//    │                 │ clone(CLONE_PARENT): a pid namespace takes in children only
//    │ ◄─ {joined} ────┤ exits         ╲
//    │                                  ╲► init, inside, a child of sup's: the rest of the plan ──► execve
//
// Who is inside may look at whoever comes in, and as root attach to it. So only this image comes in, never a copy of
// the supervisor: it has an empty environment, its program is a sealed memfd, and of descriptors it holds the command's
// three and the boot channel. It is not dumpable until the command is executed (CVE-2016-9962), and it has given up the
// capabilities that the container has not, so that there is nothing to be had from it.
#pragma once
#include "init/steps.h"

namespace sup::init {

// Returns in the child: 0. In the one outside it returns a failure's errno, and else ends in exit.
[[nodiscard]] int join(const Run& run, const wire::Step& step);

}  // namespace sup::init
