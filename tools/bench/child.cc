#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace bench {
namespace {

class Actions {
 public:
  explicit Actions(const Stdio& stdio) {
    ::posix_spawn_file_actions_init(&actions_);
    const int from[3] = {stdio.in, stdio.out, stdio.err};
    for (int fd = 0; fd < 3; ++fd) {
      if (from[fd] >= 0) {
        ::posix_spawn_file_actions_adddup2(&actions_, from[fd], fd);
      } else {
        ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
      }
    }
  }
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

}  // namespace

double now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

Child::Child(const Words& argv, const Stdio& stdio) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const Actions actions(stdio);
  if (::posix_spawn(&pid_, words[0], actions.get(), nullptr, words.data(), environ) != 0) pid_ = -1;
  if (pid_ > 0) pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::exchange(other.pidfd_, -1)),
      waited_(std::exchange(other.waited_, true)) {}

Child::~Child() {
  if (pid_ > 0 && !waited_) {
    ::kill(pid_, SIGKILL);
    (void)wait(10);
  }
  if (pidfd_ >= 0) ::close(pidfd_);
}

int Child::wait(double seconds) {
  if (pid_ < 0) return 127;
  pollfd fd{.fd = pidfd_, .events = POLLIN, .revents = 0};
  const double deadline = now_us() + seconds * 1e6;
  int late = 0;
  for (;;) {
    const double left = deadline - now_us();
    const int n = left <= 0 ? 0 : ::poll(&fd, 1, static_cast<int>(left / 1000) + 1);
    if (n > 0) break;
    if (n < 0 && errno == EINTR) continue;
    ::kill(pid_, SIGKILL);
    late = -1;
    break;
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  waited_ = true;
  if (late != 0) return late;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double time_run(const Words& argv) {
  const double from = now_us();
  Child child(argv);
  const int status = child.wait();
  const double took = now_us() - from;
  if (status == 0) return took;
  return status < 0 ? -1000 : -status;
}

std::string first_line(const Words& argv, int fd) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return {};
  Child child(argv, fd == 1 ? Stdio{.in = -1, .out = ends[1], .err = -1} : Stdio{.in = -1, .out = -1, .err = ends[1]});
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  (void)child.wait();
  return text.substr(0, text.find('\n'));
}

std::string in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const auto end = rest.find(':');
    const std::string candidate = rest.substr(0, end) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  return {};
}

}  // namespace bench
