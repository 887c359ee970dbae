// What aarch64 wants said in its own words: the system call, the vfork and the very
// first instruction. Nothing else in init knows the machine.
#pragma once

namespace sup::init::arch {

// syscall(2), "Architecture calling conventions": number in x8, arguments in x0-x5.
// Returns a value, or -errno.
inline long call6(long nr, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
}

inline long call3(long nr, long a, long b, long c) {
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory", "cc");
  return x0;
}

// clone(2) with a stack of the child's own: child(arg) runs there and must not return.
// In the parent: the child's pid, or -errno. `stack_top` is 16-aligned. The argument
// order is this architecture's (CONFIG_CLONE_BACKWARDS: tls before child_tid); both are 0.
inline long vfork_child(unsigned long flags, void* stack_top, void (*child)(void*), void* arg) {
  register long x8 __asm__("x8") = 220;  // clone
  register long x0 __asm__("x0") = static_cast<long>(flags);
  register void* x1 __asm__("x1") = stack_top;
  register long x2 __asm__("x2") = 0;
  register long x3 __asm__("x3") = 0;
  register long x4 __asm__("x4") = 0;
  register void* x9 __asm__("x9") = arg;
  register void (*x10)(void*) __asm__("x10") = child;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x30, #0\n\t"
      "mov x0, x9\n\t"
      "blr x10\n\t"
      "brk #0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10)
      : "memory", "cc");
  return x0;
}

}  // namespace sup::init::arch

// At entry sp points at argc and is 16-aligned already.
#define SUP_INIT_START(function)  \
  __asm__(                        \
      ".text\n"                   \
      ".globl _start\n"           \
      ".type _start, %function\n" \
      "_start:\n\t"               \
      "mov x29, #0\n\t"           \
      "mov x30, #0\n\t"           \
      "mov x0, sp\n\t"            \
      "bl " #function             \
      "\n\t"                      \
      "brk #0\n"                  \
      ".size _start, . - _start\n")
