#include "sys/placement.h"

#include <sched.h>

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
  if (::sched_setaffinity(pid, sizeof others, &others) == 0) (void)::sched_setaffinity(pid, sizeof allowed, &allowed);
}

}  // namespace sup
