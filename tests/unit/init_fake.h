// A kernel that init's interpreter can be run against, hosted: it writes down every call as a
// person would read it, and answers what the test told it to. Also a builder of plans that, unlike
// the supervisor's, can be told to build wrong ones.
//
// The seam itself (sup::init::sys::raw and vfork_child) is defined in init_steps_test.cc.
#pragma once
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "init/pid1.h"
#include "init/plan.h"
#include "init/steps.h"
#include "init/sys.h"

namespace sup::init::test {

inline constexpr int kBoot = 7;

// How a process of init's ends: thrown by the fake, because the real calls do not return.
struct Exited {
  int status;
};
struct Execed {};

struct Said {
  wire::Say say;
  int step;
  int err;
  std::uint32_t value;
  bool operator==(const Said&) const = default;
};

class Fake {
 public:
  Fake() { current = this; }
  Fake(const Fake&) = delete;
  Fake& operator=(const Fake&) = delete;
  ~Fake() { current = nullptr; }

  static inline Fake* current = nullptr;

  std::vector<std::string> calls;                      // "umount2(/proc, 2)"; sends and exits too
  std::vector<Said> said;                              // the records on the boot channel
  std::map<std::string, std::deque<long>> answers;     // by call name: results in order, then the default
  std::optional<std::size_t> fail_at;                  // the call with this index answers fail_with
  long fail_with = -EIO;
  std::string heard;                                   // bytes the supervisor has sent; then its end
  std::function<std::string()> file;                   // what read(2) gives next; "" is the end
  std::string cwd = "/job";
  std::int16_t boot_events = 0;                        // pdeathsig's look at the boot channel
  std::size_t send_at_most = 1000;
  int stacked = 0;                                     // mounts on the spot that umount2 is called for
  // f_type and mount point, what listmount(2) and statmount(2) tell; none: a kernel before them
  std::optional<std::vector<std::pair<std::uint64_t, std::string>>> mounts;
  bool late = true;  // `heard` comes only to a recvmsg(2) that waits
  std::vector<int> given = {0, 1, 2};  // what recvmsg(2) brings with the first byte of `heard`
  std::uint32_t message_flags = 0;
  std::size_t recv_at_most = 1000;
  bool short_write = false;
  std::map<int, bool> bounding{};  // capability: in the bounding set; absent: unknown
  long fork_answer = 0;  // join's: 0 goes on as the child
  bool devpts = true;  // what fstatfs finds is one
  // roots
  std::set<std::string> absent{};  // paths that openat2 does not find until something is made
  std::map<int, std::pair<std::uint32_t, std::uint32_t>> devices{};  // descriptor: its device
  std::set<int> directories{};  // descriptors of directories; others are regular files
  // PID 1
  long clone_answer = 2;
  bool child_runs = true;  // false: killed before its first instruction
  std::deque<std::pair<long, std::uint32_t>> dead;  // what wait4 reaps: pid, status; 0 ends one look
  std::deque<std::array<std::int16_t, 2>> polls;  // {signals, boot} revents, look by look
  std::vector<int> early;  // signals that have come before the child is made
  std::deque<std::vector<int>> signals;  // and each read behind it
  std::vector<std::uint32_t> capset_to;  // effective, permitted, inheritable, then the upper half

