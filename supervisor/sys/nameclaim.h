// NameClaim: the name of a container, among all supervisors of a user.
//
// Two that are asked at the same moment both find the name free when they look at each other's lists. So it is decided by a file
// in RUNTIME/names, which belongs to whoever holds the lock on it (flock(2)): the kernel gives it to one, and takes it away when
// that one dies. A file that nobody has locked is a dead supervisor's: it may be taken over, or removed.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

// Owned by who has the name; gives it up, file and all, when it goes.
class NameClaim {
 public:
  NameClaim() = default;
  // holder: what others are told, "container ID under SUPERVISOR". E_NAME_TAKEN says whose it is. Any other error (no runtime
  // directory, a full disk): there is no claim to be made.
  [[nodiscard]] static Result<NameClaim> take(const std::string& name, std::string_view holder);
  // The one that an earlier image of this process took, by its descriptor.
  [[nodiscard]] static NameClaim adopt(std::string path, Fd lock) { return {std::move(path), std::move(lock)}; }
  NameClaim(NameClaim&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  NameClaim& operator=(NameClaim&& other) noexcept;
  ~NameClaim();

  [[nodiscard]] int fd() const { return lock_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  NameClaim(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  void give_up();

  std::string path_;
  Fd lock_;
};

// Removes the claims of supervisors that were killed.
void sweep_claims();

}  // namespace sup
