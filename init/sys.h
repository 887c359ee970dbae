// sys: the system calls init makes, as thin functions that return a value or -errno.
//
// It is also the seam of the tests. Freestanding (as init is built) a call goes to the
// kernel through arch_*.h. Hosted (-ffreestanding absent, as unit tests and fuzzers
// compile steps.cc and pid1.cc) it goes to sys::raw() and sys::vfork_child(), which
// the test defines: a recording fake that answers as it likes. The fake's exit_group
// and a successful execve must not return; it throws.
#pragma once
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#if !__STDC_HOSTED__
#if defined(__x86_64__)
#include "init/arch_x86_64.h"
#elif defined(__aarch64__)
#include "init/arch_aarch64.h"
#else
#error "init knows x86_64 and aarch64"
#endif
#endif

namespace sup::init::sys {

#if __STDC_HOSTED__
long raw(long nr, const long (&args)[6]);
long vfork_child(unsigned long flags, void* stack_top, void (*child)(void*), void* arg);
#else
using arch::vfork_child;
#endif

// An argument as the register has it.
template <typename T>
long word(T v) {
  return static_cast<long>(v);
}
template <typename T>
long word(T* p) {
  return reinterpret_cast<long>(p);
}
inline long word(decltype(nullptr)) { return 0; }

template <typename... A>
inline long call(long nr, A... a) {
  static_assert(sizeof...(A) <= 6);
  const long v[6] = {word(a)...};
#if __STDC_HOSTED__
  return raw(nr, v);
#else
  // Registers that a call does not read need no value: two shapes keep the code small.
  if constexpr (sizeof...(A) <= 3) {
    return arch::call3(nr, v[0], v[1], v[2]);
  } else {
    return arch::call6(nr, v[0], v[1], v[2], v[3], v[4], v[5]);
  }
#endif
}

// The kernel's own structures and numbers, where including the kernel's headers would
// clash with libc's in hosted builds. The same on every 64-bit architecture we know.
struct PollFd {
  int fd;
  int16_t events;
  int16_t revents;
};
inline constexpr int16_t kPollIn = 0x001;
inline constexpr int16_t kPollErr = 0x008;
inline constexpr int16_t kPollHup = 0x010;

struct Timespec {
  int64_t sec;
  int64_t nsec;
};

struct Rlimit64 {
  uint64_t soft;
  uint64_t hard;
};

struct SigAction {                    // rt_sigaction(2)'s, not libc's
  uint64_t handler;                   // 0: SIG_DFL
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};

struct FilterProgram {                // struct sock_fprog, seccomp(2)
  uint16_t count;
  const void* filter;
};

struct SignalInfo {                   // struct signalfd_siginfo, signalfd(2)
  uint32_t signo;
  int32_t err;
  int32_t code;
  unsigned char rest[116];
};
static_assert(sizeof(SignalInfo) == 128);

struct IfReq {                        // struct ifreq, netdevice(7)
  char name[16];
  uint16_t flags;
  unsigned char rest[22];
};
static_assert(sizeof(IfReq) == 40);

struct IoVec {
  void* base;
  size_t size;
};
struct MsgHdr {                       // struct msghdr, recvmsg(2)
  void* name;
  uint32_t name_size;
  uint32_t pad;
  IoVec* parts;
  size_t count;
  void* control;
  size_t control_size;
  uint32_t flags;
  uint32_t pad_end;
};
static_assert(sizeof(MsgHdr) == 56);
struct CMsg {                         // struct cmsghdr, cmsg(3); the data follow it
  size_t size;
  int32_t level;
  int32_t type;
};
inline constexpr int kSolSocket = 1;
inline constexpr int kScmRights = 1;
inline constexpr uint32_t kMsgCtrunc = 0x08;

// Asking the kernel about its mounts by number (Linux 6.8). Newer than the kernel headers of Debian 12; the numbers are the
// same on every architecture we know.
inline constexpr long kNrStatmount = 457;
inline constexpr long kNrListmount = 458;
struct MountRequest {  // struct mnt_id_req, first version
  uint32_t size;
  uint32_t spare;
  uint64_t id;  // statmount: of the mount; listmount: below which, kAllMounts
  uint64_t param;  // statmount: what is asked for; listmount: the last one seen
};
static_assert(sizeof(MountRequest) == 24);
struct MountStatus {  // struct statmount; the texts follow it
  uint32_t size;
  uint32_t options;
  uint64_t mask;
  uint32_t device[2];
  uint64_t magic;  // statfs(2)'s f_type
  uint32_t sb_flags;
  uint32_t fs_type;
  uint64_t id;
  uint64_t parent_id;
  unsigned char more[48];
  uint32_t root;
  uint32_t point;  // of the texts: where it is mounted
  unsigned char rest[400];
};
static_assert(sizeof(MountStatus) == 512);
inline constexpr uint64_t kAllMounts = ~uint64_t{0};
inline constexpr uint64_t kMountMagic = 1;
inline constexpr uint64_t kMountPoint = 0x10;
inline constexpr uint64_t kProcMagic = 0x9fa0;
// landlock(7); the same numbers on every architecture we know.
inline constexpr long kNrLandlockCreateRuleset = 444;
inline constexpr long kNrLandlockAddRule = 445;
inline constexpr long kNrLandlockRestrictSelf = 446;
inline constexpr unsigned kLandlockPathBeneath = 1;
struct RulesetAttr {  // struct landlock_ruleset_attr
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};
struct [[gnu::packed]] PathBeneath {  // struct landlock_path_beneath_attr
  uint64_t allowed_access;
  int32_t parent_fd;
};
static_assert(sizeof(PathBeneath) == 12);
struct Statx {  // struct statx, statx(2)
  uint32_t mask;
  uint32_t block_size;
  uint64_t attributes;
  uint32_t links;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t spare;
  unsigned char numbers_and_times[96];
  uint32_t rdev_major;
  uint32_t rdev_minor;
  unsigned char rest[120];
};
static_assert(sizeof(Statx) == 256);
inline constexpr unsigned kStatxType = 1;

struct StatFs {  // struct statfs, statfs(2)
  uint64_t type;
  unsigned char rest[112];
};
static_assert(sizeof(StatFs) == 120);
inline constexpr uint64_t kDevptsMagic = 0x1cd1;

struct OpenHow {  // struct open_how, openat2(2)
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

struct MountAttr {  // struct mount_attr, mount_setattr(2)
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns_fd;
};

inline constexpr int kAtFdCwd = -100;
inline constexpr unsigned kAtEmptyPath = 0x1000;
inline constexpr unsigned kAtRecursive = 0x8000;
inline constexpr unsigned kOpenTreeClone = 1;
inline constexpr uint64_t kResolveNoMagiclinks = 0x02;
inline constexpr uint64_t kResolveNoSymlinks = 0x04;
inline constexpr uint64_t kResolveInRoot = 0x10;
inline constexpr unsigned kMoveMountFromEmpty = 0x04;  // MOVE_MOUNT_F_EMPTY_PATH
inline constexpr unsigned kMoveMountToEmpty = 0x40;  // MOVE_MOUNT_T_EMPTY_PATH
inline constexpr unsigned kFsopenCloexec = 1;
inline constexpr unsigned kFsmountCloexec = 1;
inline constexpr unsigned kFsconfigFlag = 0;
inline constexpr unsigned kFsconfigString = 1;
inline constexpr unsigned kFsconfigCreate = 6;
inline constexpr uint64_t kMountAttrRdonly = 1;
inline constexpr uint64_t kMountAttrNosuid = 2;
inline constexpr uint64_t kMountAttrNodev = 4;
inline constexpr uint64_t kMountAttrNoexec = 8;
inline constexpr int kOWronly = 01;
inline constexpr int kORdwr = 02;
inline constexpr int kOCreat = 0100;
inline constexpr int kONoctty = 0400;
inline constexpr int kOExcl = 0200;
inline constexpr int kOPath = 010000000;
inline constexpr int kOCloexec = 02000000;
inline constexpr int kONonblock = 04000;
inline constexpr int kFSetFd = 2;
inline constexpr int kFdCloexec = 1;
inline constexpr int kMntDetach = 2;
inline constexpr unsigned long kMsRdonly = 1;
inline constexpr unsigned long kMsNosuid = 2;
inline constexpr unsigned long kMsNodev = 4;
inline constexpr unsigned long kMsNoexec = 8;
inline constexpr int kAfUnix = 1;
inline constexpr int kSockDgram = 2;
inline constexpr int kMsgNoSignal = 0x4000;
inline constexpr int kMsgDontWait = 0x40;
inline constexpr long kSiocgIfFlags = 0x8913;
inline constexpr long kSiocsIfFlags = 0x8914;
inline constexpr uint16_t kIffUp = 1;
inline constexpr long kTiocsCtty = 0x540E;
inline constexpr long kTiocsPtLock = 0x40045431;
inline constexpr long kTiocgPtPeer = 0x5441;
inline constexpr int kSigBlock = 0;  // rt_sigprocmask(2)
inline constexpr int kSigSetMask = 2;
inline constexpr int kSigKill = 9;
inline constexpr int kSigChld = 17;
inline constexpr int kSigStop = 19;
inline constexpr int kSignals = 64;
inline constexpr int kWnohang = 1;
inline constexpr unsigned long kCloneVm = 0x100;
inline constexpr unsigned long kCloneVfork = 0x4000;
inline constexpr unsigned long kCloneParent = 0x8000;
inline constexpr unsigned long kCloneNewns = 0x20000;

// The seccomp filter that a plan brings may refuse even these calls. Then a fault ends the process, PID 1 too.
[[noreturn]] inline void exit(int status) {
  call(__NR_exit_group, status);
  __builtin_trap();
}

inline long read(int fd, void* to, size_t n) { return call(__NR_read, fd, to, n); }
inline long write(int fd, const void* from, size_t n) { return call(__NR_write, fd, from, n); }
inline long open(const char* path, int flags) { return call(__NR_openat, kAtFdCwd, path, flags, 0); }
inline long close(int fd) { return call(__NR_close, fd); }
inline long close_range(unsigned first, unsigned last) { return call(__NR_close_range, first, last, 0); }
inline long ioctl(int fd, long what, void* arg) { return call(__NR_ioctl, fd, what, arg); }
inline long prctl(int what, unsigned long a = 0, unsigned long b = 0) {
  return call(__NR_prctl, what, a, b, 0, 0);  // unused arguments must be 0, some options check
}
inline long send(int fd, const void* from, size_t n) {
  return call(__NR_sendto, fd, from, n, kMsgNoSignal, nullptr, 0);
}
inline long recv(int fd, void* to, size_t n, int flags) {
  return call(__NR_recvfrom, fd, to, n, flags, nullptr, nullptr);
}
inline long poll(PollFd* fds, unsigned n, const Timespec* timeout) {
  return call(__NR_ppoll, fds, n, timeout, nullptr, 8);
}
inline long sigaction(int sig, const SigAction* act) {
  return call(__NR_rt_sigaction, sig, act, nullptr, sizeof act->mask);
}
inline long sigmask(int how, const uint64_t* set, uint64_t* old) {
  return call(__NR_rt_sigprocmask, how, set, old, sizeof *set);
}

}  // namespace sup::init::sys