  // Carries out a plan until it ends. nullopt: the command runs; else the exit status.
  std::optional<int> interpret(std::vector<unsigned char> bytes) {
    // A block of exactly this size on the heap: under ASan a read beside it is a failure.
    block_ = std::make_unique<unsigned char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), block_.get());
    try {
      sup::init::interpret(block_.get(), bytes.size(), kBoot);
    } catch (const Exited& e) {
      return e.status;
    } catch (const Execed&) {
      return std::nullopt;
    }
  }

  long call(long nr, const long (&a)[6]) {
    if (calls.size() > 400'000) throw std::runtime_error("init runs away");
    const std::string name = name_of(nr);
    const std::size_t index = calls.size();
    calls.push_back(render(nr, name, a));
    // The end is no call that fails: what comes behind it is a fault, on purpose.
    if (fail_at == index && nr != __NR_exit_group) return fail_with;
    if (auto it = answers.find(name); it != answers.end() && !it->second.empty()) {
      const long answer = it->second.front();
      it->second.pop_front();
      if (answer < 0) return answer;
    }
    return act(nr, a);
  }

  long vfork_child(unsigned long flags, void (*child)(void*), void* arg) {
    calls.push_back("clone(" + std::to_string(flags) + ")");
    cloned_ = true;
    if (fail_at == calls.size() - 1) return fail_with;
    if (clone_answer < 0 || !child_runs) return clone_answer;
    try {
      child(arg);
    } catch (const Exited&) {
      return clone_answer;
    } catch (const Execed&) {
      return clone_answer;
    }
    return clone_answer;
  }

 private:
  template <typename T>
  static T* at(long a) {
    return reinterpret_cast<T*>(a);
  }
  static std::string text(long a) { return a == 0 ? "NULL" : at<const char>(a); }
  static std::string texts(long a) {
    std::string out = "[";
    const char** const first = at<const char*>(a);
    for (const char** p = first; *p != nullptr; ++p) out += (p != first ? " " : "") + std::string(*p);
    return out + "]";
  }

  static std::string name_of(long nr) {
    static const std::map<long, std::string> names = {{__NR_mount, "mount"},
                                                      {__NR_umount2, "umount2"},
                                                      {__NR_sethostname, "sethostname"},
                                                      {__NR_socket, "socket"},
                                                      {__NR_ioctl, "ioctl"},
                                                      {__NR_unshare, "unshare"},
                                                      {__NR_openat, "open"},
                                                      {__NR_read, "read"},
                                                      {__NR_write, "write"},
                                                      {__NR_close, "close"},
                                                      {__NR_prlimit64, "prlimit"},
                                                      {__NR_prctl, "prctl"},
                                                      {__NR_capget, "capget"},
                                                      {__NR_capset, "capset"},
                                                      {__NR_setgroups, "setgroups"},
                                                      {__NR_setresgid, "setresgid"},
                                                      {__NR_setresuid, "setresuid"},
                                                      {__NR_umask, "umask"},
                                                      {__NR_chdir, "chdir"},
                                                      {__NR_getcwd, "getcwd"},
                                                      {__NR_setsid, "setsid"},
                                                      {__NR_ppoll, "poll"},
                                                      {__NR_close_range, "close_range"},
                                                      {__NR_rt_sigaction, "sigaction"},
                                                      {__NR_rt_sigprocmask, "sigmask"},
                                                      {__NR_sendto, "send"},
                                                      {__NR_recvfrom, "recv"},
                                                      {__NR_sendmsg, "sendmsg"},
                                                      {__NR_fchown, "fchown"},
                                                      {__NR_fstatfs, "fstatfs"},
                                                      {__NR_execve, "execve"},
                                                      {__NR_signalfd4, "signalfd"},
                                                      {__NR_wait4, "wait4"},
                                                      {__NR_recvmsg, "recvmsg"},
                                                      {__NR_mmap, "mmap"},
                                                      {sys::kNrListmount, "listmount"},
                                                      {sys::kNrStatmount, "statmount"},
                                                      {__NR_setns, "setns"},
                                                      {__NR_clone, "fork"},
                                                      {__NR_open_tree, "open_tree"},
                                                      {__NR_fsopen, "fsopen"},
                                                      {__NR_fsconfig, "fsconfig"},
                                                      {__NR_fsmount, "fsmount"},
                                                      {__NR_mount_setattr, "mount_setattr"},
                                                      {__NR_move_mount, "move_mount"},
                                                      {__NR_openat2, "openat2"},
                                                      {__NR_statx, "statx"},
                                                      {__NR_fchdir, "fchdir"},
                                                      {__NR_pivot_root, "pivot_root"},
                                                      {__NR_chroot, "chroot"},
                                                      {__NR_symlinkat, "symlinkat"},
                                                      {__NR_mkdirat, "mkdirat"},
                                                      {__NR_mknodat, "mknodat"},
                                                      {__NR_dup3, "dup3"},
                                                      {__NR_fcntl, "fcntl"},
                                                      {__NR_kill, "kill"},
                                                      {__NR_exit_group, "exit"},
                                                      {__NR_munmap, "munmap"},
                                                      {__NR_seccomp, "seccomp"},
                                                      {__NR_keyctl, "keyctl"},
                                                      {sys::kNrLandlockCreateRuleset, "ruleset"},
                                                      {sys::kNrLandlockAddRule, "add_rule"},
                                                      {sys::kNrLandlockRestrictSelf, "restrict"},
                                                      {__NR_setpriority, "setpriority"},
                                                      {__NR_ioprio_set, "ioprio_set"}};
    const auto it = names.find(nr);
    if (it == names.end()) throw std::runtime_error("init made a call the fake does not know: " + std::to_string(nr));
    return it->second;
  }

  std::string render(long nr, const std::string& name, const long (&a)[6]) const {
    const auto n = [](auto v) { return std::to_string(v); };
    std::string in;
    switch (nr) {
      case __NR_mount:
        in = text(a[0]) + ", " + text(a[1]) + ", " + text(a[2]) + ", " + n(a[3]) + ", " + text(a[4]);
        break;
      case __NR_umount2: in = text(a[0]) + ", " + n(a[1]); break;
      case __NR_sethostname: in = std::string(at<const char>(a[0]), static_cast<std::size_t>(a[1])); break;
      case __NR_socket: in = n(a[0]) + ", " + n(a[1]); break;
      case __NR_ioctl:
        in = n(a[0]) + ", " + n(a[1]);
        if (a[1] == sys::kTiocsPtLock || a[1] == sys::kTiocgPtPeer) break;
        if (a[2] != 0) in += ", " + text(a[2]) + " " + n(at<sys::IfReq>(a[2])->flags);
        break;
      case __NR_sendmsg:
        in = n(static_cast<const int*>(at<sys::MsgHdr>(a[1])->control)[sizeof(sys::CMsg) / sizeof(int)]);
        break;
      case __NR_fchown: in = n(a[0]) + ", " + n(a[1]); break;
      case __NR_fstatfs:
      case __NR_unshare:
      case __NR_umask:
      case __NR_close:
      case __NR_exit_group: in = n(a[0]); break;
      case __NR_openat: in = text(a[1]) + ", " + n(a[2]); break;
      case __NR_write: in = n(a[0]) + ", " + std::string(at<const char>(a[1]), static_cast<std::size_t>(a[2])); break;
      case __NR_read: in = n(a[0]); break;
      case __NR_prlimit64: {
        const auto& limit = *at<const sys::Rlimit64>(a[2]);
        in = n(a[0]) + ", " + n(a[1]) + ", " + n(limit.soft) + ", " + n(limit.hard);
        break;
      }
      case __NR_prctl: in = n(a[0]) + ", " + (a[0] == PR_SET_NAME ? text(a[1]) : n(a[1])); break;
      case __NR_setgroups:
        for (long i = 0; i < a[0]; ++i) in += (i != 0 ? " " : "") + n(at<const std::uint32_t>(a[1])[i]);
        break;
      case __NR_setresgid:
      case __NR_setresuid: in = n(a[0]) + ", " + n(a[1]) + ", " + n(a[2]); break;
      case __NR_chdir: in = text(a[0]); break;
      case __NR_close_range: in = n(a[0]) + ", " + n(static_cast<unsigned>(a[1])); break;
      case __NR_rt_sigaction: in = n(a[0]) + ", " + n(at<const sys::SigAction>(a[1])->handler); break;
      case __NR_rt_sigprocmask: in = n(a[0]) + ", " + n(*at<const std::uint64_t>(a[1])); break;
      case __NR_execve: in = text(a[0]) + ", " + texts(a[1]) + ", " + texts(a[2]); break;
      case __NR_clone:
      case __NR_keyctl: in = n(a[0]); break;
      case sys::kNrLandlockCreateRuleset: {
        const auto& attr = *at<const sys::RulesetAttr>(a[0]);
        in = n(attr.handled_access_fs) + ", " + n(attr.handled_access_net) + ", " + n(attr.scoped) + ", " + n(a[1]);
        break;
      }
      case sys::kNrLandlockAddRule: {
        const sys::PathBeneath rule = *at<const sys::PathBeneath>(a[2]);
        in = n(a[0]) + ", " + n(a[1]) + ", " + n(rule.allowed_access) + " " + n(rule.parent_fd);
        break;
      }
      case sys::kNrLandlockRestrictSelf: in = n(a[0]) + ", " + n(a[1]); break;
      case __NR_setpriority: in = n(a[0]) + ", " + n(a[1]) + ", " + n(a[2]); break;
      case __NR_seccomp: in = n(a[0]) + ", " + n(a[1]) + ", " + n(at<const sys::FilterProgram>(a[2])->count); break;
      case __NR_kill:
      case __NR_setns:
      case __NR_fsmount:
      case __NR_fcntl:
      case __NR_dup3: in = n(a[0]) + ", " + n(a[1]); break;
      case __NR_fchdir: in = n(a[0]); break;
      case __NR_statx: in = n(a[0]) + text(a[1]); break;
      case __NR_fsopen:
      case __NR_chroot: in = text(a[0]); break;
      case __NR_open_tree: in = n(a[0]) + ", " + text(a[1]) + ", " + n(a[2]); break;
      case __NR_openat2: in = n(a[0]) + ", " + text(a[1]) + ", " + n(at<const sys::OpenHow>(a[2])->resolve); break;
      case __NR_fsconfig: in = n(a[0]) + ", " + n(a[1]) + ", " + text(a[2]) + ", " + text(a[3]); break;
      case __NR_mount_setattr: {
        const auto& attr = *at<const sys::MountAttr>(a[3]);
        in = n(a[0]) + ", " + n(a[2]) + ", " + n(attr.set) + ", " + n(attr.clear) + ", " + n(attr.propagation);
        break;
      }
      case __NR_move_mount: in = n(a[0]) + ", " + n(a[2]) + ", " + text(a[3]); break;
      case __NR_pivot_root: in = text(a[0]) + ", " + text(a[1]); break;
      case __NR_symlinkat: in = text(a[0]) + ", " + n(a[1]) + ", " + text(a[2]); break;
      case __NR_mkdirat:
      case __NR_mknodat: in = n(a[0]) + ", " + text(a[1]) + ", " + n(a[2]); break;
      default: break;
    }
    return name + "(" + in + ")";
  }

  long act(long nr, const long (&a)[6]) {
    switch (nr) {
      case __NR_exit_group: throw Exited{static_cast<int>(a[0])};
      case __NR_execve: throw Execed{};
      case __NR_umount2: return stacked-- > 0 ? 0 : -EINVAL;
      case __NR_socket: return 50;
      case __NR_openat: return 51;
      case __NR_openat2:
        if (absent.contains(text(a[1]))) return -ENOENT;
        return 60;
      case __NR_mkdirat:
      case __NR_mknodat: absent.clear(); return 0;
      case __NR_open_tree: return 61;
      case __NR_fsopen: return 62;
      case __NR_fsmount: return 63;
      case __NR_statx: {
        auto* st = at<sys::Statx>(a[4]);
        const auto it = devices.find(static_cast<int>(a[0]));
        st->mode = static_cast<std::uint16_t>(it != devices.end()                            ? 0020000
                                              : directories.contains(static_cast<int>(a[0])) ? 0040000
                                                                                             : 0100000);
        if (it != devices.end()) st->rdev_major = it->second.first, st->rdev_minor = it->second.second;
        return 0;
      }
      case __NR_signalfd4: return 52;
      case sys::kNrLandlockCreateRuleset: return 65;
      case __NR_write: return short_write ? a[2] - 1 : a[2];
      case __NR_sendto: return sent(at<const char>(a[1]), static_cast<std::size_t>(a[2]));
      case __NR_recvfrom: {
        const std::size_t n = std::min({heard.size(), static_cast<std::size_t>(a[2]), recv_at_most});
        std::memcpy(at<char>(a[1]), heard.data(), n);
        heard.erase(0, n);
        return static_cast<long>(n);
      }
      case __NR_sendmsg: {
        const auto& part = *at<sys::MsgHdr>(a[1])->parts;
        return sent(static_cast<const char*>(part.base), part.size);
      }
      case __NR_fstatfs: at<sys::StatFs>(a[1])->type = devpts ? sys::kDevptsMagic : 0xef53; return 0;
      case __NR_ioctl: return a[1] == sys::kTiocgPtPeer ? 64 : 0;
      case __NR_recvmsg:
        if (late && (a[2] & sys::kMsgDontWait) != 0) return -EAGAIN;
        return receive(*at<sys::MsgHdr>(a[1]));
      case __NR_mmap:
        second_block_ = std::make_unique<unsigned char[]>(static_cast<std::size_t>(a[1]));
        return reinterpret_cast<long>(second_block_.get());
      case __NR_read: return a[0] == 52 ? read_signals(at<sys::SignalInfo>(a[1])) : read_file(at<char>(a[1]));
      case __NR_getcwd:
        std::memcpy(at<char>(a[0]), cwd.c_str(), cwd.size() + 1);
        return static_cast<long>(cwd.size() + 1);
      case __NR_prctl:
        if (a[0] != PR_CAPBSET_READ && a[0] != PR_CAPBSET_DROP) return 0;
        if (const auto it = bounding.find(static_cast<int>(a[1])); it == bounding.end())
          return -EINVAL;
        else if (a[0] == PR_CAPBSET_DROP)
          return it->second ? 0 : -EPERM;
        else
          return it->second ? 1 : 0;
      case __NR_capget: {
        auto* half = at<__user_cap_data_struct>(a[1]);
        half[0] = half[1] = {0xffff, 0xffff, 0xffff};
        return 0;
      }
      case __NR_capset: {
        const auto* half = at<const __user_cap_data_struct>(a[1]);
        capset_to = {half[0].effective, half[0].permitted, half[0].inheritable,
                     half[1].effective, half[1].permitted, half[1].inheritable};
        return 0;
      }
      case __NR_rt_sigprocmask:
        if (a[2] != 0) *at<std::uint64_t>(a[2]) = 0xabc;
        return 0;
      case __NR_ppoll: return look(at<sys::PollFd>(a[0]), a[1]);
      case __NR_wait4: {
        if (dead.empty()) return 0;
        const auto [pid, status] = dead.front();
        dead.pop_front();
        *at<std::uint32_t>(a[1]) = status;
        return pid;
      }
      case __NR_clone: return fork_answer;
      case sys::kNrListmount: return list_mounts(*at<sys::MountRequest>(a[0]), at<std::uint64_t>(a[1]), a[2]);
      case sys::kNrStatmount:
        return tell_mount(*at<sys::MountRequest>(a[0]), at<unsigned char>(a[1]), static_cast<std::size_t>(a[2]));
      default: return 0;
    }
  }

  long sent(const char* bytes, std::size_t n) {
    n = std::min(n, send_at_most);
    outgoing_.append(bytes, n);
    while (outgoing_.size() >= sizeof(wire::Record)) {
      wire::Record record;
      std::memcpy(&record, outgoing_.data(), sizeof record);
      outgoing_.erase(0, sizeof record);
      said.push_back({static_cast<wire::Say>(record.say), record.step, record.err, record.value});
    }
    return static_cast<long>(n);
  }

  long receive(sys::MsgHdr& to) {
    const std::size_t n = std::min({heard.size(), to.parts->size, recv_at_most});
    if (n == 0) return 0;
    std::memcpy(to.parts->base, heard.data(), n);
    heard.erase(0, n);
    const sys::CMsg head = {sizeof(sys::CMsg) + given.size() * sizeof(int), sys::kSolSocket, sys::kScmRights};
    if (!given.empty() && head.size <= to.control_size) {
      std::memcpy(to.control, &head, sizeof head);
      std::memcpy(static_cast<char*>(to.control) + sizeof head, given.data(), given.size() * sizeof(int));
    }
    to.flags = message_flags;
    return static_cast<long>(n);
  }

  // Mount i has the number 100 + i.
  [[nodiscard]] long list_mounts(const sys::MountRequest& asked, std::uint64_t* to, long room) const {
    if (!mounts) return -ENOSYS;
    long n = 0;
    for (std::uint64_t id = asked.param == 0 ? 100 : asked.param + 1; id - 100 < mounts->size() && n < room; ++id)
      to[n++] = id;
    return n;
  }

  [[nodiscard]] long tell_mount(const sys::MountRequest& asked, unsigned char* to, std::size_t room) const {
    const auto& [magic, point] = mounts->at(asked.id - 100);
    if (point.empty()) return -ENOENT;
    sys::MountStatus status{};
    status.mask = asked.param;
    status.magic = magic;
    status.point = 3;
    if (asked.param == sys::kMountPoint) {
      if (room < sizeof status + status.point + point.size() + 1) return -EOVERFLOW;
      std::memcpy(to + sizeof status + status.point, point.c_str(), point.size() + 1);
    }
    std::memcpy(to, &status, sizeof status);
    return 0;
  }

  long read_file(char* to) const {
    const std::string bytes = file ? file() : "";
    std::ranges::copy(bytes, to);
    return static_cast<long>(bytes.size());
  }

  long read_signals(sys::SignalInfo* to) {
    std::vector<int> come;
    if (!cloned_) {
      come.swap(early);
    } else if (!signals.empty()) {
      come.swap(signals.front());
      signals.pop_front();
    }
    if (come.empty()) return -EAGAIN;
    for (std::size_t i = 0; i < come.size(); ++i) {
      to[i] = {};
      to[i].signo = static_cast<std::uint32_t>(come[i]);
    }
    return static_cast<long>(come.size() * sizeof *to);
  }

  long look(sys::PollFd* fds, long n) {
    if (n == 1) {
      fds[0].revents = boot_events;
      return boot_events != 0 ? 1 : 0;
    }
    if (polls.empty()) throw std::runtime_error("PID 1 waits for ever");
    fds[0].revents = polls.front()[0];
    fds[1].revents = polls.front()[1];
    polls.pop_front();
    return 1;
  }

  bool cloned_ = false;
  std::unique_ptr<unsigned char[]> block_;
  std::unique_ptr<unsigned char[]> second_block_;
  std::string outgoing_;
};

