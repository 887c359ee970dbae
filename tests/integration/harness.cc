#include "harness.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clean.h"
#include "events.h"

namespace sup::test {
namespace {

namespace fs = std::filesystem;
#ifdef SUP_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

const char* env_or(const char* name, const char* otherwise) {
  const char* found = std::getenv(name);
  return found == nullptr ? otherwise : found;
}

// May anybody read and run this path?
bool open_to_all(const fs::path& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0 || (facts.st_mode & 0005) != 0005) return false;
  for (fs::path up = path.parent_path(); up != up.parent_path(); up = up.parent_path()) {
    if (::stat(up.c_str(), &facts) != 0 || (facts.st_mode & 0001) == 0) return false;
  }
  return true;
}

struct Programs {
  std::string sup = env_or("SUP_BIN", SUP_BIN);
  std::string probe = env_or("SUP_PROBE", SUP_PROBE);
};

const Programs& programs() {
  static const Programs found = [] {
    Programs programs;
    if (as_user()) {
      for (const auto* path : {&programs.sup, &programs.probe}) {
        if (!open_to_all(*path)) {
          BOOST_TEST_REQUIRE(
              false,
              *path
                  << " cannot be reached by an ordinary user: build in a directory that all may enter, or name an installed one by SUP_BIN and SUP_PROBE");
        }
      }
    }
    return programs;
  }();
  return found;
}

std::vector<std::string> environment(const Start& start) {
  std::vector<std::string> all = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                  "HOME=" + dir(),
                                  "LANG=C.UTF-8",
                                  "TERM=xterm-256color",
                                  "TMPDIR=" + runtime_dir(),
                                  "XDG_RUNTIME_DIR=" + runtime_dir(),
                                  "SUP_RUNTIME_DIR=" + runtime_dir() + "/sup",
                                  "SUP_TEST_MARK=yes"};
  for (const char* passed : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "GCOV_PREFIX",
                             "LLVM_PROFILE_FILE", "SUP_INIT"}) {
    if (const char* set = std::getenv(passed)) all.push_back(std::string(passed) + "=" + set);
  }
  for (const auto& entry : start.env) {
    const auto key = entry.substr(0, entry.find('='));
    std::erase_if(all, [&](const std::string& old) { return old.substr(0, old.find('=')) == key; });
    if (entry.contains('=')) all.push_back(entry);
  }
  return all;
}

void reset_signals(const Start& start) {
  for (int number = 1; number <= 64; ++number) {
    if (number == 32 || number == 33) continue;
    std::signal(number, start.ignore_signals && number != SIGCHLD ? SIG_IGN : SIG_DFL);
  }
  sigset_t set;
  if (start.block_signals)
    ::sigfillset(&set);
  else
    ::sigemptyset(&set);
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
}

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "harness: %s: %s\n", what, std::strerror(errno));
  ::_exit(111);
}

void cloexec_pipe(Fd& read_end, Fd& write_end) {
  int fds[2];
  BOOST_TEST_REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  read_end.reset(fds[0]);
  write_end.reset(fds[1]);
}

void nonblocking(const Fd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

}  // namespace

const std::string& sup_path() { return programs().sup; }
const std::string& probe_path() { return programs().probe; }

bool as_user() {
  static const bool user = std::string_view(env_or("SUP_TEST_AS", "root")) == "user";
  return user;
}

uid_t uid() {
  if (!as_user() || ::geteuid() != 0) return ::geteuid();
  const passwd* found = ::getpwnam("suptest");
  return found == nullptr ? 12345 : found->pw_uid;
}

gid_t gid() {
  if (!as_user() || ::geteuid() != 0) return ::getegid();
  const passwd* found = ::getpwnam("suptest");
  return found == nullptr ? 12345 : found->pw_gid;
}

long scaled(long normal) {
  static const double factor = std::max(0.01, std::atof(env_or("SUP_STRESS", "1")));
  return std::max(1L, static_cast<long>(static_cast<double>(normal) * factor));
}

long memory_bound_kib() { return (kSanitized ? 1024L : 64L) * 1024; }

