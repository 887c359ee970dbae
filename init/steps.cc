#include "init/steps.h"

#include "init/channel.h"
#include "init/join.h"
#include "init/landlock.h"
#include "init/mounts.h"
#include "init/park.h"
#include "init/pid1.h"

namespace sup::init {
namespace {

using wire::Op;
using wire::Step;

constexpr uint64_t kFilterWidth = 8;   // sizeof(struct sock_filter)

// One page for the steps that must look at something; init has one thread and one step at a time.
alignas(8) unsigned char scratch[4096];

// ---- checking --------------------------------------------------------------------------

// Which of s[0..3] an op cannot do without, as bits. exec and groups name no plain
// strings; they are checked by hand below.
constexpr unsigned required_strings(Op op) {
  switch (op) {
    case Op::mount: return 0b0010;
    case Op::umount_stack:
    case Op::enter:
    case Op::cover:
    case Op::hostname:
    case Op::link_up:
    case Op::write_file:
    case Op::workdir:
    case Op::filesystem:
    case Op::attach:
    case Op::make:
    case Op::renew: return 0b0001;
    case Op::file: return 0b0011;
    default: return 0;
  }
}

// What a step may point at: [start, size) of the block, behind the steps themselves, so
// that turning a list into pointers can never rewrite a step.
struct Region {
  unsigned char* block;
  size_t start;
  size_t size;

