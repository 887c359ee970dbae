// pid1: init as the PID 1 that stays (wire::Op::stay, `sup run --init`).
//
//   stay ── clone(VM|VFORK) ──► child: the rest of the plan ──► execve
//    │ asleep until then                     │ a step failed: says {failed}, exits
//    ▼                                       ▼
//   {running} ─► loop: signal ► forward · child ended ► reap · supervisor gone ► exit 125
//                       the command ended ► {exited}, exit with its status; the kernel kills the rest
//
// No handlers and no allocation: every signal is blocked and read from one descriptor,
// so nothing is lost between two looks and memory stays flat whatever the command leaves
// behind. What it holds once the command runs: the boot channel, the signal descriptor,
// and of all capabilities CAP_KILL, which its own PID namespace bounds. Not dumpable, so
// the command cannot attach to it.
#pragma once
#include "init/steps.h"

namespace sup::init {

// guard: 0; or a descriptor of the cgroup.kill of the group that all of it is in. Then init is no PID 1, nothing ends with it, and
// it writes there at its own end.
//
// Makes the child, which calls child(&run) and does not return from it. Returns only when
// the child could not be made: the errno. The parent's side ends in exit.
[[nodiscard]] int stay(Run& run, int guard, void (*child)(void*));

}  // namespace sup::init
