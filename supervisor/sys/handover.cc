#include "sys/handover.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "sys/nofile.h"
#include "sys/sealed.h"

namespace sup {
namespace {

constexpr off_t kMaxState = off_t{4} << 30;   // bytes; 10,000 containers' rings are a sixth of it
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

std::vector<char*> pointers(std::vector<std::string>& argv, int state) {
  std::vector<char*> out;
  for (auto& word : argv) {
    if (word == "@") word = std::to_string(state);
    out.push_back(word.data());
  }
  out.push_back(nullptr);
  return out;
}

Error bad_state(std::string why, int err = 0) {
  return Error{
      .code = "E_STATE", .where = "reload", .what = "the state cannot be read", .err = err, .why = std::move(why)};
}

}  // namespace

Result<Fd> write_state(std::string_view bytes) {
  return sealed_memfd("sup-state", std::as_bytes(std::span(bytes)), Executable::no);
}

Result<std::string> read_state(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return std::unexpected(bad_state("it is no sealed memory file"));
  struct stat st{};
  if (::fstat(fd, &st) < 0) return std::unexpected(bad_state({}, errno));
  if (st.st_size > kMaxState) return std::unexpected(bad_state("it is too large"));
  std::string bytes(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(bad_state({}, n < 0 ? errno : EIO));
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

Error exec_in_place(const std::string& program, std::vector<std::string> argv, const Fd& state,
                    std::span<const int> keep) {
  const auto words = pointers(argv, state.get());
  const auto set = [&](int flags) {
    ::fcntl(state.get(), F_SETFD, flags);
    for (const int fd : keep) ::fcntl(fd, F_SETFD, flags);
  };
  set(0);
  lower_nofile();
  ::execv(program.c_str(), words.data());
  const int err = errno;
  raise_nofile();
  set(FD_CLOEXEC);
  return Error{.code = "E_RELOAD_EXEC",
               .where = "reload",
               .what = printable(program),
               .err = err,
               .why = {},
               .hint = "the supervisor goes on as it was",
               .path = program};
}

Result<Trial> start_trial(const std::string& program, std::vector<std::string> argv, const Fd& state) {
  const auto failed = [&](int err) {
    return std::unexpected(Error{.code = "E_RELOAD_EXEC",
                                 .where = "reload",
                                 .what = printable(program),
                                 .err = err,
                                 .why = {},
                                 .hint = "the supervisor goes on as it was",
                                 .path = program});
  };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return failed(errno);
  Trial trial;
  trial.words = Fd(ends[0]);
  const Fd theirs(ends[1]);
  // posix_spawn's dup2 clears CLOEXEC only for another number; 0 to 2 are never the state's.
  constexpr int kStateFd = 3;
  const auto words = pointers(argv, kStateFd);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int err = ::posix_spawn_file_actions_init(&actions); err != 0) return failed(err);
  if (const int err = ::posix_spawnattr_init(&attributes); err != 0) {
    ::posix_spawn_file_actions_destroy(&actions);
    return failed(err);
  }
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), 2);
  ::posix_spawn_file_actions_adddup2(&actions, state.get(), kStateFd);
  const int err = ::posix_spawn(&trial.pid, program.c_str(), &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (err != 0) return failed(err);
  return trial;
}

}  // namespace sup
