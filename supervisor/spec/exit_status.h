// ExitStatus: how a process ended. The only place where the three ways of writing that meet: wait(2)'s
// status word, this struct, and the 0-255 that a shell sees.
#pragma once
#include <optional>

namespace sup {

struct ExitStatus {
  int code = 0;        // 0-255, what it gave to _exit(2); 0 when a signal ended it
  int signal = 0;      // 1-64, the signal that ended it; 0: none did
  bool core = false;   // a core was dumped; only with a signal

  // From wait(2)'s status word. nullopt for one that says stopped or continued: that is no end, and an exit
  // status is true or absent, never a guess.
  [[nodiscard]] static std::optional<ExitStatus> from_wait(int status);

  // What a shell would have in $?: the code, or 128 + signal.
  [[nodiscard]] int to_shell() const { return signal != 0 ? 128 + signal : code; }

  bool operator==(const ExitStatus&) const = default;
};

}  // namespace sup
