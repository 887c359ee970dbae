// Handover: a process becomes a new version of its program and keeps its pid, children and descriptors.
#pragma once
#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

// The state as a sealed memfd_create(2) file, and back. read_state() takes nothing else (E_STATE): what is not sealed
// could change while it is read.
[[nodiscard]] Result<Fd> write_state(std::string_view bytes);
[[nodiscard]] Result<std::string> read_state(int fd);

// execv(3) with these descriptors left open across it, and `state` too. Returns only when it failed; the descriptors are
// CLOEXEC again then. `state`'s number is put in place of the argument "@".
[[nodiscard]] Error exec_in_place(const std::string& program, std::vector<std::string> argv, const Fd& state,
                                  std::span<const int> keep);

// What a program says on a trial that can go on from the state, besides ending with 0: many a program does that, whatever it is
// asked.
inline constexpr std::string_view kTrialPassed = "sup: can go on from this state\n";

// Starts `program` with `state` open (its number in place of "@"), /dev/null for 0 and 1, and standard error for us to read. It
// is our child, first of a process group: reap it. Signals are as in a fresh process.
struct Trial {
  pid_t pid = -1;
  Fd words;  // what it writes to standard error
};
[[nodiscard]] Result<Trial> start_trial(const std::string& program, std::vector<std::string> argv, const Fd& state);

}  // namespace sup
