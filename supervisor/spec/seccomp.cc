#include "spec/seccomp.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <span>

namespace sup {
namespace {

// ---- the table --------------------------------------------------------------------------------
//
// Numbers by name. What an architecture does not have is negative (libseccomp's pseudo numbers) and is left out. A call
// that stands nowhere here is ENOSYS: to the command the kernel is one that is too old to have it.
#define N(name) __SNR_##name

// Newer than Debian 12's headers; from 424 on a number is the same everywhere (asm-generic/unistd.h).
enum : int {
  kCachestat = 451,
  kFchmodat2,
  kMapShadowStack,
  kFutexWake,
  kFutexWait,
  kFutexRequeue,
  kStatmount,
  kListmount,
  kLsmGetSelfAttr,
  kLsmSetSelfAttr,
  kLsmListModules,
  kMseal,
  kSetxattrat,
  kGetxattrat,
  kListxattrat,
  kRemovexattrat,
  kOpenTreeAttr,
  kFileGetattr,
  kFileSetattr,
};
// The kernel's own way back from a function that is traced (Linux 6.11 to 6.13 ask the filter for it): refused, it ends the process.
#if defined(__x86_64__)
constexpr int kUretprobe = 335;
#else
constexpr int kUretprobe = -1;
#endif

constexpr int kAllowed[] = {
#include "spec/seccomp_allowed.inc"
};
constexpr int kAllowedNewer[] = {kFchmodat2,    kGetxattrat, kListmount, kListxattrat,    kRemovexattrat,
                                 kSetxattrat,   kStatmount,  kCachestat, kMapShadowStack, kMseal,
                                 kFutexRequeue, kFutexWait,  kFutexWake, kUretprobe};

// Allowed, and closed in the strict profile. Since Linux 4.8 ptrace no longer reaches round a filter.
constexpr int kAllowedUnlessStrict[] = {N(ptrace), N(process_vm_readv), N(process_vm_writev)};

// Allowed to who has one of these capabilities, and else EPERM.
constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }
constexpr int kAdmin[] = {
    N(fanotify_init), N(fsconfig),     N(fsmount),      N(fsopen),   N(fspick),        N(lookup_dcookie),
    kLsmGetSelfAttr,  kLsmListModules, kLsmSetSelfAttr, N(mount),    N(mount_setattr), N(move_mount),
    N(open_tree),     kOpenTreeAttr,   N(pivot_root),   N(quotactl), N(quotactl_fd),   N(setdomainname),
    N(sethostname),   N(setns),        N(umount2),      N(unshare),
};
constexpr int kBpf[] = {N(bpf)};
constexpr int kPerfmon[] = {N(perf_event_open)};
constexpr int kSyslog[] = {N(syslog)};
constexpr int kBoot[] = {N(kexec_file_load), N(kexec_load), N(reboot)};
constexpr int kModule[] = {N(delete_module), N(finit_module), N(init_module)};
constexpr int kPacct[] = {N(acct)};
constexpr int kPtrace[] = {N(kcmp), N(pidfd_getfd), N(process_madvise)};
constexpr int kRawio[] = {N(iopl), N(ioperm)};
constexpr int kTime[] = {N(clock_settime), N(settimeofday)};
constexpr int kTty[] = {N(vhangup)};
constexpr int kNice[] = {N(get_mempolicy), N(mbind), N(set_mempolicy), N(set_mempolicy_home_node)};
constexpr int kHandles[] = {N(open_by_handle_at)};
constexpr int kChroot[] = {N(chroot)};

struct Group {
  std::uint64_t any_of;
  std::span<const int> calls;
};
constexpr Group kByCapability[] = {
    Group{bit(CAP_SYS_ADMIN), kAdmin},
    Group{bit(CAP_SYS_ADMIN) | bit(CAP_BPF), kBpf},
    Group{bit(CAP_SYS_ADMIN) | bit(CAP_PERFMON), kPerfmon},
    Group{bit(CAP_SYS_ADMIN) | bit(CAP_SYSLOG), kSyslog},
    Group{bit(CAP_SYS_BOOT), kBoot},
    Group{bit(CAP_SYS_MODULE), kModule},
    Group{bit(CAP_SYS_PACCT), kPacct},
    Group{bit(CAP_SYS_PTRACE), kPtrace},
    Group{bit(CAP_SYS_RAWIO), kRawio},
    Group{bit(CAP_SYS_TIME), kTime},
    Group{bit(CAP_SYS_TTY_CONFIG), kTty},
    Group{bit(CAP_SYS_NICE), kNice},
    Group{bit(CAP_DAC_READ_SEARCH), kHandles},
    Group{bit(CAP_SYS_CHROOT), kChroot},
};

// Known, and closed whatever the command may.
constexpr int kNever[] = {
    N(_sysctl),        N(add_key),         N(afs_syscall),   N(create_module),  kFileGetattr,
    kFileSetattr,      N(get_kernel_syms), N(getpmsg),       N(io_uring_enter), N(io_uring_register),
    N(io_uring_setup), N(keyctl),          N(migrate_pages), N(move_pages),     N(nfsservctl),
    N(putpmsg),        N(query_module),    N(request_key),   N(security),       N(swapoff),
    N(swapon),         N(sysfs),           N(tuxcall),       N(uselib),         N(userfaultfd),
    N(ustat),          N(vserver),
};

// ---- from the table to a program ------------------------------------------------------------------

enum class Verdict : std::uint8_t { enosys, eperm, allow, clone, personality, socket, few_sockets };
constexpr int kNumbers = 512;  // more than there are
using Verdicts = std::array<Verdict, kNumbers>;

void set(Verdicts& verdicts, int number, Verdict verdict) {
  if (number >= 0 && number < kNumbers) verdicts[static_cast<std::size_t>(number)] = verdict;
}
void set(Verdicts& verdicts, std::span<const int> numbers, Verdict verdict) {
  for (const int number : numbers) set(verdicts, number, verdict);
}

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t kReturn = BPF_RET | BPF_K;
constexpr std::uint16_t kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t kIfAtLeast = BPF_JMP | BPF_JGE | BPF_K;
constexpr std::uint16_t kIfAnyBit = BPF_JMP | BPF_JSET | BPF_K;
constexpr std::uint16_t kJump = BPF_JMP | BPF_JA;

constexpr std::uint32_t kArch = offsetof(seccomp_data, arch);
constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr);
// The lower half: all that the kernel looks at in the arguments judged here, which are ints. A filter that compares
// the whole register lets AF_VSOCK through to who sets a bit above it.
constexpr std::uint32_t kArg0 = offsetof(seccomp_data, args);

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
#else
#error "the seccomp table knows x86_64 and aarch64"
#endif