// Builds plans byte by byte.
class Block {
 public:
  // A step with single strings; "" is offset 0.
  Block& add(wire::Op op, std::array<std::uint64_t, 3> n = {}, std::vector<std::string> strings = {}) {
    steps_.push_back({op, n, std::move(strings), {}, {}, 0});
    return *this;
  }
  // A step with a string and, behind it, a list.
  Block& listed(wire::Op op, std::array<std::uint64_t, 3> n, std::string string, std::vector<std::string> list) {
    steps_.push_back({op, n, {std::move(string)}, {std::move(list)}, {}, 0});
    return *this;
  }
  Block& groups(std::vector<std::uint32_t> gids) {
    steps_.push_back({wire::Op::groups, {gids.size(), 0, 0}, {}, {}, std::move(gids), 0});
    return *this;
  }
  Block& call(long number, std::array<std::uint64_t, 3> n) {
    add(wire::Op::call, n);
    steps_.back().flags = static_cast<std::uint16_t>(number);
    return *this;
  }
  // count: instructions of eight bytes.
  Block& seccomp(std::size_t count) {
    steps_.push_back({wire::Op::seccomp, {count, 0, 0}, {}, {}, std::vector<std::uint32_t>(count * 2, 6), 0});
    return *this;
  }
  Block& exec(std::vector<std::string> candidates = {"/bin/x"}, std::vector<std::string> argv = {"x", "-l"},
              std::vector<std::string> envp = {"A=1"}) {
    steps_.push_back({wire::Op::exec, {}, {}, {std::move(candidates), std::move(argv), std::move(envp)}, {}, 0});
    return *this;
  }

