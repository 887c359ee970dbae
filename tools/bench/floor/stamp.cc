// A command that tells when it began: its first instruction is a look at the monotonic clock.
//   stamp FILE       writes it, nanoseconds as eight bytes, into FILE (a FIFO)
//   stamp            nothing of that: it sleeps until it is killed
#include <linux/fcntl.h>
#include <linux/time.h>

#include "init/sys.h"

namespace {

namespace sys = sup::init::sys;

}  // namespace

extern "C" [[noreturn, gnu::used, gnu::visibility("hidden")]] void floor_stamp(char** stack) {
  sys::Timespec now{};
  sys::call(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
  if (reinterpret_cast<long>(stack[0]) < 2) {
    for (;;) sys::poll(nullptr, 0, nullptr);
  }
  const int64_t ns = now.sec * 1'000'000'000 + now.nsec;
  const long fd = sys::open(stack[2], O_WRONLY);
  if (fd < 0) sys::exit(125);
  sys::exit(sys::write(static_cast<int>(fd), &ns, sizeof ns) == sizeof ns ? 0 : 125);
}

SUP_INIT_START(floor_stamp);
