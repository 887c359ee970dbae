// Sample: what processes use, as of now, from /proc (proc_pid_stat(5), statm, io).
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sup {

struct ProcessSample {
  pid_t pid = -1;
  pid_t parent = -1;
  char state = '?';                          // R, S, D, T, t, Z …
  std::string command;                       // its words with blanks between, as they are; "[name]" where there are none
  std::uint64_t cpu_us = 0;                  // its own and that of the children it has waited for
  std::uint64_t rss_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t started_us = 0;              // since the boot
  std::optional<std::uint64_t> read_bytes;   // from and to block devices; none: not ours to see
  std::optional<std::uint64_t> written_bytes;
  std::optional<std::uint64_t> fds;
};

// A container as a whole.
struct Sample {
  std::uint64_t at_us = 0;                   // since the boot
  std::uint64_t started_us = 0;              // of its first process
  std::uint64_t cpu_us = 0;
  std::uint64_t memory_bytes = 0;            // the sum of what its processes have in memory; shared pages count for each
  std::uint64_t processes = 0;
  std::uint64_t threads = 0;
  std::optional<std::uint64_t> read_bytes;
  std::optional<std::uint64_t> written_bytes;
};

// first and what descends from it. What ends while we look is left out.
[[nodiscard]] std::vector<ProcessSample> sample_processes(pid_t first);
// Of the container whose process 1 is first; none: it has ended.
[[nodiscard]] std::optional<Sample> sample_container(pid_t first);
// Microseconds since the boot, as in the samples.
[[nodiscard]] std::uint64_t boot_us();

}  // namespace sup
