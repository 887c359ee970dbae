// The first instructions of sup (the program's entry, supervisor/CMakeLists.txt): they start an init ahead, where the command
// line looks like it, and go on to the C library's own start.
//
// Nothing is there yet: no relocation has been applied, so there are no tables of pointers and no functions but the ones in
// this file (tools/check-ahead holds the object to it); no thread pointer, so no errno and no stack protector. Raw system calls,
// like init. Whatever fails here fails silently: the ordinary start will meet it again, and has the words.
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "spec/ahead.h"
#include "sys/ahead.h"
#include "sys/placement.h"
#include "sys/rawcall.h"

namespace {

namespace raw = sup::raw;

constexpr unsigned kCloexecMemfd = 1U | 2U;  // MFD_CLOEXEC | MFD_ALLOW_SEALING
constexpr unsigned kExecutableMemfd = 0x10;  // MFD_EXEC, since Linux 6.3
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
constexpr long kLargestInit = 1 << 20;  // bytes
constexpr int kPathRoom = 4096;
constexpr unsigned kDescriptors = 64;  // with less a start may fail, and its error is main()'s

// The child runs in this memory until it has executed init, while the parent goes on: what it needs stays where it is.
alignas(16) unsigned char child_stack[8 * 1024];
struct {
  long boot;  // its end of the channel
  long plan;
  long image;
} given;
char path[kPathRoom + 32];

// A value that the compiler does not know: it would put two known addresses together into a table of pointers.
template <typename T>
[[gnu::always_inline]] inline T* hidden(T* p) {
  asm("" : "+r"(p));
  return p;
}

int child(void*) {
  // Above everything that init is given, then down to where that belongs; all others close with the exec, 0 to 2 as well: a
  // parked init holds nothing of the host's.
  constexpr int kAbove = 16;
  const long boot = raw::call(SYS_fcntl, given.boot, F_DUPFD_CLOEXEC, kAbove);
  const long plan = raw::call(SYS_fcntl, given.plan, F_DUPFD_CLOEXEC, kAbove);
  const long image = raw::call(SYS_fcntl, given.image, F_DUPFD_CLOEXEC, kAbove);
  if (boot < 0 || plan < 0 || image < 0) return 125;
  if (raw::call(SYS_close_range, 0, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0) return 125;
  if (raw::call(SYS_dup3, boot, sup::ahead::kBoot, 0) < 0 || raw::call(SYS_dup3, plan, sup::ahead::kBoot + 1, 0) < 0)
    return 125;
  static const char name[] = "sup-init";
  static const char number[] = {'0' + sup::ahead::kBoot, 0};
  static const char here[] = "";
  const char* arguments[3];
  arguments[0] = hidden(name);
  arguments[1] = hidden(number);
  arguments[2] = nullptr;
  const char* none[1] = {nullptr};
  raw::call(SYS_execveat, image, hidden(here), arguments, none, 0x1000 /* AT_EMPTY_PATH */);
  return 125;
}

// A memfd with these bytes of a file or of memory. Negative: none.
long sealed(const char* name, unsigned flags, long file, const void* bytes, long size) {
  long fd = raw::call(SYS_memfd_create, name, kCloexecMemfd | flags);
  if (fd == -EINVAL && flags != 0) fd = raw::call(SYS_memfd_create, name, kCloexecMemfd);
  if (fd < 0) return fd;
  const long n = file >= 0 ? raw::call(SYS_sendfile, fd, file, nullptr, size) : raw::call(SYS_write, fd, bytes, size);
  if (n == size && raw::call(SYS_fcntl, fd, F_ADD_SEALS, kSeals) == 0) return fd;
  raw::call(SYS_close, fd);
  return -EIO;
}

// As load_init() (sys/initimage.h), which is asked where this says no.
long image() {
  static const char self[] = "/proc/self/exe";
  static const char places[][24] = {"/../libexec/sup/init", "/../init/init"};
  const long length = raw::call(SYS_readlinkat, AT_FDCWD, hidden(self), path, kPathRoom);
  if (length <= 0 || length >= kPathRoom) return -ENOENT;
  long slash = length;
  while (slash > 0 && path[slash] != '/') --slash;
  long file = -ENOENT;
  for (const auto& place : places) {
    for (long i = 0; i == 0 || place[i - 1] != 0; ++i) path[slash + i] = place[i];
    file = raw::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (file >= 0) break;
  }
  if (file < 0) return file;
  struct stat st;
  static const char name[] = "sup-init";
  long copy = -EPERM;
  // Of root's alone, which is who runs this.
  if (raw::call(SYS_fstat, file, &st) == 0 && (st.st_mode & S_IFMT) == S_IFREG && st.st_uid == 0 &&
      (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && st.st_size > 0 && st.st_size <= kLargestInit)
    copy = sealed(hidden(name), kExecutableMemfd, file, nullptr, st.st_size);
  raw::call(SYS_close, file);
  return copy;
}

// The pid, or negative.
long make(int* pidfd) {
  clone_args args;
  args.flags = sup::ahead::kCloneFlags | CLONE_VM | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  args.pidfd = reinterpret_cast<__u64>(pidfd);
  args.child_tid = args.parent_tid = args.tls = args.set_tid = args.set_tid_size = args.cgroup = 0;
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<__u64>(hidden(&child_stack[0]));
  args.stack_size = sizeof child_stack;
  // No signal in the child, whose memory this is.
  __u64 all = ~__u64{0};
  __u64 before = 0;
  if (raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all) < 0) return -EINVAL;
  const long pid = raw::clone_call(SYS_clone3, reinterpret_cast<long>(&args), sizeof args, 0, hidden(&child), nullptr);
  raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  return pid;
}

void start() {
  if (raw::call(SYS_geteuid) != 0) return;
  // Descriptors of ours must not stand where the command's belong.
  for (int fd = 0; fd < 3; ++fd) {
    if (raw::call(SYS_fcntl, fd, F_GETFD) < 0) return;
  }
  // A file that may not grow is an error for main(), which ignores the signal that would end us here (SIGXFSZ).
  rlimit limit{};
  if (raw::call(SYS_prlimit64, 0, RLIMIT_FSIZE, nullptr, &limit) < 0 || limit.rlim_cur < kLargestInit) return;
  // Nor must main() want for the descriptors that are taken here.
  if (raw::call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit) < 0 || limit.rlim_cur < kDescriptors) return;
  given.image = image();
  if (given.image < 0) return;
  sup_ahead_made.image = static_cast<int>(given.image);
  static const char name[] = "sup-plan";
  given.plan = sealed(hidden(name), 0, -1, &sup::ahead::kPlan, sizeof sup::ahead::kPlan);
  if (given.plan < 0) return;
  int ends[2];
  long pid = -1;
  if (raw::call(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &ends[0]) == 0) {
    given.boot = ends[1];
    pid = make(&sup_ahead_made.pidfd);
    if (pid > 0) sup::place_apart(pid);
    raw::call(SYS_close, ends[1]);
    if (pid > 0) {
      sup_ahead_made.boot = ends[0];
      sup_ahead_made.pid = static_cast<int>(pid);
    } else {
      raw::call(SYS_close, ends[0]);
    }
  }
  raw::call(SYS_close, given.plan);
}

}  // namespace

