// What is measured. Each takes turns: A B, B A, A B … so that whatever the machine does meanwhile, it does to both.
#pragma once
#include <string>

#include "report.h"

namespace bench {

struct Setting {
  std::string sup;      // absolute path
  std::string floors;   // folder of the built floor programs
  std::string scratch;  // an empty folder of ours
  bool quick = false;
  bool root = false;
};

// Whole runs of /bin/true, as other programs do the same isolation.
void measure_starts(const Setting& setting, Report& report);
// The same in a root of its own, with docker's profile and limits, as OCI runtimes do it.
void measure_roots(const Setting& setting, Report& report);
// Output on its way through: MB/s of what the command writes.
void measure_carrying(const Setting& setting, Report& report);
// The most memory that sup itself ever had (VmHWM): the command's own is not in it.
void measure_memory(const Setting& setting, Report& report);
// What one start makes the supervising process do, counted; the command and its set-up are not in it.
void measure_cost(const Setting& setting, Report& report);

// Many containers under one supervisor, with and without inits made in advance.
void measure_many(const Setting& setting, Report& report);

}  // namespace bench