  [[nodiscard]] std::vector<unsigned char> bytes() const {
    std::vector<unsigned char> out(sizeof(wire::Header) + steps_.size() * sizeof(wire::Step));
    const auto put = [&](const void* from, std::size_t n, std::size_t align) {
      while (out.size() % align != 0) out.push_back(0);
      const std::size_t at = out.size();
      out.resize(at + n);
      if (n != 0) std::memcpy(out.data() + at, from, n);
      return static_cast<std::uint32_t>(at);
    };
    const auto put_text = [&](const std::string& s) { return put(s.c_str(), s.size() + 1, 1); };
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const One& one = steps_[i];
      wire::Step step{};
      step.op = static_cast<std::uint16_t>(one.op);
      for (std::size_t k = 0; k < 3; ++k) step.n[k] = one.n[k];
      for (std::size_t k = 0; k < one.strings.size(); ++k) {
        step.s[k] = one.strings[k].empty() ? 0 : put_text(one.strings[k]);
      }
      if (!one.gids.empty()) step.s[0] = put(one.gids.data(), one.gids.size() * 4, 8);
      step.flags = one.flags;
      for (std::size_t k = 0; k < one.lists.size(); ++k) {
        std::vector<std::uint64_t> entries;
        for (const auto& s : one.lists[k]) entries.push_back(put_text(s));
        entries.push_back(0);
        step.s[one.op == wire::Op::exec ? k : k + 1] = put(entries.data(), entries.size() * 8, 8);
      }
      std::memcpy(out.data() + sizeof(wire::Header) + i * sizeof step, &step, sizeof step);
    }
    out.push_back(0);
    const wire::Header header = {wire::kMagic, wire::kVersion, static_cast<std::uint16_t>(steps_.size()),
                                 static_cast<std::uint32_t>(out.size()), 0};
    std::memcpy(out.data(), &header, sizeof header);
    return out;
  }

 private:
  struct One {
    wire::Op op;
    std::array<std::uint64_t, 3> n;
    std::vector<std::string> strings;
    std::vector<std::vector<std::string>> lists;
    std::vector<std::uint32_t> gids;
    std::uint16_t flags = 0;
  };
  std::vector<One> steps_;
};

// What /proc/self/mountinfo says where a procfs is at /proc alone, and what only looks like one.
inline constexpr const char* kMountinfo =
    "21 27 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "22 27 0:21 / /proc rw,nosuid shared:12 master:3 - proc proc rw\n"
    "27 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw,errors=remount-ro\n"
    "30 27 0:30 / /mnt/proc rw - tmpfs proc rw\n";

// A file with that text, read in pieces of `chunk` bytes at most.
inline std::function<std::string()> once(std::string text, std::size_t chunk = 4096) {
  return [text = std::move(text), chunk, at = std::size_t{0}]() mutable {
    const std::string part = text.substr(std::min(at, text.size()), chunk);
    at += part.size();
    return part;
  };
}

// What the supervisor says when init may go on.
inline std::string go_record() {
  const wire::Record go = {static_cast<std::uint16_t>(wire::Say::go), 0, 0, 0, 0};
  return {reinterpret_cast<const char*>(&go), sizeof go};
}

}  // namespace sup::init::test
