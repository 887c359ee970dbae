// steps: checks a plan and carries it out, one switch over wire::Op. It decides
// nothing: what to do, in which order, with which flags is all in the plan.
//
// Touches nothing but the block it is given and the kernel (through sys.h), so that
// tests and fuzzers run it against a fake.
#pragma once
#include "init/plan.h"
#include "init/sys.h"

namespace sup::init {

inline constexpr int kExitSetup = 125;   // every end of init that is not the command's

// Where a plan is wrong. err 0: it is right.
// ENOSYS: the step's op is unknown. EPROTONOSUPPORT: another wire version. EBADMSG: malformed.
struct Flaw {
  uint16_t step = 0;
  int err = 0;
};

// A plan under way. Lives on main's stack; with wire::Op::stay both processes share it,
// the parent sleeping while the child writes (CLONE_VFORK).
struct Run {
  unsigned char* block = nullptr;   // `size` bytes, 8-aligned, writable, checked by prepare()
  size_t size = 0;
  int boot = -1;                    // the boot channel
  uint16_t index = 0;               // the step being carried out
  bool execing = false;             // execve has been called and has not come back
  uint32_t candidate = 0;           // which of the exec step's paths failed
  int trees[wire::kTrees] = {-1, -1, -1, -1, -1, -1, -1, -1};   // descriptors, CLOEXEC; -1: none
};

// Checks everything that can be checked without running: header, ops, every offset. Then
// turns lists of offsets into lists of pointers, in place. Reads and writes nothing
// outside the block, whatever is in it. To be called once per block, 8-aligned.
//
// Lists may share strings but not their own bytes: overlapping lists are EBADMSG.
[[nodiscard]] Flaw prepare(unsigned char* block, size_t size);

// Carries out the steps from run.index on. Ends in the command's execve, in PID 1's end
// (pid1.h), or in exit 125 after a {failed} record.
[[noreturn]] void carry_out(Run& run);

// prepare, then carry_out; a flaw is reported as {failed}. The whole interpreter, and
// what a fuzzer calls.
[[noreturn]] void interpret(unsigned char* block, size_t size, int boot);

}  // namespace sup::init
