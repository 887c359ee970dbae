// Signals: their names and numbers, as kill(1) and docker write them.
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace sup {

// The kernel has signals 1 to 64.
inline constexpr int kMaxSignal = 64;

// "TERM", "SIGTERM", "15", "RTMIN+3", "SIGRTMAX-1", whatever the case. Signal 0 is none.
// Error: E_USAGE at `where`, with the nearest name as the hint.
[[nodiscard]] Result<int> parse_signal(std::string_view text, std::string_view where = {});

// 15 -> "SIGTERM", 37 -> "SIGRTMIN+3"; what has no name -> "SIG32".
[[nodiscard]] std::string signal_name(int number);

}  // namespace sup
