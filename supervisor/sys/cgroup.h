// Cgroup: the control groups of one container, a directory in each tree that is needed (sys/cgrouphome.h).
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "spec/limits.h"
#include "sys/cgroupdriver.h"
#include "sys/cgrouphome.h"

namespace sup {

// Owned by the container. remove() is its owner's duty; what is left all the same (our own SIGKILL) is known by the locks that
// died with us, and removed by whoever makes the next group.
class Cgroup {
 public:
  // Makes and locks the directory of the first tree. id: the container's. E_CGROUP says who may not, and what to do.
  [[nodiscard]] static Result<std::unique_ptr<Cgroup>> make(CgroupHome home, const std::string& id);
  // The one that this process made before it was executed anew, with the locks() that came along (the others are closed): a
  // lock let go of for a moment could be taken by whoever sweeps at that moment. ENOENT: there is none.
  [[nodiscard]] static Result<std::unique_ptr<Cgroup>> open(CgroupHome home, const std::string& id,
                                                            std::vector<Fd> locks);
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // Sets each limit, making what other directories that takes. Each one that cannot be set is one E_LIMIT, which names the
  // option, what is missing, and what to do. New directories are empty: place() what should be there.
  [[nodiscard]] std::vector<Error> apply(const Limits& limits);
  // For pause, where it is not the first tree that freezes.
  [[nodiscard]] Result<void> make_freezable();

  // For CLONE_INTO_CGROUP; -1: the first tree is not v2.
  [[nodiscard]] int clone_fd() const;
  // Of the v1 directories, for the child itself (sys/spawn.h); what cannot be opened is left to place().
  [[nodiscard]] std::vector<Fd> task_files() const;
  // Into every directory where it is not, and looked at afterwards. ESRCH is no error: it has ended.
  [[nodiscard]] Result<void> place(pid_t pid);
  // Out of the directory that freezes, to where we are ourselves: what limits it stays. ESRCH as above.
  [[nodiscard]] Result<void> put_aside(pid_t pid);
  // Whether /proc/PID/cgroup shows it in every directory; nullopt: it has ended.
  [[nodiscard]] std::optional<bool> holds(pid_t pid) const;
  [[nodiscard]] std::vector<pid_t> processes() const;

  // 0 or errno. When everything stands still, frozen() says so.
  [[nodiscard]] int freeze(bool frozen);
  [[nodiscard]] std::optional<bool> frozen() const;
  // KILL to everything in it, now or frozen. ENOENT: this kernel cannot, and a frozen v1 group must be thawed for it.
  [[nodiscard]] int kill();
  // For one that shall kill it without us: what "1" is written to. ENOENT: this kernel, or this tree, has no such file.
  [[nodiscard]] Result<Fd> kill_file() const;
  [[nodiscard]] std::uint64_t oom_kills() const;
  // What tells that they have become more (CgroupDriver::oom_events()), and how to hear it; no descriptor: nothing does.
  struct OomEvents {
    Fd fd;
    const CgroupDriver* driver = nullptr;
  };
  [[nodiscard]] OomEvents oom_events() const;
  [[nodiscard]] CgroupSample sample() const;
  // Somebody has removed a directory beneath us.
  [[nodiscard]] bool gone() const;
  // Of every directory: ours as long as the descriptors are open, in whichever program.
  [[nodiscard]] std::vector<int> locks() const;
  // The directory of the first tree, for messages.
  [[nodiscard]] const std::string& path() const { return nodes_.front().directory; }

  // 0 when nothing is left. EBUSY: the kernel has not quite buried the last process; try again in a moment.
  [[nodiscard]] int remove();

 private:
  struct Node {
    std::size_t tree;
    std::string directory;
    Fd lock;  // the directory, locked as long as we live: who sees other trees than we do must not take it for a dead one's
  };
  // The nodes that /proc/PID/cgroup does not show it in; nullopt: it has ended.
  [[nodiscard]] std::optional<std::vector<const Node*>> missing(pid_t pid) const;
  Cgroup(CgroupHome home, std::string id) : home_(std::move(home)), id_(std::move(id)) {}
  [[nodiscard]] const CgroupDriver& driver(const Node& node) const {
    return cgroup_driver(home_.trees[node.tree].version);
  }
  [[nodiscard]] Result<const Node*> node(const CgroupHome::Tree& tree);
  [[nodiscard]] const Node* freezer() const;
  [[nodiscard]] int enable(const CgroupHome::Tree& tree, const std::vector<std::string>& controllers);

  CgroupHome home_;
  std::string id_;
  std::vector<Node> nodes_;  // the first is that of the first tree
};

}  // namespace sup
