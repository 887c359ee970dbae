// Raw system calls for the moment between clone and exec, when libc's memory is somebody else's.
#pragma once
#include <sys/syscall.h>

#include <type_traits>

namespace sup::raw {

namespace detail {
template <typename T>
[[gnu::always_inline]] inline long word(T v) {
  if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(v);
  } else {
    return static_cast<long>(v);
  }
}
}  // namespace detail

// Returns the result, or -errno.
template <typename... Args>
[[gnu::always_inline]] inline long call(long number, Args... args) {
  static_assert(sizeof...(Args) <= 6);
  long a[6] = {detail::word(args)...};
#if defined(__x86_64__)
  long result = number;
  register long r10 asm("r10") = a[3];
  register long r8 asm("r8") = a[4];
  register long r9 asm("r9") = a[5];
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a[0];
  register long x1 asm("x1") = a[1];
  register long x2 asm("x2") = a[2];
  register long x3 asm("x3") = a[3];
  register long x4 asm("x4") = a[4];
  register long x5 asm("x5") = a[5];
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "sup knows x86_64 and aarch64"
#endif
}

// clone(2) or clone3(2) with CLONE_VM and a stack for the child: the child calls fn(arg) on the new
// stack and exits with what that returns; it never comes back through the caller's frame.
[[gnu::always_inline]] inline long clone_call(long number, long a0, long a1, long a2, int (*fn)(void*), void* arg) {
#if defined(__x86_64__)
  long result = number;
  register long r10 asm("r10") = 0;
  register long r8 asm("r8") = 0;
  register int (*r12)(void*) asm("r12") = fn;
  register void* r13 asm("r13") = arg;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n\t"
      "ud2\n"
      "1:"
      : "+a"(result)
      : "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r12), "r"(r13), [exit] "i"(SYS_exit_group)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a0;
  register long x1 asm("x1") = a1;
  register long x2 asm("x2") = a2;
  register long x3 asm("x3") = 0;
  register long x4 asm("x4") = 0;
  register int (*x19)(void*) asm("x19") = fn;
  register void* x20 asm("x20") = arg;
  asm volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "mov x8, %[exit]\n\t"
      "svc 0\n\t"
      "brk 0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20), [exit] "i"(SYS_exit_group)
      : "x30", "memory", "cc");
  return x0;
#else
#error "sup knows x86_64 and aarch64"
#endif
}

}  // namespace sup::raw
