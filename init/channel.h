// channel: one record on the boot channel (init/plan.h, wire::Record), whole or not at all.
#pragma once
#include "init/plan.h"
#include "init/sys.h"

namespace sup::init {

// 0, or an errno: EPIPE when the supervisor has gone. Never raises SIGPIPE.
inline int say(int boot, wire::Say what, uint16_t step, int err = 0, uint32_t value = 0) {
  const wire::Record record = {static_cast<uint16_t>(what), step, err, value, 0};
  const auto* from = reinterpret_cast<const unsigned char*>(&record);
  for (size_t done = 0; done < sizeof record;) {
    const long n = sys::send(boot, from + done, sizeof record - done);
    if (n == -EINTR) continue;
    if (n < 0) return static_cast<int>(-n);
    if (n == 0) return EPIPE;
    done += static_cast<size_t>(n);
  }
  return 0;
}

// Reads exactly one record. 0, EPIPE at the end of the stream, or the errno.
inline int hear(int boot, wire::Record& record) {
  auto* to = reinterpret_cast<unsigned char*>(&record);
  for (size_t done = 0; done < sizeof record;) {
    const long n = sys::recv(boot, to + done, sizeof record - done, 0);
    if (n == -EINTR) continue;
    if (n < 0) return static_cast<int>(-n);
    if (n == 0) return EPIPE;
    done += static_cast<size_t>(n);
  }
  return 0;
}

}  // namespace sup::init
