// The filters, run call by call as the kernel runs them: docker's table against a list of its own, the tree against
// libseccomp's program for the same rules, and profiles from files.
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "spec/capabilities.h"
#include "spec/seccomp.h"
#include "spec/seccomplog.h"
#include "sys/seccompfile.h"

using namespace sup;

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kHere = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kHere = AUDIT_ARCH_AARCH64;
#endif
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

using Arguments = std::array<std::uint64_t, 6>;

// What the filter says, by doing what net/core/filter.c does.
std::uint32_t verdict(const Filter& filter, int number, const Arguments& args = {}, std::uint32_t arch = kHere) {
  seccomp_data data{};
  data.nr = number;
  data.arch = arch;
  std::ranges::copy(args, data.args);
  std::array<std::uint32_t, sizeof data / sizeof(std::uint32_t)> words{};
  std::memcpy(words.data(), &data, sizeof data);
  std::array<std::uint32_t, BPF_MEMWORDS> memory{};
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& now = filter[at];
    const auto branch = [&](bool taken) { at += taken ? now.jt : now.jf; };
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        BOOST_REQUIRE(now.k % 4 == 0 && now.k / 4 < words.size());
        a = words[now.k / 4];
        break;
      case BPF_RET | BPF_K: return now.k;
      case BPF_JMP | BPF_JEQ | BPF_K: branch(a == now.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: branch(a >= now.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: branch(a > now.k); break;
      case BPF_JMP | BPF_JSET | BPF_K: branch((a & now.k) != 0); break;
      case BPF_JMP | BPF_JA: at += now.k; break;
      case BPF_ALU | BPF_AND | BPF_K: a &= now.k; break;
      case BPF_ST: memory.at(now.k) = a; break;
      case BPF_LD | BPF_MEM: a = memory.at(now.k); break;
      case BPF_MISC | BPF_TAX: x = a; break;
      case BPF_MISC | BPF_TXA: a = x; break;
      default: BOOST_FAIL("an instruction that seccomp(2) would refuse: " << now.code);
    }
  }
  BOOST_FAIL("the filter has no end");
  return 0;
}

// The names of all that this machine has.
std::map<int, std::string> known() {
  std::map<int, std::string> out;
  for (int number = 0; number <= 450; ++number) {
    const std::unique_ptr<char, void (*)(void*)> name(seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number),
                                                      std::free);
    if (name) out[number] = name.get();
  }
  const char* newer[] = {"cachestat",         "fchmodat2",         "map_shadow_stack", "futex_wake",
                         "futex_wait",        "futex_requeue",     "statmount",        "listmount",
                         "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules", "mseal",
                         "setxattrat",        "getxattrat",        "listxattrat",      "removexattrat",
                         "open_tree_attr",    "file_getattr",      "file_setattr"};
  int number = 451;
  for (const char* name : newer) out[number++] = name;
#if defined(__x86_64__)
  out[335] = "uretprobe";
#endif
  return out;
}

// What docker closes to its 14 capabilities, written down apart from the table.
const std::set<std::string> kClosed{"_sysctl",
                                    "acct",
                                    "add_key",
                                    "afs_syscall",
                                    "bpf",
                                    "clock_settime",
                                    "create_module",
                                    "delete_module",
                                    "fanotify_init",
                                    "file_getattr",
                                    "file_setattr",
                                    "finit_module",
                                    "fsconfig",
                                    "fsmount",
                                    "fsopen",
                                    "fspick",
                                    "get_kernel_syms",
                                    "get_mempolicy",
                                    "getpmsg",
                                    "init_module",
                                    "io_uring_enter",
                                    "io_uring_register",
                                    "io_uring_setup",
                                    "ioperm",
                                    "iopl",
                                    "kcmp",
                                    "kexec_file_load",
                                    "kexec_load",
                                    "keyctl",
                                    "lookup_dcookie",
                                    "lsm_get_self_attr",
                                    "lsm_list_modules",
                                    "lsm_set_self_attr",
                                    "mbind",
                                    "migrate_pages",
                                    "mount",
                                    "mount_setattr",
                                    "move_mount",
                                    "move_pages",
                                    "nfsservctl",
                                    "open_by_handle_at",
                                    "open_tree",
                                    "open_tree_attr",
                                    "perf_event_open",
                                    "pidfd_getfd",
                                    "pivot_root",
                                    "process_madvise",
                                    "putpmsg",
                                    "query_module",
                                    "quotactl",
                                    "quotactl_fd",
                                    "reboot",
                                    "request_key",
                                    "security",
                                    "set_mempolicy",
                                    "set_mempolicy_home_node",
                                    "setdomainname",
                                    "sethostname",
                                    "setns",
                                    "settimeofday",
                                    "swapoff",
                                    "swapon",
                                    "sysfs",
                                    "syslog",
                                    "tuxcall",
                                    "umount2",
                                    "unshare",
                                    "uselib",
                                    "userfaultfd",
                                    "ustat",
                                    "vhangup",
                                    "vserver"};