void ret(Filter& out, std::uint32_t what) { out.push_back({kReturn, 0, 0, what}); }

// "Arg 0 is one of these: then allow, else EPERM", and the other way round.
void one_of(Filter& out, std::initializer_list<std::uint32_t> values, std::uint32_t then, std::uint32_t otherwise) {
  out.push_back({kLoad, 0, 0, kArg0});
  auto left = static_cast<std::uint8_t>(values.size());
  for (const std::uint32_t value : values) out.push_back({kIfEqual, left--, 0, value});
  ret(out, otherwise);
  ret(out, then);
}

void leaf(Filter& out, Verdict verdict) {
  switch (verdict) {
    case Verdict::enosys: return ret(out, kEnosys);
    case Verdict::eperm: return ret(out, kEperm);
    case Verdict::allow: return ret(out, kAllow);
    case Verdict::clone:
      // CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: what is new here belongs to the command alone, and is a way to more.
      out.push_back({kLoad, 0, 0, kArg0});
      out.push_back({kIfAnyBit, 0, 1, 0x7E020000});
      ret(out, kEperm);
      return ret(out, kAllow);
    case Verdict::personality:
      // PER_LINUX and PER_LINUX32, each also with UNAME26; and asking for what it is.
      return one_of(out, {0, 8, 0x20000, 0x20008, 0xffffffff}, kAllow, kEperm);
    case Verdict::socket:
      // What reaches the machine or its host from every network namespace, and families that later kernels have dropped.
      return one_of(out,
                    {AF_DECnet, AF_ECONET, AF_ATMSVC, AF_IRDA, AF_WANPIPE, AF_ISDN, AF_CAIF, AF_ALG, AF_NFC, AF_VSOCK},
                    kEperm, kAllow);
    case Verdict::few_sockets: return one_of(out, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, kAllow, kEperm);
  }
}