milliseconds since(Clock::time_point begin) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begin); }

milliseconds patient(milliseconds deadline) {
  static const double factor = std::max(1.0, std::atof(env_or("SUP_TEST_PATIENCE", kSanitized ? "4" : "1")));
  return std::chrono::duration_cast<milliseconds>(deadline * factor);
}

bool Ended::exited() const { return WIFEXITED(wait_status); }
int Ended::code() const {
  if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
  if (WIFSIGNALED(wait_status)) return 1000 + WTERMSIG(wait_status);
  return -1;
}

Process::Process(const Start& start) {
  Fd in, out, err;
  if (start.in == Start::In::given)
    in.reset(::fcntl(start.in_fd, F_DUPFD_CLOEXEC, 3));
  else if (start.input || start.in == Start::In::open) {
    cloexec_pipe(in, in_);
    nonblocking(in_);
  } else if (start.in == Start::In::null)
    in.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (start.out_fd >= 0)
    out.reset(::fcntl(start.out_fd, F_DUPFD_CLOEXEC, 3));
  else if (!start.close_out) {
    cloexec_pipe(out_fd_, out);
    nonblocking(out_fd_);
  }
  if (start.err_fd >= 0)
    err.reset(::fcntl(start.err_fd, F_DUPFD_CLOEXEC, 3));
  else if (!start.close_err) {
    cloexec_pipe(err_fd_, err);
    nonblocking(err_fd_);
  }
  if (start.input) {
    queued_ = *start.input;
    close_after_ = true;
  }
  launch(start, in.get(), out.get(), err.get());
}