// The same rules by libseccomp, which has another way to a program.
Filter by_libseccomp(const Filter& ours) {
  const scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  for (int number = 0; number < 512; ++number) {
    if (number == SYS_clone || number == SYS_personality || number == SYS_socket) continue;
    const std::uint32_t says = verdict(ours, number);
    if (says != kEnosys)
      BOOST_REQUIRE(seccomp_rule_add(context, says == kAllow ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), number, 0) == 0);
  }
  const auto rule = [&](int number, std::uint32_t action, std::uint64_t mask, std::uint64_t value) {
    const scmp_arg_cmp first{.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
    BOOST_REQUIRE(seccomp_rule_add(context, action, number, 1, first) == 0);
  };
  rule(SYS_clone, SCMP_ACT_ALLOW, 0x7E020000, 0);
  for (const std::uint64_t bit : {0x20000U, 0x2000000U, 0x4000000U, 0x8000000U, 0x10000000U, 0x20000000U, 0x40000000U})
    rule(SYS_clone, SCMP_ACT_ERRNO(EPERM), bit, bit);
  const Fd file(::memfd_create("test", MFD_CLOEXEC));
  BOOST_REQUIRE(seccomp_export_bpf(context, file.get()) == 0);
  seccomp_release(context);
  Filter out(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)) / sizeof(sock_filter));
  BOOST_REQUIRE(::pread(file.get(), out.data(), out.size() * sizeof(sock_filter), 0) > 0);
  return out;
}

std::string refusal(const char* text) {
  const auto filter = compile_seccomp(text, docker_capabilities());
  return filter ? "" : filter.error().line();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(seccomp_filter)

BOOST_AUTO_TEST_CASE(docker_closes_what_docker_closes) {
  const Filter filter = docker_filter(docker_capabilities());
  int allowed = 0;
  for (const auto& [number, name] : known()) {
    if (name == "clone" || name == "socket" || name == "personality") continue;   // by their arguments: below
    const std::uint32_t want = name == "clone3" ? kEnosys : kClosed.contains(name) ? kEperm : kAllow;
    BOOST_TEST(verdict(filter, number) == want, name);
    allowed += want == kAllow ? 1 : 0;
  }
  BOOST_TEST(allowed > 280);
  // What nobody knows is a call that this kernel has not.
  for (int number = 470; number < 3000; ++number) BOOST_REQUIRE(verdict(filter, number) == kEnosys);
}

BOOST_AUTO_TEST_CASE(other_ways_to_call_are_closed) {
  for (const Filter& filter : {docker_filter(docker_capabilities()), docker_filter(~0ULL), strict_filter()}) {
    for (int number = 0; number < 512; ++number) {
      BOOST_REQUIRE(verdict(filter, number | 0x40000000) == kEnosys);                    // x32
      BOOST_REQUIRE(verdict(filter, number, {}, AUDIT_ARCH_I386) == kEnosys);            // int 0x80
      BOOST_REQUIRE(verdict(filter, number, {}, AUDIT_ARCH_ARM) == kEnosys);
    }
    BOOST_TEST(verdict(filter, -1) == kEnosys);
    BOOST_TEST(filter.size() < 1000U);
  }
}

BOOST_AUTO_TEST_CASE(arguments_decide) {
  const Filter filter = docker_filter(docker_capabilities());
  constexpr std::uint64_t kAbove = 1ULL << 32;   // the kernel takes ints here, and does not look at the upper half
  for (const std::uint64_t flag :
       {0x20000U, 0x2000000U, 0x4000000U, 0x8000000U, 0x10000000U, 0x20000000U, 0x40000000U}) {
    BOOST_TEST(verdict(filter, SYS_clone, {flag | 17}) == kEperm);
    BOOST_TEST(verdict(filter, SYS_clone, {flag | kAbove}) == kEperm);
  }
  BOOST_TEST(verdict(filter, SYS_clone, {0x3d0f00}) == kAllow);   // pthread_create's
  for (const int number :
       {AF_DECnet, AF_ECONET, AF_ATMSVC, AF_IRDA, AF_WANPIPE, AF_ISDN, AF_CAIF, AF_ALG, AF_NFC, AF_VSOCK}) {
    const auto family = static_cast<std::uint64_t>(number);
    BOOST_TEST(verdict(filter, SYS_socket, {family, 1}) == kEperm);
    BOOST_TEST(verdict(filter, SYS_socket, {family | kAbove, 1}) == kEperm, "with a bit above the int");
  }
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_XDP})
    BOOST_TEST(verdict(filter, SYS_socket, {static_cast<std::uint64_t>(family), 1}) == kAllow);
  for (const std::uint64_t persona : {0U, 8U, 0x20000U, 0x20008U, 0xffffffffU})
    BOOST_TEST(verdict(filter, SYS_personality, {persona}) == kAllow);
  for (const std::uint64_t persona : {1U, 0x40000U, 0x400000U, 0x100000U})
    BOOST_TEST(verdict(filter, SYS_personality, {persona}) == kEperm);
}

