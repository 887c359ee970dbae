// procfs: what /proc/PID tells, read whole and parsed once.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace sup {

// The whole text of a small file; E_READ with the path otherwise. At most `limit` bytes; more is EFBIG.
// Never blocks on a FIFO or a device: only regular files (procfs's are).
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit = 16U << 20);

// A process's attitude to signals (proc_pid_stat(5), proc_pid_status(5)); bit N-1 is signal N.
struct SignalState {
  std::uint64_t blocked = 0;
  std::uint64_t ignored = 0;
  std::uint64_t caught = 0;
  std::string command;      // the name of its program, up to 15 bytes
  [[nodiscard]] bool has_handler(int signal) const { return (caught >> (signal - 1) & 1) != 0; }
  [[nodiscard]] bool ignores(int signal) const { return (ignored >> (signal - 1) & 1) != 0; }
  [[nodiscard]] bool blocks(int signal) const { return (blocked >> (signal - 1) & 1) != 0; }
};

// none when the process is gone or is a zombie. number: the signal in question; of the others, real-time ones may be left out.
[[nodiscard]] std::optional<SignalState> signal_state(pid_t pid, int number = 1);

}  // namespace sup
