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

// The same with a descriptor, which the supervisor gets a copy of.
inline int say_with(int boot, wire::Say what, uint16_t step, int fd) {
  const wire::Record record = {static_cast<uint16_t>(what), step, 0, 0, 0};
  struct {
    sys::CMsg head;
    int fd;
    int pad;
  } control = {{sizeof(sys::CMsg) + sizeof fd, sys::kSolSocket, sys::kScmRights}, fd, 0};
  sys::IoVec bytes = {const_cast<wire::Record*>(&record), sizeof record};
  const sys::MsgHdr message = {nullptr, 0, 0, &bytes, 1, &control, sizeof control, 0, 0};
  long n = 0;
  do {
    n = sys::call(__NR_sendmsg, boot, &message, sys::kMsgNoSignal);
  } while (n == -EINTR);
  if (n < 0) return static_cast<int>(-n);
  return n == static_cast<long>(sizeof record) ? 0 : EPIPE;  // a record is small: it goes whole, or not at all
}

// Reads exactly so many bytes. 0, EPIPE at the end of the stream, or the errno.
inline int hear(int boot, unsigned char* to, size_t size) {
  for (size_t done = 0; done < size;) {
    const long n = sys::recv(boot, to + done, size - done, 0);
    if (n == -EINTR) continue;
    if (n < 0) return static_cast<int>(-n);
    if (n == 0) return EPIPE;
    done += static_cast<size_t>(n);
  }
  return 0;
}

inline int hear(int boot, wire::Record& record) {
  return hear(boot, reinterpret_cast<unsigned char*>(&record), sizeof record);
}

}  // namespace sup::init