BOOST_AUTO_TEST_CASE(capabilities_open_what_they_are_for) {
  const auto with = [](int capability) {
    return docker_filter(docker_capabilities() | std::uint64_t{1} << capability);
  };
  const std::vector<std::pair<int, std::vector<int>>> opens{
      {CAP_SYS_ADMIN,
       {SYS_mount, SYS_umount2, SYS_unshare, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_syslog, SYS_sethostname,
        SYS_clone3}},
      {CAP_BPF, {SYS_bpf}},
      {CAP_PERFMON, {SYS_perf_event_open}},
      {CAP_SYSLOG, {SYS_syslog}},
      {CAP_SYS_BOOT, {SYS_reboot, SYS_kexec_load}},
      {CAP_SYS_MODULE, {SYS_finit_module}},
      {CAP_SYS_PACCT, {SYS_acct}},
      {CAP_SYS_PTRACE, {SYS_kcmp, SYS_pidfd_getfd, SYS_process_madvise}},
      {CAP_SYS_TIME, {SYS_settimeofday, SYS_clock_settime}},
      {CAP_SYS_TTY_CONFIG, {SYS_vhangup}},
      {CAP_SYS_NICE, {SYS_mbind}},
      {CAP_DAC_READ_SEARCH, {SYS_open_by_handle_at}}};
  const Filter plain = docker_filter(docker_capabilities());
  for (const auto& [capability, calls] : opens) {
    for (const int call : calls) {
      BOOST_TEST(verdict(plain, call) != kAllow);
      BOOST_TEST(verdict(with(capability), call) == kAllow, capability << " and call " << call);
    }
  }
  BOOST_TEST(verdict(with(CAP_SYS_ADMIN), SYS_clone, {0x10000000}) == kAllow);
  BOOST_TEST(verdict(docker_filter(0), SYS_chroot) == kEperm);
  BOOST_TEST(verdict(plain, SYS_chroot) == kAllow);
  for (const int call : {SYS_keyctl, SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_io_uring_setup})
    BOOST_TEST(verdict(docker_filter(~0ULL), call) == kEperm);
}

BOOST_AUTO_TEST_CASE(what_the_kernels_log_says_of_a_kill) {
  const std::string record =
      "5,812,2393550740,-;audit: type=1326 audit(1795705668.157:16): auid=4294967295 uid=0 gid=0 ses=4294967295 "
      "pid=22231 comm=\"hostname\" exe=\"/usr/bin/hostname\" sig=31 arch=c000003e syscall=170 compat=0 ip=0x7fc3 "
      "code=0x80000000\n";
  const auto kill = seccomp_kill(record);
  BOOST_REQUIRE(kill.has_value());
  BOOST_TEST(kill->pid == 22231);
  BOOST_TEST(kill->when_us == 2393550740U);
  BOOST_TEST(kill->number == 170);
  BOOST_TEST(kill->arch == 0xc000003eU);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string other = record;
    return other.replace(other.find(from), from.size(), to);
  };
  BOOST_TEST(!seccomp_kill(with("type=1326", "type=1300")));
  BOOST_TEST(!seccomp_kill(with("pid=22231", "pid=x")));
  BOOST_TEST(!seccomp_kill(with("sig=31", "sig=0")));  // only logged
  BOOST_TEST(!seccomp_kill(with("syscall=170", "syscall=x")));
  BOOST_TEST(!seccomp_kill(with("2393550740", "")));
  BOOST_TEST(!seccomp_kill(with("5,812", "13,812")));  // somebody has written that there
  for (std::size_t n = 0; n < record.find(" compat"); ++n) BOOST_TEST(!seccomp_kill(record.substr(0, n)));
}

