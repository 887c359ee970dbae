// The wire between the supervisor and init: what a plan looks like in memory and
// what the two say to each other on the boot channel. It is shared by the
// supervisor (which writes plans, supervisor/spec/plan.cc) and init (which
// interprets them, init/steps.cc), and by nothing else; it holds data layout only.
//
// A plan is one block of bytes, little surprises and no pointers:
//
//   Header | Step[count] | strings and lists | 0
//
// Every "offset" counts bytes from the start of the block; 0 means "none". A
// string ends with NUL; the last byte of the block is NUL, so no string can run
// out of it. A list is an array of u64, 8-aligned, of string offsets, ended by a 0
// entry; init turns the offsets into pointers in place (the block is mapped
// private) and so has argv and envp without allocating.
//
// The block arrives in a sealed memfd at descriptor BOOT+1, the boot channel (an
// AF_UNIX SOCK_STREAM socket) is BOOT; BOOT is argv[1], in decimal. A parked init
// has its second one over the boot channel, behind the record that says go.
#pragma once
#include <stdint.h>

namespace sup::wire {

inline constexpr uint32_t kMagic = 0x50505553;    // "SUPP"
inline constexpr uint16_t kVersion = 1;           // raised when a layout or an Op's meaning changes
inline constexpr uint32_t kMaxPlan = 64U << 20;   // bytes; ARG_MAX is far below
inline constexpr uint32_t kMaxSteps = 8192;

// What init can do. The arguments of each are n[0..2] (numbers) and s[0..3]
// (offsets); flags is the step's own. A step that fails is reported as
// (index, errno) and init exits 125; nothing after it runs.
enum class Op : uint16_t {
  none = 0,
  mount = 1,           // mount(2): s0 source, s1 target, s2 fstype, s3 data, n0 MS_* flags
  umount_stack = 2,    // s0 path: umount2(MNT_DETACH) until nothing is mounted there (EINVAL); ENOENT is done
  only_proc = 3,       // fails with EEXIST unless /proc is the one procfs that /proc/self/mountinfo shows
  hostname = 4,        // sethostname(2): s0
  link_up = 5,         // SIOCSIFFLAGS IFF_UP: s0 interface name
  unshare = 6,         // unshare(2): n0 CLONE_NEW* flags
  write_file = 7,      // s0 path, s1 text: open(O_WRONLY), one write, close
  rlimit = 8,          // prlimit(2): n0 resource, n1 soft, n2 hard
  capbset_drop = 9,    // n0 mask: PR_CAPBSET_DROP each set bit; bits the kernel does not know are skipped
  caps = 10,  // capset(2): of what is permitted n0 stays, of that n1 is effective; n2, and only it, is ambient
  groups = 11,  // setgroups(2): n0 count, s0 offset of u32[count]
  ids = 12,  // setresgid(n1), then setresuid(n0)
  umask = 13,  // umask(2): n0
  workdir = 14,  // chdir(2): s0; then getcwd(2) must start with '/'
  setsid = 15,  // setsid(2)
  ctty = 16,  // TIOCSCTTY on descriptor n0
  pdeathsig = 17,  // PR_SET_PDEATHSIG n0; then fails with ESRCH if the boot channel is already hung up
  stay = 18,  // fork: the parent stays PID 1 and supervises (init/pid1.h), the child goes on. n0: not 0: it is no
  // PID 1, whose death would end all; descriptor n0, that of its cgroup.kill, is written to instead
  close_from = 19,  // close_range(2) from n0 up, the boot channel excepted (it is CLOEXEC)
  signals_default = 20,  // all 64 dispositions default; those in mask n0 are so already (bit N-1 is signal N)
  wait = 21,  // report {wait, i}, go on when the supervisor says go; n0 says for what (WaitFor). For park
  // (init/park.h) it is the last step: {parked, i}, and with the go comes another plan and where to go on in it
  cover = 22,  // s0 path: an empty, locked tmpfs over it; what cannot be reached (ENOENT, EACCES, ENOTDIR) is done
  exec = 23,  // execve(2): s0 list of candidate paths, s1 list argv, s2 list envp
  join = 24,  // init/join.h: n0 CLONE_NEW* flags, n1 a pidfd of the process whose namespaces they are, and behind it
  // (n1 + 1) its root, n2 mask of capabilities to give up; a child goes on, as the supervisor's own

