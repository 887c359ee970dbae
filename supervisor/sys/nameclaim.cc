#include "sys/nameclaim.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/text.h"
#include "sys/procfs.h"
#include "sys/runtime.h"

namespace sup {
namespace {

// A directory that is removed as it becomes empty, a file as it is given up: begun anew.
constexpr int kRounds = 100;
// Who sweeps holds a lock for some microseconds.
constexpr int kTries = 5;
constexpr int kPause = 1;  // ms

std::unexpected<Error> refused(const std::string& path, int err) {
  return std::unexpected(Error{.code = "E_NAME",
                               .where = "--name",
                               .what = "cannot be claimed",
                               .err = err,
                               .why = {},
                               .hint = {},
                               .path = path,
                               .stage = {}});
}

std::unexpected<Error> taken(const std::string& name, const std::string& path) {
  const auto text = read_file(path, 4096);
  const std::string holder = text && !text->empty() ? printable(*text) : "another container";
  return std::unexpected(Error{.code = "E_NAME_TAKEN",
                               .where = "--name",
                               .what = name,
                               .err = EEXIST,
                               .why = holder + " has it",
                               .hint = "remove that one (sup rm -f " + name + "), or choose another name",
                               .path = {},
                               .stage = {}});
}

bool lock(int fd) {
  while (::flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// A lock on a file that has been removed meanwhile is worth nothing.
bool is_at(int fd, const std::string& path) {
  struct stat ours{};
  struct stat there{};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Result<NameClaim> NameClaim::take(const std::string& name, std::string_view holder) {
  const auto runtime = make_runtime_dir();
  if (!runtime) return std::unexpected(runtime.error());
  const std::string directory = *runtime + "/names";
  std::string path = directory + "/" + name;
  int tries = 0;
  for (int round = 0; round < kRounds; ++round) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd && errno == ENOENT) {
      if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) return refused(directory, errno);
      continue;
    }
    if (!fd) return refused(path, errno);
    if (!lock(fd.get())) {
      if (errno != EWOULDBLOCK) return refused(path, errno);
      if (++tries == kTries) return taken(name, path);
      ::poll(nullptr, 0, kPause);
      continue;
    }
    if (!is_at(fd.get(), path)) continue;
    // What it says is for people: without it the name is claimed all the same.
    (void)!::ftruncate(fd.get(), 0);
    (void)!::pwrite(fd.get(), holder.data(), holder.size(), 0);
    return NameClaim(std::move(path), std::move(fd));
  }
  return refused(path, EAGAIN);
}

NameClaim& NameClaim::operator=(NameClaim&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  path_ = std::exchange(other.path_, {});
  lock_ = std::move(other.lock_);
  return *this;
}

NameClaim::~NameClaim() { give_up(); }

void NameClaim::give_up() {
  if (!lock_) return;
  // Under the lock. A runtime directory that somebody has removed, and made again, holds another's.
  if (is_at(lock_.get(), path_)) {
    ::unlink(path_.c_str());
    ::rmdir(directory_of(path_).c_str());  // not empty: others have names
  }
  lock_.reset();
}

void sweep_claims() {
  const auto runtime = runtime_dir();
  if (!runtime) return;
  const std::string directory = *runtime + "/names";
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return;
  while (const dirent* entry = ::readdir(open.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = directory + "/" + entry->d_name;
    Fd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    // Given up like one's own.
    if (fd && lock(fd.get())) (void)NameClaim::adopt(path, std::move(fd));
  }
  ::rmdir(directory.c_str());
}

}  // namespace sup
