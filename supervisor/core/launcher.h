// launch: from a plan and three descriptors to a process on its way.
#pragma once
#include <sys/types.h>

#include <cstdint>

#include "base/error.h"
#include "base/fd.h"
#include "spec/facts.h"
#include "spec/plan.h"

namespace sup {

struct Launched {
  pid_t pid = -1;
  Fd pidfd;
  Fd boot;                       // our end of the boot channel, CLOEXEC
  std::uint64_t clone_us = 0;    // clone to init's exec
};

// stdio: the command's 0, 1 and 2, borrowed. image: load_init()'s. Errors come explained (sys/explain.h), and
// leave nothing behind.
[[nodiscard]] Result<Launched> launch(const Plan& plan, const Facts& facts, const int (&stdio)[3], int image);

}  // namespace sup
