#include "sys/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sys/nofile.h"
#include "sys/rawcall.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

namespace sup {
namespace {

using Stage = SpawnFailure::Stage;

// The numbers of keep_low_descriptors(), each held by a descriptor that is of no use until spawn() needs the place.
class LowNumbers {
 public:
  void keep() {
    if (holder_) return;
    holder_ = Fd(::eventfd(0, EFD_CLOEXEC));
    for (std::size_t i = 0; i < kCount && holder_; ++i) {
      Fd number(::fcntl(holder_.get(), F_DUPFD_CLOEXEC, 3));
      if (!number) return;
      numbers_.push_back(std::move(number));
    }
  }

  // Copies of descriptors at low numbers, for as long as it lives. One child at a time.
  class Lent {
   public:
    explicit Lent(const LowNumbers& from) : from_(from) {}
    ~Lent() {
      while (used_ != 0) ::dup3(from_.holder_.get(), from_.numbers_[--used_].get(), O_CLOEXEC);
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    // The same description at a low number, or fd itself where that is low already or nothing is left.
    int lower(int fd) {
      if (fd < kLow || used_ == from_.numbers_.size()) return fd;
      const int low = from_.numbers_[used_].get();
      if (::dup3(fd, low, O_CLOEXEC) < 0) return fd;
      ++used_;
      return low;
    }

   private:
    const LowNumbers& from_;
    std::size_t used_ = 0;
  };