struct Range {
  std::uint32_t first;
  Verdict verdict;
};

// A balanced tree of comparisons: ten steps to any verdict.
Filter tree(std::span<const Range> ranges) {
  Filter out;
  if (ranges.size() == 1) {
    leaf(out, ranges.front().verdict);
    return out;
  }
  const std::size_t middle = ranges.size() / 2;
  const Filter below = tree(ranges.first(middle));
  const Filter above = tree(ranges.subspan(middle));
  if (below.size() <= 255) {
    out.push_back({kIfAtLeast, static_cast<std::uint8_t>(below.size()), 0, ranges[middle].first});
  } else {
    // A condition reaches 255 instructions, a jump any number.
    out.push_back({kIfAtLeast, 0, 1, ranges[middle].first});
    out.push_back({kJump, 0, 0, static_cast<std::uint32_t>(below.size())});
  }
  out.insert(out.end(), below.begin(), below.end());
  out.insert(out.end(), above.begin(), above.end());
  return out;
}

Filter program(const Verdicts& verdicts) {
  std::vector<Range> ranges;
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    const Verdict verdict = verdicts[number];
    if (ranges.empty() || ranges.back().verdict != verdict) ranges.push_back({number, verdict});
  }
  // The last range goes on to 2^32: x32's numbers are in it, and -1, which a tracer leaves for a call it took away.
  if (ranges.back().verdict != Verdict::enosys) ranges.push_back({kNumbers, Verdict::enosys});
  Filter out{{kLoad, 0, 0, kArch}, {kIfEqual, 1, 0, kNativeArch}, {kReturn, 0, 0, kEnosys}, {kLoad, 0, 0, kNumber}};
  const Filter rest = tree(ranges);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Verdicts common(std::uint64_t capabilities) {
  Verdicts verdicts{};
  set(verdicts, kNever, Verdict::eperm);
  set(verdicts, kAllowed, Verdict::allow);
  set(verdicts, kAllowedNewer, Verdict::allow);
  set(verdicts, kAllowedUnlessStrict, Verdict::allow);
  for (const Group& group : kByCapability) {
    set(verdicts, group.calls, (group.any_of & capabilities) != 0 ? Verdict::allow : Verdict::eperm);
  }
  const bool admin = (capabilities & bit(CAP_SYS_ADMIN)) != 0;
  set(verdicts, N(clone), admin ? Verdict::allow : Verdict::clone);
  set(verdicts, N(clone3), admin ? Verdict::allow : Verdict::enosys);
  set(verdicts, N(personality), Verdict::personality);
  set(verdicts, N(socket), Verdict::socket);
  return verdicts;
}

#undef N

}  // namespace

Filter docker_filter(std::uint64_t capabilities) { return program(common(capabilities)); }

Filter strict_filter() {
  Verdicts verdicts = common(0);
  set(verdicts, kAllowedUnlessStrict, Verdict::eperm);
  set(verdicts, __SNR_socket, Verdict::few_sockets);
  return program(verdicts);
}

}  // namespace sup
