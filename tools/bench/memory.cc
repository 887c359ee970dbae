#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "carrying.h"
#include "child.h"
#include "measures.h"

namespace bench {
namespace {

// ru_maxrss would do, were it not the larger of the process and the children it waited for (and of who it was before exec).
double peak_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return -1;
}

// Runs `argv` until `bytes` have come out, looks, lets it end by ending its input. Negative: `why`.
double peak_of(const Words& argv, std::uint64_t bytes, std::string& why) {
  int input[2];
  if (::pipe2(input, O_CLOEXEC) < 0) {
    why = "no pipe to be had";
    return -1;
  }
  Drain drain(Sink::pipe);
  Child child(argv, {.in = input[0], .out = drain.theirs(), .err = -1});
  ::close(input[0]);
  drain.give_away();
  const bool arrived = drain.until(bytes);
  const double peak = arrived ? peak_kib(child.pid()) : -1;
  ::close(input[1]);
  (void)drain.until(~std::uint64_t{0});
  const int status = child.wait();
  if (peak < 0 || status != 0)
    why = argv[0] + ": status " + std::to_string(status) + ", " + std::to_string(drain.got()) + " bytes came";
  return peak;
}

Row peak(std::string measure, const Words& ours, const Words& theirs, std::uint64_t bytes, int rounds) {
  Row row{.measure = std::move(measure),
          .peer = "floor",
          .unit = "KiB",
          .ours = {},
          .theirs = {},
          .absent = {},
          .failed = {},
          .bar = 8192,
          .absolute = true};
  std::vector<double> mine;
  std::vector<double> other;
  for (int i = 0; i < rounds; ++i) {
    mine.push_back(peak_of(ours, bytes, row.failed));
    other.push_back(peak_of(theirs, bytes, row.failed));
    if (!row.failed.empty()) return row;
  }
  row.ours = summarize(std::move(mine));
  row.theirs = summarize(std::move(other));
  return row;
}

}  // namespace

void measure_memory(const Setting& setting, Report& report) {
  const int rounds = setting.quick ? 1 : 5;
  const std::uint64_t mib = setting.quick ? 16 : 64;
  const std::string emit = setting.floors + "/emit";
  const std::string relay = setting.floors + "/carry";
  report.add(peak("memory: peak of sup, -i, command idle", {setting.sup, "run", "-i", emit, "0", "hold"},
                  {relay, "pipe", emit, "0", "hold"}, 100, rounds));
  report.add(peak("memory: peak of sup, -ti, after output",
                  {setting.sup, "run", "-ti", emit, std::to_string(mib), "hold"},
                  {relay, "pipe", emit, std::to_string(mib), "hold"}, emitted(mib, false), rounds));
}

}  // namespace bench
