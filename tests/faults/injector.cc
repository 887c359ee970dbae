// injector: runs a program and makes one of its system calls fail, whichever process of its tree makes it.
//
//   injector --report FD [--deadline MS] [--uid N] [--ctty] ACTION -- PROGRAM ARG...
//   ACTION:  --count                                 let all pass, count each kind
//            --call NR --at K --errno E [--through L]  the K-th (to the L-th) call NR of the tree fails with E
//            --call NR --at K --kill                 the program is sent SIGKILL at the K-th call NR of the tree
//
// By seccomp's user notification (seccomp_unotify(2)): nobody is traced, so PID 1 of a namespace behaves as it does
// without us, and the ordinal counts the whole tree. Calls made from the text of the fingerprint (its address is its own)
// are neither counted nor touched.
//
// Everything the program starts is ours to reap in the end (PR_SET_CHILD_SUBREAPER): whatever is alive after its own end
// and a grace is reported and killed. Says on FD, a line each:
//   call NR COUNT EARLY   with --count; EARLY: so many of them before main(), which begins with a fcntl(2)
//   end WAITSTATUS hits=N left=N hung=0|1 raw=0|1     raw: the terminal at 0 was not left as it was found (--ctty)
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <grp.h>
#include <map>
#include <new>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The upper half of the fingerprint's addresses; CMakeLists.txt links it there.
constexpr std::uint32_t kWitness = 0x51fe;
// How long what the program left behind may take to die: the kernel's business, not the program's.
constexpr milliseconds kGrace{5000};

struct Order {
  int report = -1;
  milliseconds deadline{10'000};
  long uid = -1;
  bool ctty = false;
  bool count = false;
  bool kill = false;
  int call = -1;
  int err = 0;
  long at = 0;
  long through = 0;
  char** program = nullptr;
};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "injector: %s: %s\n", what.c_str(), std::strerror(errno));
  std::_Exit(1);
}

Order read_order(int argc, char** argv) {
  Order o;
  int i = 1;
  const auto number = [&] { return i + 1 < argc ? std::atol(argv[++i]) : 0; };
  for (; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    const std::string word = argv[i];
    if (word == "--report")
      o.report = static_cast<int>(number());
    else if (word == "--deadline")
      o.deadline = milliseconds(number());
    else if (word == "--uid")
      o.uid = number();
    else if (word == "--ctty")
      o.ctty = true;
    else if (word == "--count")
      o.count = true;
    else if (word == "--kill")
      o.kill = true;
    else if (word == "--call")
      o.call = static_cast<int>(number());
    else if (word == "--errno")
      o.err = static_cast<int>(number());
    else if (word == "--at")
      o.at = number();
    else if (word == "--through")
      o.through = number();
    else
      errno = EINVAL, give_up(word);
  }
  o.program = argv + i + 1;
  o.through = std::max(o.through, o.at);
  if (i + 1 >= argc || o.report < 0 || (!o.count && (o.call < 0 || o.at < 1 || (o.err == 0 && !o.kill)))) {
    errno = EINVAL;
    give_up("usage");
  }
  return o;
}

// ---- in the program's process, before it is the program -------------------------------------------------

std::vector<sock_filter> filter(const Order& o) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  constexpr std::uint32_t kUpper = offsetof(seccomp_data, instruction_pointer) + 4;
#else
  constexpr std::uint32_t kUpper = offsetof(seccomp_data, instruction_pointer);
#endif
  const auto load = [](std::uint32_t at) { return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at); };
  const auto answer = [](std::uint32_t with) { return sock_filter BPF_STMT(BPF_RET | BPF_K, with); };
  const auto unless = [](std::uint32_t value) { return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1); };
  std::vector<sock_filter> f = {load(kUpper), unless(kWitness), answer(SECCOMP_RET_ALLOW),
                                load(offsetof(seccomp_data, nr))};
  if (!o.count) {
    f.push_back(unless(static_cast<std::uint32_t>(o.call)));
    f.push_back(answer(SECCOMP_RET_USER_NOTIF));
    f.push_back(answer(SECCOMP_RET_ALLOW));
    return f;
  }
  // What cannot fail, or where a failure would be no failure of the call's.
  for (const int nr : {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall}) {
    f.push_back(unless(static_cast<std::uint32_t>(nr)));
    f.push_back(answer(SECCOMP_RET_ALLOW));
  }
  f.push_back(answer(SECCOMP_RET_USER_NOTIF));
  return f;
}

struct Shared {
  std::atomic<int> listener{0};  // 0: not yet; negative: -errno
};

// Shares the descriptors with the parent until the execve, so the listener is there as well the moment it exists:
// a call to hand it over would be one that waits for the parent to have it.
int become(const Order& o, Shared& shared) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (o.uid >= 0) {
    const auto id = static_cast<uid_t>(o.uid);
    if (::setgroups(0, nullptr) < 0 || ::setresgid(id, id, id) < 0 || ::setresuid(id, id, id) < 0 ||
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
      shared.listener = -errno;
      ::_exit(1);
    }
  }
  auto code = filter(o);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  constexpr unsigned kWaitKillable = 1U << 5;  // Linux 5.19: no signal but a deadly one disturbs a call being judged
  long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillable, &program);
  if (fd < 0 && errno == EINVAL) {
    fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  }
  shared.listener = fd < 0 ? -errno : static_cast<int>(fd);
  if (fd < 0) ::_exit(1);
  ::execv(o.program[0], o.program);
  ::_exit(1);
}

// ---- in ours ---------------------------------------------------------------------------------------

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag && a.c_lflag == b.c_lflag &&
         std::ranges::equal(a.c_cc, b.c_cc);
}

