#include "sys/placement.h"

#include <sched.h>

#include <cstring>

namespace sup {

void place_apart(pid_t pid) {
  cpu_set_t allowed;
  // More processors than the set has room for: no place to look for them.
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  const int here = ::sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE) return;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<unsigned>(here), &others);
  if (CPU_COUNT(&others) == 0) return;
  if (::sched_setaffinity(pid, sizeof others, &others) != 0) return;
  cpu_set_t every;
  std::memset(&every, 0xff, sizeof every);
  const bool same = ::sched_setaffinity(pid, sizeof every, &every) == 0 &&
                    ::sched_getaffinity(pid, sizeof every, &every) == 0 && CPU_EQUAL(&every, &allowed);
  if (!same) (void)::sched_setaffinity(pid, sizeof allowed, &allowed);
}

}  // namespace sup