void Process::launch(const Start& start, int in, int out, int err, const std::function<void()>& in_child) {
  // All that allocates happens before the fork: the child only makes system calls.
  std::string program = start.program.empty() ? sup_path() : start.program;
  std::vector<std::string> words{start.argv0.value_or(program)};
  if (start.program.empty() && start.events) {
    events_file_ = new_events_file();
    words.insert(words.end(), {"--events", events_file_});
  }
  words.insert(words.end(), start.args.begin(), start.args.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  auto variables = environment(start);
  std::vector<char*> envp;
  for (auto& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const std::string cwd = start.cwd.empty() ? dir() : start.cwd;
  const bool become = as_user() && !start.root && ::geteuid() == 0;
  const uid_t user = uid();
  const gid_t group = gid();

  pid_ = ::fork();
  BOOST_TEST_REQUIRE(pid_ >= 0, "fork: " << std::strerror(errno));
  if (pid_ > 0) return;
  if (start.new_session) ::setsid();
  if (in_child) in_child();
  // The streams were made with numbers from 3 up, so none is overwritten before its turn.
  const int wanted[3] = {in, out, err};
  for (int fd = 0; fd < 3; ++fd) {
    if (wanted[fd] < 0)
      ::close(fd);
    else if (::dup2(wanted[fd], fd) < 0)
      die("dup2");
  }
  for (const auto& [ours, theirs] : start.fds) {
    if (ours == theirs)
      ::fcntl(ours, F_SETFD, 0);
    else if (::dup2(ours, theirs) < 0)
      die("dup2 of a given descriptor");
  }
  if (::chdir(cwd.c_str()) != 0) die(cwd.c_str());
  ::umask(022);
  if (become &&
      (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 || ::setresuid(user, user, user) != 0)) {
    die("becoming an ordinary user");
  }
  reset_signals(start);
  ::execve(program.c_str(), argv.data(), envp.data());
  die(program.c_str());
}

Process::~Process() {
  if (pid_ > 0 && !ended_) {
    ::kill(pid_, SIGKILL);
    ::kill(pid_, SIGCONT);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
}

std::string Process::events() const { return events_file_.empty() ? std::string() : read_text(events_file_); }
void Process::send(std::string_view bytes) {
  queued_ += bytes;
  pump(0ms);
}
void Process::close_input() {
  close_after_ = true;
  pump(0ms);
}
void Process::signal(int number) { BOOST_TEST(::kill(pid_, number) == 0); }

std::string* Process::sink(int fd) {
  if (fd == out_fd_.get()) return &out_;
  return &err_;
}

bool Process::try_reap() {
  if (ended_) return true;
  int status = 0;
  const pid_t got = ::wait4(pid_, &status, WNOHANG, &end_.usage);
  if (got == pid_) {
    end_.wait_status = status;
    ended_ = true;
  }
  return ended_;
}

// Moves what can be moved now; waits for at most this long when nothing can.
void Process::pump(milliseconds at_most) {
  pollfd fds[3];
  nfds_t count = 0;
  if (in_ && !queued_.empty()) fds[count++] = {in_.get(), POLLOUT, 0};
  if (in_ && queued_.empty() && close_after_) in_.reset();
  if (reading_) {
    for (const Fd* fd : {&out_fd_, &err_fd_}) {
      if (*fd) fds[count++] = {fd->get(), POLLIN, 0};
    }
  }
  const int ready = ::poll(fds, count, static_cast<int>(at_most.count()));
  if (ready <= 0) return;
  for (nfds_t i = 0; i < count; ++i) {
    if (fds[i].revents == 0) continue;
    const int fd = fds[i].fd;
    if ((fds[i].events & POLLOUT) != 0) {
      const ssize_t n = ::write(fd, queued_.data(), std::min<std::size_t>(queued_.size(), 1U << 16));
      if (n > 0)
        queued_.erase(0, static_cast<std::size_t>(n));
      else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        queued_.clear();
        in_.reset();
      }
      if (in_ && queued_.empty() && close_after_) in_.reset();
      continue;
    }
    char buffer[65536];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n > 0)
      sink(fd)->append(buffer, static_cast<std::size_t>(n));
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
      (fd == out_fd_.get() ? out_fd_ : err_fd_).reset();
  }
}

bool Process::wait_until(const std::function<bool()>& condition, std::string_view what, milliseconds deadline) {
  const auto end = Clock::now() + patient(deadline);
  while (true) {
    if (condition()) return true;
    const bool over = try_reap();
    if (over) {
      // What it wrote before its end is still to be read.
      for (int i = 0; i < 64; ++i) pump(1ms);
      if (condition()) return true;
    }
    if (over || Clock::now() > end) {
      BOOST_ERROR(
          "waited for " << what
                        << (over ? ", but the process has ended with " + std::to_string(end_.code()) : ", in vain")
                        << "\n  out: " << shown(out_) << "\n  err: " << shown(err_)
                        << "\n  events: " << shown(events()));
      return false;
    }
    pump(5ms);
  }
}

bool Process::wait_out(std::string_view text, milliseconds deadline) {
  return wait_until([&] { return has(out_, text); }, "\"" + shown(text) + "\" on stdout", deadline);
}
bool Process::wait_err(std::string_view text, milliseconds deadline) {
  return wait_until([&] { return has(err_, text); }, "\"" + shown(text) + "\" on stderr", deadline);
}
bool Process::wait_event(std::string_view text, milliseconds deadline) {
  return wait_until([&] { return has(events(), text); }, "an event with " + shown(text), deadline);
}

void Process::watch(milliseconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
    pump(5ms);
    if (!out_fd_ && !err_fd_) ::poll(nullptr, 0, 5);
  }
}

Ended Process::wait(milliseconds deadline) {
  const auto end = Clock::now() + patient(deadline);
  while (!try_reap() || out_fd_ || err_fd_) {
    if (Clock::now() > end) {
      BOOST_ERROR(
          (ended_ ? "the process has ended, but somebody still holds its output" : "the process has not ended in time")
          << "\n  out: " << shown(out_) << "\n  err: " << shown(err_) << "\n  events: " << shown(events()));
      if (!ended_) {
        ::kill(pid_, SIGKILL);
        ::kill(pid_, SIGCONT);
        while (::wait4(pid_, &end_.wait_status, 0, &end_.usage) < 0 && errno == EINTR) {
        }
        ended_ = true;
      }
      out_fd_.reset();
      err_fd_.reset();
      break;
    }
    pump(out_fd_ || err_fd_ ? 5ms : 0ms);
    if (!out_fd_ && !err_fd_ && !ended_) ::poll(nullptr, 0, 1);
  }
  return end_;
}