class Trial {
 public:
  explicit Trial(const Order& o) : o_(o) {}

  int run() {
    ::fcntl(o_.report, F_SETFD, FD_CLOEXEC);
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) give_up("subreaper");
    termios before{};
    if (o_.ctty && (::ioctl(0, TIOCSCTTY, 0) < 0 || ::tcgetattr(0, &before) < 0)) give_up("controlling terminal");
    std::signal(SIGTTOU, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    start();
    serve();
    bool raw = false;
    if (termios after{}; o_.ctty && ::tcgetattr(0, &after) == 0) raw = !same(before, after);
    for (const auto& [nr, n] : seen_) ::dprintf(o_.report, "call %d %ld %ld\n", nr, n, early_[nr]);
    ::dprintf(o_.report, "end %d hits=%ld left=%ld hung=%d raw=%d\n", status_, hits_, left_, hung_, raw);
    return 0;
  }

 private:
  void start() {
    void* page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) give_up("mmap");
    auto& shared = *new (page) Shared;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    signals_ = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) give_up("signalfd");
    std::signal(SIGTTOU, SIG_DFL);
    std::signal(SIGHUP, SIG_DFL);
    const long pid = ::syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0) give_up("clone");
    if (pid == 0) become(o_, shared);
    std::signal(SIGTTOU, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    main_ = static_cast<pid_t>(pid);
    while (shared.listener == 0) ::sched_yield();
    listener_ = shared.listener;
    if (listener_ < 0) errno = -listener_, give_up("seccomp");
    end_ = Clock::now() + o_.deadline;
  }

  // Until the program has ended and nothing of it is left, or its time is over.
  void serve() {
    for (;;) {
      if (reap()) return;
      const auto now = Clock::now();
      if (now >= end_) {
        if (main_ >= 0) {
          hung_ = true;
        } else {
          left_ = kill_children();
        }
        return finish();
      }
      pollfd fds[2] = {{listener_, POLLIN, 0}, {signals_, POLLIN, 0}};
      const auto wait = std::chrono::duration_cast<milliseconds>(end_ - now).count() + 1;
      // POLLHUP at the listener is told without being asked for: all users of the filter are gone.
      if (::poll(fds + first_, 2 - first_, static_cast<int>(wait)) < 0 && errno != EINTR) give_up("poll");
      if ((fds[1].revents & POLLIN) != 0) {
        signalfd_siginfo info;
        while (::read(signals_, &info, sizeof info) > 0) {
        }
      }
      if (first_ == 0 && (fds[0].revents & POLLIN) != 0)
        answer();
      else if (first_ == 0 && (fds[0].revents & POLLHUP) != 0)
        first_ = 1;
    }
  }

  void answer() {
    alignas(8) char question[sizeof(seccomp_notif) + 512] = {};
    alignas(8) char reply[sizeof(seccomp_notif_resp) + 512] = {};
    auto* asked = reinterpret_cast<seccomp_notif*>(question);
    auto* said = reinterpret_cast<seccomp_notif_resp*>(reply);
    if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, asked) < 0) return;  // it died meanwhile
    said->id = asked->id;
    said->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    const int nr = asked->data.nr;
    if (!started_ && nr == SYS_execve) {
      started_ = true;  // ours: it becomes the program
    } else {
      // main() begins with it, closing what it was not given; an init started ahead does so too.
      if (nr == SYS_close_range && asked->pid == static_cast<__u32>(main_) && early_.empty()) early_ = seen_;
      const long n = ++seen_[nr];
      started_ = true;
      if (!o_.count && n >= o_.at && n <= o_.through) {
        if (o_.kill) {
          if (main_ >= 0 && ::kill(main_, SIGKILL) == 0) ++hits_;
        } else {
          ++hits_;
          said->flags = 0;
          said->error = -o_.err;
        }
      }
    }
    ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, said);
  }

  // True: there is nobody left.
  bool reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) return true;
      if (pid == 0) return false;
      if (pid == main_) {
        status_ = status;
        main_ = -1;
        end_ = Clock::now() + kGrace;
      }
    }
  }

  // Our children at this moment, by /proc: orphans have become ours, and we never knew their numbers.
  static long kill_children() {
    long found = 0;
    DIR* proc = ::opendir("/proc");
    if (proc == nullptr) return 0;
    while (const dirent* entry = ::readdir(proc)) {
      const long pid = std::atol(entry->d_name);
      if (pid <= 0) continue;
      std::string path = "/proc/" + std::to_string(pid) + "/stat";
      char text[512] = {};
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      (void)!::read(fd, text, sizeof text - 1);
      ::close(fd);
      const char* after = std::strrchr(text, ')');
      int parent = 0;
      char state = 0;
      if (after == nullptr || std::sscanf(after + 1, " %c %d", &state, &parent) != 2 || parent != ::getpid()) continue;
      ++found;
      ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    ::closedir(proc);
    return found;
  }

  // Ends everything. Calls that wait for our verdict are ended by the kill as well.
  void finish() {
    if (listener_ >= 0) ::close(listener_);  // whoever still asks gets ENOSYS
    listener_ = -1;
    for (;;) {
      kill_children();
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, 0);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) return;
      if (pid == main_) status_ = status;
    }
  }

  const Order& o_;
  pid_t main_ = -1;
  int listener_ = -1;
  int signals_ = -1;
  unsigned first_ = 0;
  bool started_ = false;
  std::map<int, long> seen_, early_;
  long hits_ = 0;
  long left_ = 0;
  bool hung_ = false;
  int status_ = -1;
  Clock::time_point end_;
};

}  // namespace

int main(int argc, char** argv) {
  const Order order = read_order(argc, argv);
  return Trial(order).run();
}