// The stack as the kernel has made it: argc, argv, 0, environ, 0.
extern "C" [[gnu::used, gnu::visibility("hidden")]] void sup_ahead(const char* const* stack) {
  const long count = *reinterpret_cast<const long*>(stack);
  if (count > 0 && sup::ahead::wanted(stack + 1, stack + 1 + count + 1)) start();
}

#if defined(__x86_64__)
// rdx is for the C library: what the dynamic loader wants called at the end.
asm(".text\n"
    ".globl sup_start\n"
    ".type sup_start, @function\n"
    "sup_start:\n\t"
    "endbr64\n\t"
    "xor %ebp, %ebp\n\t"
    "mov %rsp, %rdi\n\t"
    "push %rdx\n\t"
    "push %rdx\n\t"
    "call sup_ahead\n\t"
    "pop %rdx\n\t"
    "pop %rdx\n\t"
    "jmp _start\n"
    ".size sup_start, . - sup_start\n");
#elif defined(__aarch64__)
asm(".text\n"
    ".globl sup_start\n"
    ".type sup_start, %function\n"
    "sup_start:\n\t"
    "hint #34\n\t"  // bti c
    "mov x29, xzr\n\t"
    "mov x30, xzr\n\t"
    "str x0, [sp, #-16]!\n\t"
    "add x0, sp, #16\n\t"
    "bl sup_ahead\n\t"
    "ldr x0, [sp], #16\n\t"
    "mov x30, xzr\n\t"
    "b _start\n"
    ".size sup_start, . - sup_start\n");
#else
#error "sup knows x86_64 and aarch64"
#endif
