// An init started ahead of main(), in the first instructions of the program (ahead_start.cc), when the command line begins as
// most do (spec/ahead.h). It carries out the beginning of the plan while this process is still being set up.
#pragma once
#include <sys/types.h>

#include <optional>

#include "base/fd.h"

namespace sup {

// Owned: ended and reaped with this object, unless its pid is taken out (set to -1).
struct Ahead {
  pid_t pid = -1;
  Fd pidfd;
  Fd boot;  // our end of its channel; nothing has been read from it

  Ahead() = default;
  Ahead(Ahead&& other) noexcept;
  Ahead& operator=(Ahead&&) = delete;
  ~Ahead();
};

// The one that was started, once; none: the command line was not of that kind, or it could not be started, which whoever starts
// one then will find the words for. Call it before anything forks, and in any case before the process ends.
[[nodiscard]] std::optional<Ahead> take_ahead();

// The sealed copy of init that it was started from (sys/initimage.h), once. Or an empty one.
[[nodiscard]] Fd take_ahead_image();

// What the first instructions leave behind. Zero where they have done nothing.
struct AheadMade {
  int pid;  // 0: none
  int pidfd;
  int boot;
  int image;  // 0: none
};

}  // namespace sup

// NOLINTNEXTLINE(bugprone-dynamic-static-initializers): defined in ahead.cc, and not dynamically
extern "C" [[gnu::visibility("hidden")]] sup::AheadMade sup_ahead_made;