  [[nodiscard]] bool string(uint64_t at) const { return at >= start && at < size; }   // the block ends in NUL
  [[nodiscard]] bool array(uint64_t at, uint64_t count, uint64_t width) const {
    return at % width == 0 && at >= start && at <= size && count <= (size - at) / width;
  }
};

// Turns one list into pointers. False when it is malformed; the block is then of no use.
bool relocate(const Region& region, uint64_t at) {
  for (; region.array(at, 1, sizeof(uint64_t)); at += sizeof(uint64_t)) {
    auto* entry = reinterpret_cast<uint64_t*>(region.block + at);
    if (*entry == 0) return true;
    // An entry of a list seen before is a pointer by now, above every offset: refused here.
    if (!region.string(*entry)) return false;
    *entry = reinterpret_cast<uint64_t>(region.block) + *entry;
  }
  return false;
}

// The numbers between have not been given out.
bool known(Op op) {
  return (op > Op::none && op <= Op::join) || (op >= Op::tree && op <= Op::terminal) ||
         (op >= Op::call && op <= wire::kLastOp);
}

// Op::call makes calls of numbers alone: none of these takes a pointer, whatever a damaged plan has in its place.
bool plain(const Step& step) {
  switch (step.flags) {
    case __NR_prctl:
      return step.n[0] == PR_SET_KEEPCAPS || step.n[0] == PR_SET_NO_NEW_PRIVS || step.n[0] == PR_SET_CHILD_SUBREAPER;
    case __NR_setpriority:
    case __NR_ioprio_set: return true;
    default: return false;
  }
}

int check(const Region& region, const Step& step) {
  const auto op = static_cast<Op>(step.op);
  if (!known(op)) return ENOSYS;
  if ((step.flags != 0 && op != Op::call) || step.reserved != 0) return EBADMSG;
  for (unsigned i = 0; i < 4; ++i) {
    if (step.s[i] == 0 ? (required_strings(op) >> i & 1) != 0 : !region.string(step.s[i])) return EBADMSG;
  }
  if (op == Op::groups && step.n[0] != 0 && !region.array(step.s[0], step.n[0], sizeof(uint32_t))) return EBADMSG;
  if (op == Op::call && !plain(step)) return EBADMSG;
  if (op == Op::seccomp && (step.n[0] > 0xffff || !region.array(step.s[0], step.n[0], kFilterWidth))) return EBADMSG;
  if (!right_trees(step)) return EBADMSG;
  if ((op == Op::filesystem || op == Op::mask || op == Op::readonly || op == Op::allow) && !relocate(region, step.s[1]))
    return EBADMSG;
  if (op == Op::exec) {
    for (unsigned i = 0; i < 3; ++i) {
      if (!relocate(region, step.s[i])) return EBADMSG;
    }
  }
  return 0;
}

// ---- carrying out ----------------------------------------------------------------------

int error(long result) { return result < 0 ? static_cast<int>(-result) : 0; }

const Step& step_at(const Run& run, uint16_t index) {
  return reinterpret_cast<const Step*>(run.block + sizeof(wire::Header))[index];
}

const char* text(const Run& run, uint32_t offset) {
  return offset == 0 ? nullptr : reinterpret_cast<const char*>(run.block + offset);
}

char** list(const Run& run, uint32_t offset) { return reinterpret_cast<char**>(run.block + offset); }

size_t length(const char* s) {
  size_t n = 0;
  while (s != nullptr && s[n] != 0) ++n;
  return n;
}

bool same_text(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

// Mounts can be stacked without bound by whoever made the namespace's model; a thousand
// on one spot is not a layout but a loop.
int umount_stack(const char* path) {
  for (unsigned i = 0; i < 1024; ++i) {
    const int err = error(sys::call(__NR_umount2, path, sys::kMntDetach));
    if (err == EINVAL || err == ENOENT) return 0;   // nothing mounted there (any more)
    if (err != 0) return err;
  }
  return ELOOP;
}

int cover(const char* path) {
  constexpr unsigned long kFlags = sys::kMsRdonly | sys::kMsNosuid | sys::kMsNodev | sys::kMsNoexec;
  const int err = error(sys::call(__NR_mount, "none", path, "tmpfs", kFlags, "size=4k,nr_inodes=2,mode=0"));
  // Out of our reach is out of the command's, who is nobody more than we are.
  return err == ENOENT || err == EACCES || err == ENOTDIR ? 0 : err;
}

// Reads mountinfo (proc_pid_mountinfo(5)) a byte at a time, so that it does not matter
// where a read(2) ends:
//   36 35 0:50 /root /mount/point rw,opts [optional…] - fstype source superopts
// Blanks inside a field are escaped by the kernel, so a field ends at a blank.
class ProcMounts {
 public:
  void feed(unsigned char c) {
    if (c == '\n') {
      end_field();
      field_ = at_ = 0;
      separator_ = 0;
      same_ = true;
      at_proc_ = false;
    } else if (c == ' ') {
      end_field();
      ++field_;
      at_ = 0;
      same_ = true;
    } else {
      const char* want = wanted();
      // at_ stays on the first difference, at the latest on the word's NUL.
      if (same_ && want[at_] != 0 && want[at_] == static_cast<char>(c)) {
        ++at_;
      } else {
        same_ = false;
      }
    }
  }
  [[nodiscard]] bool only_at_proc() const { return count_ == 1 && good_ == 1; }

 private:
  static constexpr unsigned kMountPoint = 4;   // fields count from 0
  static constexpr unsigned kOptional = 6;     // here the separator may stand first

  [[nodiscard]] const char* wanted() const {
    if (field_ == kMountPoint) return "/proc";
    return separator_ != 0 && field_ == separator_ + 1 ? "proc" : "-";
  }
  void end_field() {
    const bool match = same_ && wanted()[at_] == 0;
    if (field_ == kMountPoint) {
      at_proc_ = match;
    } else if (separator_ == 0 && field_ >= kOptional) {
      if (match) separator_ = field_;
    } else if (separator_ != 0 && field_ == separator_ + 1 && match) {
      ++count_;
      if (at_proc_) ++good_;
    }
  }

  unsigned field_ = 0;
  unsigned at_ = 0;          // characters of wanted() matched so far in this field
  unsigned separator_ = 0;   // the field that was "-"; 0: not yet
  unsigned count_ = 0;       // procfs seen
  unsigned good_ = 0;        // of them, mounted exactly on /proc
  bool same_ = true;
  bool at_proc_ = false;
};

// 1: /proc is the one procfs; 0: it is not; negative: the kernel does not answer such questions (before Linux 6.8, or a
// filter says no), and mountinfo is to be read. Half the price of that.
int only_proc_by_number() {
  constexpr long kIds = 128;
  auto* const ids = reinterpret_cast<uint64_t*>(scratch);  // the first KiB
  auto* const status = reinterpret_cast<sys::MountStatus*>(scratch + kIds * sizeof(uint64_t));  // the other three
  constexpr size_t kRoom = sizeof scratch - kIds * sizeof(uint64_t);
  sys::MountRequest list = {sizeof list, 0, sys::kAllMounts, 0};
  bool seen = false;
  for (long n = kIds; n == kIds;) {
    n = sys::call(sys::kNrListmount, &list, ids, kIds, 0);
    // A mount namespace without a mount: not an answer.
    if (n < 0 || (n == 0 && list.param == 0)) return n < 0 ? static_cast<int>(n) : -EINVAL;
    for (long i = 0; i < n; ++i) {
      list.param = ids[i];
      sys::MountRequest one = {sizeof one, 0, ids[i], sys::kMountMagic};
      long err = sys::call(sys::kNrStatmount, &one, status, sizeof *status, 0);
      if (err == -ENOENT) continue;  // gone since
      if (err < 0 || (status->mask & sys::kMountMagic) == 0) return err < 0 ? static_cast<int>(err) : -EINVAL;
      if (status->magic != sys::kProcMagic) continue;
      if (seen) return 0;
      seen = true;
      one.param = sys::kMountPoint;
      err = sys::call(sys::kNrStatmount, &one, status, kRoom, 0);
      if (err < 0 || (status->mask & sys::kMountPoint) == 0) return err < 0 ? static_cast<int>(err) : -EINVAL;
      if (status->point > kRoom - sizeof *status - sizeof "/proc") return -EINVAL;
      if (!same_text(reinterpret_cast<const char*>(status + 1) + status->point, "/proc")) return 0;
    }
  }
  return seen ? 1 : 0;
}

int only_proc() {
  const int answer = only_proc_by_number();
  if (answer >= 0) return answer == 1 ? 0 : EEXIST;
  const long opened = sys::open("/proc/self/mountinfo", sys::kOCloexec);
  if (opened < 0) return error(opened);
  const int fd = static_cast<int>(opened);
  ProcMounts mounts;
  long n = 0;
  while ((n = sys::read(fd, scratch, sizeof scratch)) != 0) {
    if (n == -EINTR) continue;
    if (n < 0) break;
    for (long i = 0; i < n; ++i) mounts.feed(scratch[i]);
  }
  sys::close(fd);
  if (n < 0) return error(n);
  return mounts.only_at_proc() ? 0 : EEXIST;
}

int link_up(const char* name) {
  sys::IfReq req{};
  const size_t n = length(name);
  if (n >= sizeof req.name) return ENODEV;  // no interface can have such a name
  for (size_t i = 0; i < n; ++i) req.name[i] = name[i];
  // Any socket reaches the interfaces of its network namespace; AF_UNIX needs no IP stack.
  const long made = sys::call(__NR_socket, sys::kAfUnix, sys::kSockDgram | sys::kOCloexec, 0);
  if (made < 0) return error(made);
  const int fd = static_cast<int>(made);
  int err = error(sys::ioctl(fd, sys::kSiocgIfFlags, &req));
  if (err == 0) {
    req.flags = static_cast<uint16_t>(req.flags | sys::kIffUp);
    err = error(sys::ioctl(fd, sys::kSiocsIfFlags, &req));
  }
  sys::close(fd);
  return err;
}

int write_file(const char* path, const char* content) {
  long fd = 0;
  do {
    fd = sys::open(path, sys::kOWronly | sys::kOCloexec);
  } while (fd == -EINTR);
  if (fd < 0) return error(fd);
  // One write: the files this is for (sysctls, maps, oom_score_adj) take their value whole.
  const size_t size = length(content);
  long n = 0;
  do {
    n = sys::write(static_cast<int>(fd), content, size);
  } while (n == -EINTR);
  sys::close(static_cast<int>(fd));
  if (n < 0) return error(n);
  return static_cast<size_t>(n) == size ? 0 : EIO;
}

int capbset_drop(uint64_t mask) {
  for (unsigned cap = 0; cap < 64; ++cap) {
    if ((mask >> cap & 1) == 0) continue;
    // EINVAL: unknown to this kernel.
    const long dropped = sys::prctl(PR_CAPBSET_DROP, cap);
    if (dropped >= 0 || dropped == -EINVAL) continue;
    if (dropped != -EPERM) return error(dropped);
    // Dropping takes CAP_SETPCAP, also for what is gone already. What cannot be looked at is not taken for dropped.
    const long have = sys::prctl(PR_CAPBSET_READ, cap);
    if (have != 0) return error(have < 0 ? have : dropped);
  }
  return 0;
}

int caps(uint64_t permitted, uint64_t effective, uint64_t ambient) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  int err = error(sys::call(__NR_capget, &header, data));
  if (err != 0) return err;
  for (unsigned half = 0; half < _LINUX_CAPABILITY_U32S_3; ++half) {
    const unsigned shift = half * 32;
    data[half].permitted &= static_cast<uint32_t>(permitted >> shift);
    data[half].effective = data[half].permitted & static_cast<uint32_t>(effective >> shift);
    // Empty but for what shall be ambient: anything more leaks through file capabilities (CVE-2022-29162).
    data[half].inheritable = static_cast<uint32_t>(ambient >> shift);
  }
  err = error(sys::call(__NR_capset, &header, data));
  if (err == 0) err = error(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL));
  for (unsigned cap = 0; err == 0 && cap < 64; ++cap) {
    if ((ambient >> cap & 1) != 0) err = error(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap));
  }
  return err;
}