 private:
  static constexpr std::size_t kCount = 16;
  static constexpr int kLow = 64;  // the kernel's table of descriptors is never smaller (NR_OPEN_DEFAULT)
  Fd holder_;
  std::vector<Fd> numbers_;  // ascending
};

LowNumbers& low_numbers() {
  static LowNumbers all;
  return all;
}

// What parent and child share (CLONE_VM): the child's orders, and its failure on the way back.
struct Orders {
  const rlimit* nofile = nullptr;   // to go back to
  int* sources;
  const int* targets;
  std::size_t count;
  const int* tasks;
  std::size_t tasks_count;
  int image;
  int floor;                  // first number above every target
  int end;                    // first number above everything that the child needs
  const char* uid_map;        // null: no maps
  const char* gid_map;
  char* const* argv;
  Stage stage;
  int err;
};

// The child runs nothing of libc: its errno, locks and buffers are the parent's.
// Sanitizers stay out for the same reason.
#define SUP_CHILD __attribute__((no_sanitize("address", "undefined", "thread"), noinline))

SUP_CHILD long write_text(const char* path, const char* text) {
  const long fd = raw::call(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  long length = 0;
  while (text[length] != 0) ++length;
  const long n = raw::call(SYS_write, fd, text, length);
  raw::call(SYS_close, fd);
  return n < 0 ? n : (n == length ? 0 : -EIO);
}

SUP_CHILD int fail(Orders* o, Stage stage, long result) {
  o->stage = stage;
  o->err = static_cast<int>(-result);
  return 125;
}

SUP_CHILD int child(void* arg) {
  auto* o = static_cast<Orders*>(arg);
  // A thread that moves itself holds up nobody (Linux 5.4). For a process that somebody else moves the kernel keeps every fork
  // and exit of the machine waiting, and begins with an RCU grace period: 5 to 20 ms.
  for (std::size_t i = 0; i < o->tasks_count; ++i) raw::call(SYS_write, o->tasks[i], "0", 1);
  // The table is the parent's until here. The kernel copies what is below `end`; where it has no such call, or a filter that
  // does not know it, everything.
  if (raw::call(SYS_close_range, o->end, ~0U, CLOSE_RANGE_UNSHARE) < 0) {
    if (const long r = raw::call(SYS_unshare, CLONE_FILES); r < 0) return fail(o, Stage::fds, r);
  }
  // Sources that stand where a target belongs move up first; then each takes its place.
  for (std::size_t i = 0; i < o->count; ++i) {
    if (o->sources[i] >= o->floor || o->sources[i] == o->targets[i]) continue;
    const long moved = raw::call(SYS_fcntl, o->sources[i], F_DUPFD_CLOEXEC, o->floor);
    if (moved < 0) return fail(o, Stage::fds, moved);
    o->sources[i] = static_cast<int>(moved);
  }
  long image = o->image;
  if (image < o->floor) {
    image = raw::call(SYS_fcntl, image, F_DUPFD_CLOEXEC, o->floor);
    if (image < 0) return fail(o, Stage::fds, image);
  }
  for (std::size_t i = 0; i < o->count; ++i) {
    const long r = o->sources[i] == o->targets[i] ? raw::call(SYS_fcntl, o->targets[i], F_SETFD, 0)
                                                  : raw::call(SYS_dup3, o->sources[i], o->targets[i], 0);
    if (r < 0) return fail(o, Stage::fds, r);
  }
  if (o->uid_map != nullptr) {
    // Before the exec: a process whose uid has no name in its user namespace loses every capability there.
    // setgroups first, and denied: otherwise a group that is there to deny could be dropped (CVE-2014-8989).
    long r = write_text("/proc/self/setgroups", "deny");
    if (r == -ENOENT) r = 0;  // no such file before Linux 3.19
    if (r == 0) r = write_text("/proc/self/uid_map", o->uid_map);
    if (r == 0) r = write_text("/proc/self/gid_map", o->gid_map);
    if (r < 0) return fail(o, Stage::idmap, r);
  }
  // Ours was raised for the supervisor alone.
  if (o->nofile != nullptr) raw::call(SYS_prlimit64, 0, RLIMIT_NOFILE, o->nofile, nullptr);
  char* const no_environment[] = {nullptr};
  return fail(o, Stage::exec, raw::call(SYS_execveat, image, "", o->argv, no_environment, AT_EMPTY_PATH));
}

// One child at a time stands on it: CLONE_VFORK holds the caller until the exec.
alignas(16) char child_stack[32 * 1024];

long clone_vfork(std::uint64_t namespaces, int cgroup, int* pidfd, Orders* orders) {
  constexpr std::uint64_t kOwn = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD;
  clone_args args{};
  args.flags = namespaces | kOwn | CLONE_CLEAR_SIGHAND;
  args.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
  // Who is made for another parent has the signal of its maker, SIGCHLD.
  args.exit_signal = (namespaces & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  args.stack = reinterpret_cast<std::uintptr_t>(child_stack);
  args.stack_size = sizeof child_stack;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<__u64>(cgroup);
    const long pid = raw::clone_call(SYS_clone3, reinterpret_cast<long>(&args), sizeof args, 0, child, orders);
    if (pid > 0) return pid;
    // Whether it was the cgroup is seen without it; who asked puts the child in by hand, and has that error to tell.
    args.flags ^= CLONE_INTO_CGROUP;
    args.cgroup = 0;
  }
  const long pid = raw::clone_call(SYS_clone3, reinterpret_cast<long>(&args), sizeof args, 0, child, orders);
  if (pid != -ENOSYS) return pid;
  // Docker's seccomp profile answers ENOSYS so that callers fall back to a clone it can judge.
  return raw::clone_call(SYS_clone, static_cast<long>(namespaces | kOwn | SIGCHLD),
                         reinterpret_cast<long>(child_stack + sizeof child_stack), reinterpret_cast<long>(pidfd), child,
                         orders);
}

// What the go-between has to say.
struct Word {
  long pid;
  Stage stage;
  int err;
};

// Goes into the user namespace, becomes its root, and makes the child there, so that all its namespaces belong to that one.
// A process of its own, with memory of its own: whoever has these ids elsewhere could otherwise get at the supervisor's. (The
// kernel makes it undumpable when its ids change.)
[[noreturn]] void go_between(const SpawnRequest& request, Orders& orders, int answer) {
  Word word{-1, Stage::idmap, 0};
  const auto tried = [&word](long result) {
    if (result < 0) word.err = static_cast<int>(-result);
    return result >= 0;
  };
  if (tried(raw::call(SYS_setns, request.user_namespace, CLONE_NEWUSER)) && tried(raw::call(SYS_setgroups, 0, 0)) &&
      tried(raw::call(SYS_setresgid, 0, 0, 0)) && tried(raw::call(SYS_setresuid, 0, 0, 0))) {
    int pidfd = -1;
    word.pid = clone_vfork((request.clone_flags & ~std::uint64_t{CLONE_NEWUSER}) | CLONE_PARENT, request.cgroup, &pidfd,
                           &orders);
    word.stage = word.pid < 0 ? Stage::clone : orders.stage;
    word.err = word.pid < 0 ? static_cast<int>(-word.pid) : orders.err;
  }
  raw::call(SYS_write, answer, &word, sizeof word);
  for (;;) raw::call(SYS_exit_group, 0);
}

// As clone_vfork, by a go-between.
long clone_inside(const SpawnRequest& request, Orders& orders, int* pidfd) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return -errno;
  const Fd answer(ends[0]);
  Fd say(ends[1]);
  const long between = raw::call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (between == 0) go_between(request, orders, say.get());
  if (between < 0) return between;
  say.reset();
  Word word{-1, Stage::clone, EIO};
  while (::read(answer.get(), &word, sizeof word) < 0 && errno == EINTR) {
  }
  while (::waitpid(static_cast<pid_t>(between), nullptr, 0) < 0 && errno == EINTR) {
  }
  orders.stage = word.stage;
  orders.err = word.err;
  // Our child, whom nobody else reaps: the number is still its own.
  if (word.pid > 0) *pidfd = static_cast<int>(raw::call(SYS_pidfd_open, word.pid, 0));
  if (word.pid > 0 && *pidfd < 0) {
    orders.stage = Stage::fds;
    orders.err = -*pidfd;
    ::kill(static_cast<pid_t>(word.pid), SIGKILL);
  }
  return word.pid;
}

}  // namespace

void keep_low_descriptors() { low_numbers().keep(); }

std::expected<Spawned, SpawnFailure> spawn(const SpawnRequest& request) {
  std::vector<int> sources;
  std::vector<int> targets;
  LowNumbers::Lent lent(low_numbers());
  const int image = lent.lower(request.image);
  int floor = 3;
  int end = image + 1;
  for (const auto& [ours, theirs] : request.fds) {
    sources.push_back(lent.lower(ours));
    targets.push_back(theirs);
    floor = std::max(floor, theirs + 1);
    end = std::max(end, sources.back() + 1);
  }
  const std::string uid_map = "0 " + std::to_string(request.uid) + " 1";
  const std::string gid_map = "0 " + std::to_string(request.gid) + " 1";
  std::vector<char*> argv;
  argv.reserve(request.argv.size() + 1);
  for (const auto& a : request.argv) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);

