// Who is inside of a container, seen from outside.
#pragma once
#include <sys/types.h>

#include <optional>
#include <vector>

namespace sup {

// Where `first` shares our own pid namespace, which is full of others: itself and its descendants. Else
// every process in the pid namespace of `first`, in one nested in it, or descended from one of these; `first` itself included.
// A look at what changes meanwhile: one that forks may have a child that is not in it.
[[nodiscard]] std::vector<pid_t> processes_with(pid_t first);

// Its first child, where the kernel tells (proc_pid_children(5)).
[[nodiscard]] std::optional<pid_t> first_child(pid_t pid);
// The pid of its parent, as we see it; 0: it has none here, or is no more.
[[nodiscard]] pid_t parent_of(pid_t pid);

}  // namespace sup