int seccomp(uint64_t count, const char* filter) {
  const sys::FilterProgram program = {static_cast<uint16_t>(count), filter};
  return error(sys::call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

int enter(const char* path, uint64_t type) {
  const long opened = sys::open(path, sys::kOCloexec);
  if (opened < 0) return error(opened);
  const int err = error(sys::call(__NR_setns, opened, type));
  sys::close(static_cast<int>(opened));
  return err;
}

int keyring() {
  const int err = error(sys::call(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
  return err == ENOSYS || err == EPERM ? 0 : err;
}

int ids(uint64_t uid, uint64_t gid) {
  const int err = error(sys::call(__NR_setresgid, gid, gid, gid));  // gid first: setresuid may take the right to
  return err != 0 ? err : error(sys::call(__NR_setresuid, uid, uid, uid));
}

int workdir(const char* path) {
  const int err = error(sys::call(__NR_chdir, path));
  if (err != 0) return err;
  const long n = sys::call(__NR_getcwd, scratch, sizeof scratch);
  if (n < 0) return error(n);
  // CVE-2024-21626: a directory outside this root reads "(unreachable)…".
  return scratch[0] == '/' ? 0 : ENOENT;
}

int pdeathsig(uint64_t sig, int boot) {
  const int err = error(sys::prctl(PR_SET_PDEATHSIG, sig));
  if (err != 0) return err;
  // The supervisor may have died before the call, and getppid() is 0 in a new PID
  // namespace whether it lives or not: the boot channel knows.
  const sys::Timespec now{};
  sys::PollFd fd = {boot, 0, 0};
  long n = 0;
  do {
    n = sys::poll(&fd, 1, &now);
  } while (n == -EINTR);
  if (n < 0) return error(n);
  return (fd.revents & (sys::kPollHup | sys::kPollErr)) != 0 ? ESRCH : 0;
}

int close_from(uint64_t first, int boot) {
  const auto channel = static_cast<unsigned>(boot);
  const auto from = first > ~0U ? ~0U : static_cast<unsigned>(first);
  if (from < channel) {
    const int err = error(sys::close_range(from, channel - 1));
    if (err != 0) return err;
  }
  return error(sys::close_range(from > channel ? from : channel + 1, ~0U));
}

int signals_default(uint64_t already) {
  const sys::SigAction by_default{};
  for (int sig = 1; sig <= sys::kSignals; ++sig) {
    if (sig == sys::kSigKill || sig == sys::kSigStop || (already >> (sig - 1) & 1) != 0) continue;
    const int err = error(sys::sigaction(sig, &by_default));
    if (err != 0) return err;
  }
  return 0;
}

int unblock() {
  const uint64_t none = 0;
  return error(sys::sigmask(sys::kSigSetMask, &none, nullptr));
}

int wait(const Run& run) {
  int err = say(run.boot, wire::Say::wait, run.index);
  wire::Record answer{};
  if (err == 0) err = hear(run.boot, answer);
  // The supervisor has gone or does not want this start any more: nobody to tell.
  if (err == EPIPE || err == ECONNRESET) sys::exit(kExitSetup);
  if (err != 0) return err;
  return answer.say == static_cast<uint16_t>(wire::Say::go) ? 0 : EPROTO;
}

// As execvp(3) walks PATH, but without its second thoughts: what the kernel cannot
// execute is not given to a shell.
int exec(Run& run, const Step& step) {
  // Said before, not after: after a success there is nobody left to say it. If it cannot
  // be said there is no supervisor, and a command that nobody watches must not start.
  if (say(run.boot, wire::Say::exec, run.index) != 0) sys::exit(kExitSetup);
  char** const candidates = list(run, step.s[0]);
  char** const argv = list(run, step.s[1]);
  char** const envp = list(run, step.s[2]);
  int kept = ENOENT;
  bool denied = false;
  for (uint32_t i = 0; candidates[i] != nullptr; ++i) {
    run.execing = true;
    const int err = error(sys::call(__NR_execve, candidates[i], argv, envp));
    run.execing = false;
    const bool elsewhere =
        err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG || err == ESTALE || err == ENODEV || err == ETIMEDOUT;
    if (!denied || (!elsewhere && err != EACCES)) {
      kept = err;
      run.candidate = i;
    }
    if (err == EACCES) denied = true;
    if (!elsewhere && err != EACCES) break;
  }
  return kept;
}

void go_on_after_stay(void* arg) {
  Run& run = *static_cast<Run*>(arg);
  ++run.index;
  carry_out(run);
}

// The switch. 0, or the errno the step failed with.
int perform(Run& run, const Step& step) {
  const auto& n = step.n;
  const char* const s0 = text(run, step.s[0]);
  switch (static_cast<Op>(step.op)) {
    case Op::mount:
      return error(sys::call(__NR_mount, s0, text(run, step.s[1]), text(run, step.s[2]), n[0], text(run, step.s[3])));
    case Op::umount_stack: return umount_stack(s0);
    case Op::cover: return cover(s0);
    case Op::only_proc: return only_proc();
    case Op::hostname: return error(sys::call(__NR_sethostname, s0, length(s0)));
    case Op::link_up: return link_up(s0);
    case Op::unshare: return error(sys::call(__NR_unshare, n[0]));
    case Op::write_file: return write_file(s0, text(run, step.s[1]));
    case Op::rlimit: {
      const sys::Rlimit64 limit = {n[1], n[2]};
      return error(sys::call(__NR_prlimit64, 0, n[0], &limit, nullptr));
    }
    case Op::capbset_drop: return capbset_drop(n[0]);
    case Op::groups: return error(sys::call(__NR_setgroups, n[0], s0));
    case Op::ids: return ids(n[0], n[1]);
    case Op::umask: sys::call(__NR_umask, n[0]); return 0;  // never fails; the value is the old mask
    case Op::workdir: return workdir(s0);
    case Op::setsid: return error(sys::call(__NR_setsid));
    case Op::ctty: return error(sys::call(__NR_ioctl, n[0], sys::kTiocsCtty, 0));
    case Op::pdeathsig: return pdeathsig(n[0], run.boot);
    case Op::stay: return stay(run, static_cast<int>(n[0]), go_on_after_stay);
    case Op::close_from: return close_from(n[0], run.boot);
    case Op::signals_default: return signals_default(n[0]);
    case Op::wait: return static_cast<wire::WaitFor>(n[0]) == wire::WaitFor::park ? park(run) : wait(run);
    case Op::exec: return exec(run, step);
    case Op::join: return join(run, step);
    case Op::call: return error(sys::call(step.flags, n[0], n[1], n[2], 0, 0, 0));
    case Op::caps: return caps(n[0], n[1], n[2]);
    case Op::seccomp: return seccomp(n[0], s0);
    case Op::keyring: return keyring();
    case Op::enter: return enter(s0, n[0]);
    case Op::tree: return open_tree(run, step, s0, text(run, step.s[1]));
    case Op::filesystem: return new_filesystem(run, step, s0, list(run, step.s[1]));
    case Op::attributes: return set_attributes(run, step);
    case Op::attach: return attach(run, step, s0);
    case Op::make: return make(run, step, s0, text(run, step.s[1]));
    case Op::mask: return mask(run, step, list(run, step.s[1]));
    case Op::readonly: return bind_readonly(run, step, list(run, step.s[1]));
    case Op::pivot: return pivot(run, step);
    case Op::renew: return renew(step, s0);
    case Op::let_go: return let_go(run);
    case Op::terminal: return terminal(run, step);
    case Op::ruleset: return ruleset(run, step);
    case Op::allow: return allow(run, step, list(run, step.s[1]));
    case Op::enforce: return enforce(run, step);
    case Op::unblock: return unblock();
    case Op::file: return new_file(run, step, s0, text(run, step.s[1]));
    case Op::none: break;
  }
  return ENOSYS;
}

}  // namespace

Flaw prepare(unsigned char* block, size_t size) {
  const auto& header = *reinterpret_cast<const wire::Header*>(block);
  if (size < sizeof header || size > wire::kMaxPlan || header.magic != wire::kMagic) return {0, EBADMSG};
  if (header.version != wire::kVersion) return {0, EPROTONOSUPPORT};
  const size_t start = sizeof header + header.count * sizeof(Step);
  if (header.size != size || header.reserved != 0 || header.count > wire::kMaxSteps || start >= size ||
      block[size - 1] != 0) {
    return {0, EBADMSG};
  }
  const auto* steps = reinterpret_cast<const Step*>(block + sizeof header);
  const Region region = {block, start, size};
  bool stays = false;
  for (uint16_t i = 0; i < header.count; ++i) {
    const auto op = static_cast<Op>(steps[i].op);
    int err = check(region, steps[i]);
    // There is one PID 1, and behind exec there is nothing; nor behind the wait of a parked init, who gets another plan.
    const bool last =
        op == Op::exec || (op == Op::wait && static_cast<wire::WaitFor>(steps[i].n[0]) == wire::WaitFor::park);
    if (err == 0 && ((op == Op::stay && stays) || last != (i + 1 == header.count))) err = EBADMSG;
    if (err != 0) return {i, err};
    stays = stays || op == Op::stay;
  }
  return {0, header.count == 0 ? EBADMSG : 0};
}

void carry_out(Run& run) {
  for (;; ++run.index) {
    const int err = perform(run, step_at(run, run.index));
    if (err == 0) continue;
    say(run.boot, wire::Say::failed, run.index, err, run.candidate);  // nobody there: exit all the same
    sys::exit(kExitSetup);
  }
}

void interpret(unsigned char* block, size_t size, int boot) {
  const Flaw flaw = prepare(block, size);
  if (flaw.err != 0) {
    say(boot, wire::Say::failed, flaw.step, flaw.err);
    sys::exit(kExitSetup);
  }
  Run run;
  run.block = block;
  run.size = size;
  run.boot = boot;
  carry_out(run);
}

}  // namespace sup::init