BOOST_AUTO_TEST_CASE(which_filters_kill) {
  BOOST_TEST(!filter_kills({}));
  BOOST_TEST(!filter_kills(docker_filter(docker_capabilities())));
  BOOST_TEST(!filter_kills(strict_filter()));
  for (const std::uint32_t action : {0x80000000U, 0U, 0x00030001U})
    BOOST_TEST(filter_kills({sock_filter{BPF_RET | BPF_K, 0, 0, action}}));
  BOOST_TEST(!filter_kills({sock_filter{BPF_RET | BPF_K, 0, 0, 0x00050001U}}));
}

BOOST_AUTO_TEST_CASE(strict_is_within_docker) {
  const Filter strict = strict_filter();
  const Filter docker = docker_filter(docker_capabilities());
  for (const auto& [number, name] : known()) {
    for (const std::uint64_t argument : {0ULL, 1ULL, 2ULL, 10ULL, 16ULL, 38ULL, 0x10000000ULL}) {
      if (verdict(strict, number, {argument}) == kAllow)
        BOOST_TEST(verdict(docker, number, {argument}) == kAllow, name);
    }
  }
  for (const int call :
       {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_chroot, SYS_unshare, SYS_setns, SYS_mount})
    BOOST_TEST(verdict(strict, call) == kEperm);
  for (const int family : {AF_PACKET, AF_XDP, AF_ALG, AF_VSOCK, AF_BLUETOOTH})
    BOOST_TEST(verdict(strict, SYS_socket, {static_cast<std::uint64_t>(family)}) == kEperm);
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    BOOST_TEST(verdict(strict, SYS_socket, {static_cast<std::uint64_t>(family)}) == kAllow);
}

BOOST_AUTO_TEST_CASE(libseccomp_comes_to_the_same) {
  for (const std::uint64_t capabilities :
       {docker_capabilities(), std::uint64_t{0}, docker_capabilities() | std::uint64_t{1} << CAP_SYS_PTRACE}) {
    const Filter ours = docker_filter(capabilities);
    const Filter theirs = by_libseccomp(ours);
    for (int number = 0; number < 1024; ++number) {
      if (number == SYS_personality || number == SYS_socket) continue;
      for (const std::uint64_t argument :
           {0ULL, 17ULL, 0x20000ULL, 0x3d0f00ULL, 0x10000011ULL, 0x40000000ULL, 0x7E020000ULL}) {
        BOOST_REQUIRE_MESSAGE(verdict(ours, number, {argument}) == verdict(theirs, number, {argument}),
                              "call " << number << " with " << argument);
      }
      BOOST_REQUIRE(verdict(ours, number | 0x40000000) == verdict(theirs, number | 0x40000000));
    }
  }
}

// ---- from a file

BOOST_AUTO_TEST_CASE(a_list_of_what_is_allowed) {
  const auto filter = compile_seccomp(
      R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    "syscalls": [{"names": ["read", "write", "nosuchcall", "cachestat"], "action": "SCMP_ACT_ALLOW"},
                 {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
                 {"names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS"},
                 {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
                 {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]})",
      0);
  BOOST_REQUIRE_MESSAGE(filter.has_value(), (filter ? "" : filter.error().line()));
  BOOST_TEST(verdict(*filter, SYS_read) == kAllow);
  BOOST_TEST(verdict(*filter, 451) == kAllow);
  BOOST_TEST(verdict(*filter, SYS_open) == kEnosys);
  BOOST_TEST(verdict(*filter, SYS_personality, {8}) == kAllow);
  BOOST_TEST(verdict(*filter, SYS_personality, {9}) == kEnosys);
  BOOST_TEST(verdict(*filter, SYS_socket, {2}) == kAllow);   // alternatives
  BOOST_TEST(verdict(*filter, SYS_socket, {3}) == kEnosys);
  BOOST_TEST(verdict(*filter, SYS_kill) == SECCOMP_RET_KILL_PROCESS);
  BOOST_TEST(verdict(*filter, SYS_clone, {17}) == kAllow);
  BOOST_TEST(verdict(*filter, SYS_clone, {0x10000000}) == kEnosys);
}

BOOST_AUTO_TEST_CASE(a_list_of_what_is_forbidden) {
  const auto filter = compile_seccomp(
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]})",
      0);
  BOOST_REQUIRE(filter.has_value());
  BOOST_TEST(verdict(*filter, SYS_mkdir) == (SECCOMP_RET_ERRNO | EACCES));
  BOOST_TEST(verdict(*filter, SYS_rmdir) == kAllow);
  BOOST_TEST(
      refusal(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdri"],"action":"SCMP_ACT_ERRNO"}]})") ==
      "seccomp profile: syscalls/0: mkdri is no system call that sup knows; correct it, or list what is allowed");
}

