// Who is inside of a container, seen from outside.
#pragma once
#include <sys/types.h>

#include <vector>

namespace sup {

// Every process in the pid namespace of `first`, in one nested in it, or descended from one of these; `first` itself included.
// A look at what changes meanwhile: one that forks may have a child that is not in it.
[[nodiscard]] std::vector<pid_t> processes_with(pid_t first);

}  // namespace sup
