#include "core/roster.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/savedcodec.h"
#include "spec/jsonmember.h"

namespace sup {
namespace {

// A container's file has its id as its name: twelve hexadecimal digits.
constexpr std::size_t kIdDigits = 12;
constexpr std::size_t kMostBytes = 16 << 20;  // far more than a command line and an environment can have

bool is_id(std::string_view name) {
  return name.size() == kIdDigits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error trouble(const std::string& path, std::string what, int err, std::string why = {}, std::string hint = {}) {
  return Error{.code = "E_ROSTER",
               .where = "--state-dir",
               .what = std::move(what),
               .err = err,
               .why = std::move(why),
               .hint = std::move(hint),
               .path = path,
               .stage = {}};
}

// A child of a supervisor that was just killed may have its descriptors still, on the way to its own program.
constexpr int kTries = 100;
constexpr int kPause = 10;  // ms

int lock(int directory) {
  for (int i = 0; ::flock(directory, LOCK_EX | LOCK_NB) < 0; ++i) {
    if (errno != EWOULDBLOCK || i == kTries) return -1;
    ::poll(nullptr, 0, kPause);
  }
  return 0;
}

Result<std::string> read_all(int directory, const std::string& name) {
  const Fd file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st{};
  if (!file || ::fstat(file.get(), &st) < 0) return std::unexpected(trouble({}, {}, errno));
  if (!S_ISREG(st.st_mode) || st.st_size < 0 || static_cast<std::size_t>(st.st_size) > kMostBytes)
    return std::unexpected(trouble({}, {}, EINVAL));
  std::string bytes(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(trouble({}, {}, errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Result<SavedHeld> decode(const std::string& bytes) {
  auto state = decode_state(bytes);
  if (!state) return std::unexpected(std::move(state.error()));
  auto saved = supervisor_from_json(part_in(*state, "supervisor"));
  if (!saved) return std::unexpected(std::move(saved.error()));
  if (saved->held.size() != 1) return std::unexpected(trouble({}, {}, 0, "it is not of one container"));
  return std::move(saved->held.front());
}

}  // namespace

Result<Roster> Roster::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
    return std::unexpected(trouble(path, path + " cannot be made", errno));
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat st{};
  if (!directory || ::fstat(directory.get(), &st) < 0)
    return std::unexpected(trouble(path, path + " cannot be opened", errno));
  // Who can write there decides what this user runs.
  if (st.st_uid != ::geteuid())
    return std::unexpected(trouble(path, path, EPERM, "belongs to uid " + std::to_string(st.st_uid),
                                   "name a directory of your own, or one that is to be made"));
  if ((st.st_mode & 077) != 0)
    return std::unexpected(trouble(path, path, EPERM, "is open to others", "chmod 700 " + path));
  if (lock(directory.get()) < 0)
    return std::unexpected(trouble(path, path, errno,
                                   errno == EWOULDBLOCK ? "another supervisor has its containers there" : "",
                                   errno == EWOULDBLOCK ? "one directory for each supervisor" : ""));
  return Roster(path, std::move(directory));
}

Result<void> Roster::put(const SavedHeld& held) const {
  SavedSupervisor one;
  one.held.push_back(held);
  const std::string bytes = encode_state({{"supervisor", saved_to_json(std::move(one))}});
  const std::string unfinished = held.id + ".new";
  const auto failed = [&](int err) {
    ::unlinkat(directory_.get(), unfinished.c_str(), 0);
    return std::unexpected(trouble(path_ + "/" + held.id, path_ + "/" + held.id + " cannot be written", err,
                                   "the container runs, and does not come back with its supervisor"));
  };
  const Fd file(
      ::openat(directory_.get(), unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failed(errno);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed(n < 0 ? errno : EIO);
    done += static_cast<std::size_t>(n);
  }
  if (::fdatasync(file.get()) < 0 ||
      ::renameat(directory_.get(), unfinished.c_str(), directory_.get(), held.id.c_str()) < 0 ||
      ::fsync(directory_.get()) < 0)
    return failed(errno);
  return {};
}

void Roster::drop(const std::string& id) const { ::unlinkat(directory_.get(), id.c_str(), 0); }

Roster::All Roster::all() const {
  All all;
  const int again = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(again < 0 ? nullptr : ::fdopendir(again), ::closedir);
  while (const dirent* const entry = listing ? ::readdir(listing.get()) : nullptr) {
    const std::string name = entry->d_name;
    // One that was being written when the machine stopped; what it was to replace is there still.
    if (name.size() > kIdDigits && is_id(name.substr(0, kIdDigits)) && name.substr(kIdDigits) == ".new")
      ::unlinkat(directory_.get(), name.c_str(), 0);
    if (!is_id(name)) continue;
    const std::string where = path_ + "/" + name;
    auto bytes = read_all(directory_.get(), name);
    if (!bytes) {
      all.damaged.push_back(trouble(where, where + " cannot be read", bytes.error().err));
      continue;
    }
    auto held = decode(*bytes);
    if (held && held->id == name) {
      all.held.push_back(std::move(*held));
    } else {
      all.damaged.push_back(trouble(where, where + " is no container's", 0,
                                    held ? "it is another one's: " + held->id : held.error().why,
                                    "remove it, and start that container anew"));
    }
  }
  std::ranges::sort(all.held, {}, &SavedHeld::number);
  return all;
}

}  // namespace sup