BOOST_AUTO_TEST_CASE(dockers_own_form) {
  const char* text =
      R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}],
    "syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}},
                {"names":["acct"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"99.0"}},
                {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
                {"names":["chroot"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}},
                {"names":["umount2"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN","CAP_SYS_TIME"]}},
                {"names":["unshare"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN","CAP_SYS_TIME"]}},
                {"names":["arch_prctl"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["amd64","x32"]}},
                {"names":["swapon"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["s390"]}}]})";
  const auto plain = compile_seccomp(text, docker_capabilities());
  const auto admin = compile_seccomp(text, std::uint64_t{1} << CAP_SYS_ADMIN);
  const auto both = compile_seccomp(text, std::uint64_t{1} << CAP_SYS_ADMIN | std::uint64_t{1} << CAP_SYS_TIME);
  BOOST_REQUIRE((plain && admin && both));
  BOOST_TEST(verdict(*plain, SYS_ptrace) == kAllow);
  BOOST_TEST(verdict(*plain, SYS_acct) == kEperm);
  BOOST_TEST(verdict(*plain, SYS_mount) == kEperm);
  BOOST_TEST(verdict(*admin, SYS_mount) == kAllow);
  BOOST_TEST(verdict(*plain, SYS_chroot) == kAllow);
  BOOST_TEST(verdict(*admin, SYS_chroot) == kEperm);
  // All that are named let a rule in, one of them keeps it out.
  BOOST_TEST(verdict(*admin, SYS_umount2) == kEperm);
  BOOST_TEST(verdict(*both, SYS_umount2) == kAllow);
  BOOST_TEST(verdict(*plain, SYS_unshare) == kAllow);
  BOOST_TEST(verdict(*admin, SYS_unshare) == kEperm);
  BOOST_TEST(verdict(*plain, SYS_swapon) == kEperm);
}

BOOST_AUTO_TEST_CASE(profiles_that_are_none) {
  BOOST_TEST(refusal("") == "seccomp profile: profile: is not JSON");
  BOOST_TEST(refusal("[]") == "seccomp profile: profile: must be an object");
  BOOST_TEST(refusal("{}").starts_with("seccomp profile: profile: defaultAction is missing"));
  BOOST_TEST(refusal(R"({"defaultAction":"SCMP_ACT_NOTIFY"})") ==
             "seccomp profile: profile: SCMP_ACT_NOTIFY needs an agent, which sup has not");
  BOOST_TEST(refusal(R"({"defaultAction":"allow"})") == "seccomp profile: profile: allow is no action");
  BOOST_TEST(refusal(R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_PDP11"]})") ==
             "seccomp profile: architectures: SCMP_ARCH_PDP11 is no architecture");
  for (const char* rules :
       {R"(7)", R"([7])", R"([{}])", R"([{"action":"SCMP_ACT_KILL"}])", R"([{"action":"SCMP_ACT_KILL","names":[7]}])",
        R"([{"action":"SCMP_ACT_KILL","names":["read"],"args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}])",
        R"([{"action":"SCMP_ACT_KILL","names":["read"],"args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}]}])",
        R"([{"action":"SCMP_ACT_KILL","names":["read"],"args":[{"index":0,"value":1,"op":"="}]}])",
        R"([{"action":"SCMP_ACT_ERRNO","errnoRet":99999,"names":["read"]}])"}) {
    BOOST_TEST(refusal((std::string(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":)") + rules + "}").c_str())
                   .starts_with("seccomp profile: syscalls"),
               rules);
  }
}

BOOST_AUTO_TEST_SUITE_END()