  Orders orders{};
  orders.sources = sources.data();
  orders.targets = targets.data();
  orders.count = sources.size();
  orders.tasks = request.tasks.data();
  orders.tasks_count = request.tasks.size();
  orders.image = image;
  orders.floor = floor;
  orders.end = std::max(end, floor);
  if (request.map_user) {
    orders.uid_map = uid_map.c_str();
    orders.gid_map = gid_map.c_str();
  }
  orders.argv = argv.data();
  if (const auto& nofile = original_nofile()) orders.nofile = &*nofile;

  // Every signal, those of the C library included: a handler running in the child would run on the
  // parent's memory (a signal pipe of libuv's would report it as the parent's).
  std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t before = 0;
  if (const long r = raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all); r < 0) {
    return std::unexpected(SpawnFailure{Stage::clone, static_cast<int>(-r)});
  }
  int pidfd = -1;
  const long pid = request.user_namespace >= 0 ? clone_inside(request, orders, &pidfd)
                                               : clone_vfork(request.clone_flags, request.cgroup, &pidfd, &orders);
  raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);

  if (pid < 0) {
    return std::unexpected(orders.err != 0 ? SpawnFailure{orders.stage, orders.err}
                                           : SpawnFailure{Stage::clone, static_cast<int>(-pid)});
  }
  Fd owned(pidfd);
  if (orders.err != 0) {
    while (::waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::unexpected(SpawnFailure{orders.stage, orders.err});
  }
  return Spawned{static_cast<pid_t>(pid), std::move(owned)};
}

}  // namespace sup
