// Where a new process begins to run. Raw system calls, for it is wanted before the C library is there as well (sys/ahead_start.cc).
#pragma once
#include "sys/rawcall.h"

namespace sup {

// Sends a process that has just been made to another processor, and allows it everywhere again that its maker may be. Most
// schedulers do so themselves; one that keeps a virtual machine's processors together leaves it behind its maker until that
// one sleeps, 2.8 ms where it was seen, so that a start and the next one's preparation never happen at once. Best effort; some
// microseconds. It must not have been bound by anybody yet.
// Allowed everything first, and bound only if that is more than its maker may: what a process was told to keep to stays with it,
// also when its cpuset grows or a processor comes back. One whose maker is free must stay so.
inline void place_apart(long pid) {
  constexpr unsigned kWords = 128;  // 8192 processors; where there are more, nothing is done
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  unsigned long allowed[kWords];
  unsigned long others[kWords];
  unsigned here = 0;
  const long size = raw::call(SYS_sched_getaffinity, 0, sizeof allowed, allowed);
  if (size <= 0 || raw::call(SYS_getcpu, &here, nullptr, nullptr) < 0) return;
  const unsigned words = static_cast<unsigned>(size) / sizeof(unsigned long);
  bool any = false;
  for (unsigned i = 0; i < words; ++i) {
    others[i] = i == here / kBits ? allowed[i] & ~(1UL << here % kBits) : allowed[i];
    any = any || others[i] != 0;
  }
  if (!any || raw::call(SYS_sched_setaffinity, pid, size, others) != 0) return;
  for (unsigned long& word : others) word = ~0UL;
  bool same = raw::call(SYS_sched_setaffinity, pid, sizeof others, others) == 0 &&
              raw::call(SYS_sched_getaffinity, pid, sizeof others, others) == size;
  for (unsigned i = 0; same && i < words; ++i) same = others[i] == allowed[i];
  if (!same) raw::call(SYS_sched_setaffinity, pid, size, allowed);
}

}  // namespace sup
