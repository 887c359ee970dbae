// What x86_64 wants said in its own words: the system call, the vfork and the very
// first instruction. Nothing else in init knows the machine.
#pragma once

namespace sup::init::arch {

// syscall(2), "Architecture calling conventions": number in rax, arguments in rdi rsi
// rdx r10 r8 r9; the kernel clobbers rcx and r11. Returns a value, or -errno.
inline long call6(long nr, long a, long b, long c, long d, long e, long f) {
  long ret;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(ret)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return ret;
}

inline long call3(long nr, long a, long b, long c) {
  long ret;
  __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return ret;
}

// clone(2) with a stack of the child's own: child(arg) runs there and must not return.
// In the parent: the child's pid, or -errno. `stack_top` is 16-aligned.
// The child never touches the parent's frame, which is what makes CLONE_VM safe here:
// a plain vfork() returns through it twice.
inline long vfork_child(unsigned long flags, void* stack_top, void (*child)(void*), void* arg) {
  long ret;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  register void* r9 __asm__("r9") = arg;
  register void (*r12)(void*) __asm__("r12") = child;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r9, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "=a"(ret)
      : "a"(56L /* clone */), "D"(flags), "S"(stack_top), "d"(0L), "r"(r10), "r"(r8), "r"(r9), "r"(r12)
      : "rcx", "r11", "memory");
  return ret;
}

}  // namespace sup::init::arch

// At entry rsp points at argc; the ABI wants it 16-aligned before a call.
#define SUP_INIT_START(function)  \
  __asm__(                        \
      ".text\n"                   \
      ".globl _start\n"           \
      ".type _start, @function\n" \
      "_start:\n\t"               \
      "xor %ebp, %ebp\n\t"        \
      "mov %rsp, %rdi\n\t"        \
      "and $-16, %rsp\n\t"        \
      "call " #function           \
      "\n\t"                      \
      "hlt\n"                     \
      ".size _start, . - _start\n")
