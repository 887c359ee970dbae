// Where a new process begins to run.
#pragma once
#include <sys/types.h>

namespace sup {

// Sends a process that has just been made to another processor, and allows it everywhere again that its maker may be. Most
// schedulers do so themselves; one that keeps a virtual machine's processors together leaves it behind its maker until that
// one sleeps, 2.8 ms where it was seen, so that a start and the next one's preparation never happen at once. Best effort; some
// microseconds. It must not have been bound by anybody yet.
// Allowed everything first, and bound only if that is more than its maker may: what a process was told to keep to stays with it,
// also when its cpuset grows or a processor comes back. One whose maker is free must stay so.
void place_apart(pid_t pid);

}  // namespace sup