pid_t pid_inside(Process& process) {
  process.wait_event("\"started\"");
  return static_cast<pid_t>(Events(process.events()).first("started").number("/pid"));
}

Start running(std::vector<std::string> args) {
  Start start;
  start.args = {"run"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

Result run(const Start& start) {
  Process process(start);
  const Ended ended = process.wait(start.deadline);
  return {ended.code(), process.out(), process.err(), process.events(), ended.usage};
}

Result sup_run(std::vector<std::string> args, Start start) {
  start.args = {"run"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return run(start);
}

Result sup_cli(std::vector<std::string> args, Start start) {
  start.args = std::move(args);
  return run(start);
}

std::string write_file(const std::string& name, std::string_view text, unsigned mode) {
  const std::string path = dir() + "/" + name;
  {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    BOOST_TEST_REQUIRE(static_cast<bool>(fd), path << ": " << std::strerror(errno));
    while (!text.empty()) {
      const ssize_t n = ::write(fd.get(), text.data(), text.size());
      BOOST_TEST_REQUIRE(n > 0);
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    BOOST_TEST_REQUIRE(::fchmod(fd.get(), mode) == 0);
    if (as_user() && ::geteuid() == 0) BOOST_TEST_REQUIRE(::fchown(fd.get(), uid(), gid()) == 0);
  }
  return path;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    all.emplace_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return all;
}

std::string value(std::string_view text, std::string_view word) {
  for (const auto& line : lines(text)) {
    if (line.size() > word.size() && line.starts_with(word) && line[word.size()] == ' ')
      return line.substr(word.size() + 1);
  }
  return {};
}

std::string shown(std::string_view bytes, std::size_t most) {
  std::string text;
  const bool cut = bytes.size() > most;
  for (const char c : cut ? bytes.substr(bytes.size() - most) : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    char escape[8];
    if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else if (byte < 32 || byte > 126) {
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      text += escape;
    } else
      text += c;
  }
  return (cut ? "…(" + std::to_string(bytes.size()) + " bytes)…" : "") + text;
}

long rss_peak_kib(pid_t pid) {
  for (const auto& line : lines(read_text("/proc/" + std::to_string(pid) + "/status"))) {
    if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

namespace {
// The fields of /proc/PID/stat after the name, the first being the state.
std::vector<std::string> stat_of(pid_t pid) {
  const std::string text = read_text("/proc/" + std::to_string(pid) + "/stat");
  const auto close = text.rfind(')');
  std::vector<std::string> fields;
  if (close == std::string::npos) return fields;
  std::istringstream rest(text.substr(close + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}
}  // namespace

long cpu_ms(pid_t pid) {
  const auto fields = stat_of(pid);
  if (fields.size() < 13) return 0;
  return (std::atol(fields[11].c_str()) + std::atol(fields[12].c_str())) * 1000 / ::sysconf(_SC_CLK_TCK);
}

char state_of(pid_t pid) {
  const auto fields = stat_of(pid);
  return fields.empty() ? '\0' : fields[0][0];
}

bool gone(pid_t pid, milliseconds deadline) {
  const auto end = Clock::now() + patient(deadline);
  while (true) {
    const char state = state_of(pid);
    if (state == 0 || state == 'Z' || state == 'X') return true;
    if (Clock::now() > end) return false;
    ::poll(nullptr, 0, 2);
  }
}

void skip(std::string_view why, Cannot cannot) {
  const bool must = std::string_view(env_or("SUP_MUST_WORK", "0")) == "1";
  if (must && cannot == Cannot::now) BOOST_ERROR("skipped, and SUP_MUST_WORK is set: " << why);
  std::printf("SKIP: %.*s%s\n", static_cast<int>(why.size()), why.data(),
              cannot == Cannot::ever ? " (this machine cannot)" : "");
  std::fflush(stdout);
  BOOST_TEST(true);
}

}  // namespace sup::test
