// Sample: what processes use, as of now, from /proc (proc_pid_stat(5), statm, io) and from the container's control group where it has
// one.
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
  char state = '?';  // R, S, D, T, t, Z …
  std::string command;  // its words with blanks between, as they are; "[name]" where there are none
  std::uint64_t cpu_us = 0;  // its own and that of the children it has waited for
  std::uint64_t rss_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t started_us = 0;  // since the boot
  std::optional<std::uint64_t> read_bytes;  // from and to block devices; none: not ours to see
  std::optional<std::uint64_t> written_bytes;
  std::optional<std::uint64_t> fds;
};

// A container as a whole.
struct Sample {
  std::uint64_t at_us = 0;  // since the boot
  std::uint64_t started_us = 0;  // of its first process
  std::uint64_t cpu_us = 0;
  std::uint64_t memory_bytes =
      0;  // the control group's; else the sum over its processes, where shared pages count for each
  std::optional<std::uint64_t> memory_limit_bytes;
  std::uint64_t processes = 0;
  std::uint64_t threads = 0;
  std::optional<std::uint64_t> read_bytes;
  std::optional<std::uint64_t> written_bytes;
};

// Of the container of that id, whose process 1 is `first`: it and what descends from it, and what else is in its control group. What
// ends while we look is left out.
[[nodiscard]] std::vector<ProcessSample> sample_processes(pid_t first, const std::string& id);
// none: it has ended.
[[nodiscard]] std::optional<Sample> sample_container(pid_t first, const std::string& id);
// Microseconds since the boot, as in the samples.
[[nodiscard]] std::uint64_t boot_us();

}  // namespace sup