  // A root of the container's own (init/mounts.h). A mount is made detached, held in trees[n0], and only then attached; every
  // path in a root is resolved by openat2(2) from the root's descriptor, without magic links.
  tree = 28,  // trees[n0] = open_tree(2) of s0, n1 how (TreeHow; elsewhere: in s1), n2: not 0: it must be
  // this character device, major << 32 | minor
  filesystem = 29,  // trees[n0] = fsopen(2) of s0 with the options in list s1 ("key=value", "key"), MOUNT_ATTR_* n1;
  // n2: not 0: relative paths in the options begin in trees[n2 - 1]
  attributes = 30,  // mount_setattr(2) of trees[n0]: n1 set | clear << 32, n2 propagation (MS_*) | recursive << 32
  attach = 31,  // move_mount(2) of trees[n0] to s0 in trees[n1] (kNoTree: over init's own root), n2 how (AttachHow)
  make = 32,  // in trees[n0]: without s1 the directory s0 of mode n1 (less the umask), else the symbolic link s0 to s1
  mask = 33,  // list s1 of paths in trees[n0]: a file by trees[n1] (character device n2, as above), a directory by an
  // empty read-only tmpfs, one for all; what is missing is done
  readonly = 34,  // list s1 of paths in trees[n0]: each bound to itself, read-only; what is missing is done
  pivot = 35,  // trees[n0] becomes the root, the old one is gone; n1: 1 on an initramfs: chroot(2)
  renew = 36,  // s0 is opened in place of each of the descriptors 0 to 2 that is the character device n0
  let_go = 37,  // closes every tree
  file = 38,  // in trees[n0], which nobody else has: the new regular file s0 of mode n1 (less the umask), with
  // the text s1
  terminal = 39,  // a new pty of the devpts in trees[n0]: its master goes to the supervisor ({terminal, i},
  // SCM_RIGHTS), who answers go; the other end, given to uid n2 (kNobody: as it is), becomes 0, 1 and 2, and a mount of it trees[n1]
  // (kNoTree: none is made)

  call = 40,  // prctl(2), setpriority(2) or ioprio_set(2), by its number in the step's flags: n0, n1, n2 and zeros
  seccomp = 41,  // SECCOMP_SET_MODE_FILTER: n0 instructions (struct sock_filter) at s0
  keyring = 42,  // a new session keyring; a kernel without keys, or a filter that forbids them, has none to hide
  enter = 43,  // setns(2): s0 path of the namespace, n0 its CLONE_NEW* flag

  // landlock(7) (init/landlock.h)
  ruleset = 44,  // trees[n0] = a ruleset that closes n1 (LANDLOCK_ACCESS_FS_*), and n2 (LANDLOCK_SCOPE_*) towards the
  // outside
  allow = 45,  // what lies at or below the paths of list s1 is opened for n1 by the ruleset trees[n0]; what is missing
  // is done
  enforce = 46,  // the ruleset trees[n0] binds this process from here on

  unblock = 47,  // no signal is blocked any more
};
inline constexpr Op kLastOp = Op::unblock;

inline constexpr uint64_t kTrees = 8;
inline constexpr uint64_t kNoTree = 0xffff;
inline constexpr uint64_t kNobody = 0xffffffff;
namespace TreeHow {
inline constexpr uint64_t clone = 0;  // OPEN_TREE_CLONE: this mount alone
inline constexpr uint64_t recursive = 1;  // with all mounts below it
inline constexpr uint64_t open = 2;  // O_PATH: the place itself
inline constexpr uint64_t given = 4;  // no path: descriptor n1 >> 8 that init was started with
inline constexpr uint64_t within = 8;  // this mount alone, from a path in trees[n1 >> 8], which is attached
inline constexpr uint64_t elsewhere = 16;  // this mount alone, in the mount namespace whose path is s1, through no link
}  // namespace TreeHow
namespace AttachHow {
inline constexpr uint64_t no_links = 1;  // ELOOP where a symbolic link is on the way
inline constexpr uint64_t create =
    2;  // make what is missing: directories, and last a directory or a file as the tree is
}  // namespace AttachHow

// Flags of Op::mount and Op::unshare are the kernel's own, passed unchanged.

struct Header {
  uint32_t magic;  // kMagic
  uint16_t version;  // kVersion
  uint16_t count;  // steps
  uint32_t size;  // bytes of the whole block
  uint32_t reserved;  // 0
};
static_assert(sizeof(Header) == 16);

struct Step {
  uint16_t op;  // Op
  uint16_t flags;  // Op::call's number; else 0
  uint32_t reserved;  // 0
  uint64_t n[3];
  uint32_t s[4];
};
static_assert(sizeof(Step) == 48);

enum class WaitFor : uint16_t { none = 0, cgroup = 1, idmap = 2, park = 3, start = 4, network = 5 };

// One record on the boot channel, either way.
enum class Say : uint16_t {
  wait = 1,  // init: at a wait step, other than for park. Answer: go
  go = 2,  // supervisor: go on; to a parked init with step `step` of the plan of `value` bytes that comes behind it
  exec = 3,  // init: last words before execve; EOF after it means the command runs
  running = 4,  // init as PID 1: the command's execve succeeded; value is its pid inside
  failed = 5,  // init: step `step` failed with `err`; for exec, value is the candidate tried
  exited = 6,  // init as PID 1: the command ended; value is its wait(2) status
  joined =
      7,  // init outside: its child in the joined namespaces goes on; value is that one's pid, as the supervisor sees it
  terminal = 8,  // init: with a pty's master (SCM_RIGHTS). Answer: go
  parked = 9,  // init: at the wait for a container (init/park.h), where that has not come yet. Answer: go
};

struct Record {
  uint16_t say;  // Say
  uint16_t step;  // index in the plan
  int32_t err;  // errno, positive
  uint32_t value;
  uint32_t reserved;  // 0
};
static_assert(sizeof(Record) == 16);

}  // namespace sup::wire
