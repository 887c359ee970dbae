#include "init/mounts.h"

#include "init/channel.h"

namespace sup::init {
namespace {

using wire::Op;
using wire::Step;

constexpr unsigned kTypeMask = 0170000;
constexpr unsigned kCharacter = 0020000;
constexpr unsigned kDirectory = 0040000;
constexpr unsigned kRegular = 0100000;
constexpr uint64_t kUnchangeable =
    sys::kMountAttrRdonly | sys::kMountAttrNosuid | sys::kMountAttrNodev | sys::kMountAttrNoexec;

int error(long result) { return result < 0 ? static_cast<int>(-result) : 0; }

void put(int& place, int fd) {
  if (place >= 0) sys::close(place);
  place = fd;
}

// A descriptor that closes itself.
class Handle {
 public:
  explicit Handle(long fd) : fd_(fd) {}
  ~Handle() {
    if (fd_ >= 0) sys::close(static_cast<int>(fd_));
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  [[nodiscard]] bool good() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return static_cast<int>(fd_); }
  [[nodiscard]] int err() const { return error(fd_); }
  // The descriptor, from here on the caller's; or -errno.
  [[nodiscard]] long take() {
    const long fd = fd_;
    fd_ = -1;
    return fd;
  }
  void replace(long fd) {
    if (fd_ >= 0) sys::close(static_cast<int>(fd_));
    fd_ = fd;
  }

 private:
  long fd_;
};

long find(int root, const char* path, uint64_t more = 0) {
  const sys::OpenHow how = {sys::kOPath | sys::kOCloexec, 0, sys::kResolveInRoot | sys::kResolveNoMagiclinks | more};
  long fd = 0;
  do {
    fd = sys::call(__NR_openat2, root, path, &how, sizeof how);
  } while (fd == -EINTR || fd == -EAGAIN);  // EAGAIN: a rename was under way, the kernel could not be sure of a ".."
  return fd;
}

bool missing(int err) { return err == ENOENT || err == ENOTDIR; }

long clone_of(int fd) {
  return sys::call(__NR_open_tree, fd, "", sys::kOpenTreeClone | sys::kOCloexec | sys::kAtEmptyPath);
}

int attributes_of(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive) {
  const sys::MountAttr attr = {set, clear, propagation, 0};
  return error(sys::call(__NR_mount_setattr, fd, "", sys::kAtEmptyPath | (recursive ? sys::kAtRecursive : 0), &attr,
                         sizeof attr));
}

int move_to(int tree, int place) {
  return error(sys::call(__NR_move_mount, tree, "", place, "", sys::kMoveMountFromEmpty | sys::kMoveMountToEmpty));
}

// From another's mount namespace, and back: what is there is his, so no link is followed. The way there leads to that namespace's
// root, and the way back to this one's, which need not be where we were (a chroot(2)).
long clone_elsewhere(const char* path, const char* where) {
  const Handle root(sys::open("/", sys::kOPath | sys::kOCloexec));
  if (!root.good()) return -root.err();
  const Handle own(sys::open("/proc/self/ns/mnt", sys::kOCloexec));
  if (!own.good()) return -own.err();
  const Handle other(sys::open(where, sys::kOCloexec));
  if (!other.good()) return -other.err();
  long result = sys::call(__NR_setns, other.get(), sys::kCloneNewns);
  if (result < 0) return result;
  // What fails from here on ends init, wherever it is.
  const Handle place(find(sys::kAtFdCwd, path, sys::kResolveNoSymlinks));
  if (!place.good()) return -place.err();
  Handle taken(clone_of(place.get()));
  if (!taken.good()) return -taken.err();
  result = sys::call(__NR_setns, own.get(), sys::kCloneNewns);
  if (result == 0) result = sys::call(__NR_fchdir, root.get());
  if (result == 0) result = sys::call(__NR_chroot, ".");
  return result < 0 ? result : taken.take();
}

// The file's type, with a device's number (major << 32 | minor) in `device`; or -errno.
long kind_of(int fd, uint64_t& device) {
  sys::Statx st = {};
  const long result = sys::call(__NR_statx, fd, "", sys::kAtEmptyPath, sys::kStatxType, &st);
  device = uint64_t{st.rdev_major} << 32 | st.rdev_minor;
  return result < 0 ? result : static_cast<long>(st.mode & kTypeMask);
}

int must_be_device(int fd, uint64_t wanted) {
  uint64_t device = 0;
  const long kind = kind_of(fd, device);
  if (kind < 0) return error(kind);
  return kind == static_cast<long>(kCharacter) && device == wanted ? 0 : ENODEV;
}

// Makes what is missing of `path`, component by component, each in the directory that the part before it leads to. A link
// that leads nowhere stays one: its target is not made.
int create(int root, const char* path, bool directory, uint64_t more) {
  char part[4096];
  size_t at = 0;
  while (path[at] != 0) {
    if (++at == sizeof part) return ENAMETOOLONG;
  }
  at = 0;
  Handle parent(find(root, "/", more));
  if (!parent.good()) return parent.err();
  for (;;) {
    while (path[at] == '/') part[at] = '/', ++at;
    if (path[at] == 0) return 0;
    const size_t name = at;
    for (; path[at] != 0 && path[at] != '/'; ++at) part[at] = path[at];
    size_t end = at;
    while (path[end] == '/') ++end;
    const bool last = path[end] == 0;
    part[at] = 0;
    long found = find(root, part, more);
    if (found == -ENOENT) {
      const long made = last && !directory ? sys::call(__NR_mknodat, parent.get(), part + name, kRegular | 0644, 0)
                                           : sys::call(__NR_mkdirat, parent.get(), part + name, 0755);
      if (made < 0 && made != -EEXIST) return error(made);
      found = find(root, part, more);
    }
    if (found < 0) return error(found);
    if (last) {
      sys::close(static_cast<int>(found));
      return 0;
    }
    parent.replace(found);
  }
}

}  // namespace

bool right_trees(const Step& step) {
  const auto& n = step.n;
  switch (static_cast<Op>(step.op)) {
    case Op::tree:
      if ((n[1] & wire::TreeHow::within) != 0 && n[1] >> 8 >= wire::kTrees) return false;
      if ((n[1] & wire::TreeHow::elsewhere) != 0 && step.s[1] == 0) return false;
      return n[0] < wire::kTrees && ((n[1] & wire::TreeHow::given) != 0) == (step.s[0] == 0);
    case Op::filesystem: return n[0] < wire::kTrees && n[2] <= wire::kTrees;
    case Op::attach:
    case Op::terminal: return n[0] < wire::kTrees && (n[1] < wire::kTrees || n[1] == wire::kNoTree);
    case Op::mask: return n[0] < wire::kTrees && n[1] < wire::kTrees;
    case Op::attributes:
    case Op::make:
    case Op::ruleset:
    case Op::allow:
    case Op::enforce:
    case Op::file:
    case Op::readonly:
    case Op::pivot: return n[0] < wire::kTrees;
    default: return true;
  }
}

int open_tree(Run& run, const Step& step, const char* path, const char* where) {
  const uint64_t how = step.n[1];
  long opened = 0;
  if ((how & wire::TreeHow::given) != 0) {
    opened = static_cast<long>(how >> 8);
    const int err = error(sys::call(__NR_fcntl, opened, sys::kFSetFd, sys::kFdCloexec));
    if (err != 0) return err;
  } else if ((how & wire::TreeHow::within) != 0) {
    const Handle place(find(run.trees[how >> 8], path));
    if (!place.good()) return place.err();
    opened = clone_of(place.get());
    if (opened < 0) return error(opened);
  } else if ((how & wire::TreeHow::elsewhere) != 0) {
    opened = clone_elsewhere(path, where);
    if (opened < 0) return error(opened);
  } else {
    const bool as_it_is = (how & wire::TreeHow::open) != 0;
    const bool recursive = (how & wire::TreeHow::recursive) != 0;
    opened = sys::call(__NR_open_tree, sys::kAtFdCwd, path,
                       sys::kOCloexec | (as_it_is ? 0 : sys::kOpenTreeClone) | (recursive ? sys::kAtRecursive : 0));
    if (opened < 0) return error(opened);
  }
  put(run.trees[step.n[0]], static_cast<int>(opened));
  return step.n[2] == 0 ? 0 : must_be_device(static_cast<int>(opened), step.n[2]);
}

int new_filesystem(Run& run, const Step& step, const char* type, const char* const* options) {
  const Handle context(sys::call(__NR_fsopen, type, sys::kFsopenCloexec));
  if (!context.good()) return context.err();
  if (step.n[2] != 0) {
    const int err = error(sys::call(__NR_fchdir, run.trees[step.n[2] - 1]));
    if (err != 0) return err;
  }
  for (; *options != nullptr; ++options) {
    char key[64];
    size_t n = 0;
    while ((*options)[n] != 0 && (*options)[n] != '=') {
      if (n + 1 >= sizeof key) return EINVAL;
      key[n] = (*options)[n];
      ++n;
    }
    key[n] = 0;
    const char* value = (*options)[n] == '=' ? *options + n + 1 : nullptr;
    const int err = error(sys::call(__NR_fsconfig, context.get(),
                                    value == nullptr ? sys::kFsconfigFlag : sys::kFsconfigString, key, value, 0));
    if (err != 0) return err;
  }
  const int err = error(sys::call(__NR_fsconfig, context.get(), sys::kFsconfigCreate, nullptr, nullptr, 0));
  if (err != 0) return err;
  const long made = sys::call(__NR_fsmount, context.get(), sys::kFsmountCloexec, step.n[1]);
  if (made < 0) return error(made);
  put(run.trees[step.n[0]], static_cast<int>(made));
  return 0;
}

int set_attributes(Run& run, const Step& step) {
  return attributes_of(run.trees[step.n[0]], step.n[1] & 0xffffffff, step.n[1] >> 32, step.n[2] & 0xffffffff,
                       step.n[2] >> 32 != 0);
}

int attach(Run& run, const Step& step, const char* path) {
  const int tree = run.trees[step.n[0]];
  // Over the root: this process, whose root is the mount below, goes on below it until pivot.
  if (step.n[1] == wire::kNoTree)
    return error(sys::call(__NR_move_mount, tree, "", sys::kAtFdCwd, path, sys::kMoveMountFromEmpty));
  const int root = run.trees[step.n[1]];
  const uint64_t more = (step.n[2] & wire::AttachHow::no_links) != 0 ? sys::kResolveNoSymlinks : 0;
  if ((step.n[2] & wire::AttachHow::create) != 0) {
    uint64_t device = 0;
    const long kind = kind_of(tree, device);
    const int err = kind < 0 ? error(kind) : create(root, path, kind == static_cast<long>(kDirectory), more);
    if (err != 0) return err;
  }
  const Handle place(find(root, path, more));
  return place.good() ? move_to(tree, place.get()) : place.err();
}

int make(Run& run, const Step& step, const char* path, const char* target) {
  const int root = run.trees[step.n[0]];
  if (target != nullptr) return error(sys::call(__NR_symlinkat, target, root, path));
  return error(sys::call(__NR_mkdirat, root, path, step.n[1]));
}

int new_file(Run& run, const Step& step, const char* path, const char* text) {
  const Handle file(sys::call(__NR_openat, run.trees[step.n[0]], path,
                              sys::kOWronly | sys::kOCreat | sys::kOExcl | sys::kOCloexec, step.n[1]));
  if (!file.good()) return file.err();
  while (*text != 0) {
    size_t size = 0;
    while (text[size] != 0) ++size;
    const long n = sys::write(file.get(), text, size);
    if (n == -EINTR) continue;
    if (n <= 0) return n == 0 ? EIO : error(n);
    text += n;
  }
  return 0;
}

int mask(Run& run, const Step& step, const char* const* paths) {
  const int root = run.trees[step.n[0]];
  const int null = run.trees[step.n[1]];
  // CVE-2025-31133: what covers a file must be the device itself, not what a hostile root has in its place.
  int err = must_be_device(null, step.n[2]);
  int nothing = -1;  // the place of the first empty directory: attached, so that it can be cloned for the others
  for (; err == 0 && *paths != nullptr; ++paths) {
    const Handle place(find(root, *paths, sys::kResolveNoSymlinks));
    if (missing(place.err())) continue;
    uint64_t device = 0;
    const long kind = place.good() ? kind_of(place.get(), device) : -place.err();
    if (kind < 0) {
      err = error(kind);
    } else if (kind != static_cast<long>(kDirectory) || nothing >= 0) {
      const Handle cover(clone_of(kind == static_cast<long>(kDirectory) ? nothing : null));
      err = cover.good() ? move_to(cover.get(), place.get()) : cover.err();
    } else {
      const Handle context(sys::call(__NR_fsopen, "tmpfs", sys::kFsopenCloexec));
      err = context.err();
      if (err == 0) err = error(sys::call(__NR_fsconfig, context.get(), sys::kFsconfigString, "nr_inodes", "2", 0));
      if (err == 0) err = error(sys::call(__NR_fsconfig, context.get(), sys::kFsconfigCreate, nullptr, nullptr, 0));
      if (err != 0) break;
      const long made = sys::call(__NR_fsmount, context.get(), sys::kFsmountCloexec, kUnchangeable);
      err = error(made);
      if (err != 0) break;
      nothing = static_cast<int>(made);
      err = move_to(nothing, place.get());
    }
  }
  if (nothing >= 0) sys::close(nothing);
  return err;
}

int bind_readonly(Run& run, const Step& step, const char* const* paths) {
  for (; *paths != nullptr; ++paths) {
    const Handle place(find(run.trees[step.n[0]], *paths, sys::kResolveNoSymlinks));
    if (missing(place.err())) continue;
    if (!place.good()) return place.err();
    const Handle same(clone_of(place.get()));
    if (!same.good()) return same.err();
    int err = attributes_of(same.get(), kUnchangeable, 0, 0, false);
    if (err == 0) err = move_to(same.get(), place.get());
    if (err != 0) return err;
  }
  return 0;
}

// Without a directory for the old root (pivot_root(2), "pivot_root(".", ".")"): it comes to lie over the new one, and goes.
int pivot(Run& run, const Step& step) {
  int err = error(sys::call(__NR_fchdir, run.trees[step.n[0]]));
  if (err != 0) return err;
  if (step.n[1] != 0) {
    // The first of all roots, an initramfs, cannot be moved: the new one already lies over it, so going there is enough.
    err = error(sys::call(__NR_chroot, "."));
  } else {
    err = error(sys::call(__NR_pivot_root, ".", "."));
    if (err == 0) err = error(sys::call(__NR_umount2, ".", sys::kMntDetach));
  }
  return err != 0 ? err : error(sys::call(__NR_chdir, "/"));
}

int terminal(Run& run, const Step& step) {
  // By the devpts itself, in which only the kernel makes names; who comes in later has it looked at.
  sys::StatFs fs = {};
  const int known = error(sys::call(__NR_fstatfs, run.trees[step.n[0]], &fs));
  if (known != 0) return known;
  if (fs.type != sys::kDevptsMagic) return ENODEV;
  const Handle master(
      sys::call(__NR_openat, run.trees[step.n[0]], "ptmx", sys::kORdwr | sys::kONoctty | sys::kOCloexec, 0));
  if (!master.good()) return master.err();
  int locked = 0;
  int err = error(sys::ioctl(master.get(), sys::kTiocsPtLock, &locked));
  if (err != 0) return err;
  const Handle slave(
      sys::call(__NR_ioctl, master.get(), sys::kTiocgPtPeer, sys::kORdwr | sys::kONoctty | sys::kOCloexec));
  if (!slave.good()) return slave.err();
  if (step.n[2] != wire::kNobody) err = error(sys::call(__NR_fchown, slave.get(), step.n[2], -1));
  if (err != 0) return err;
  if (step.n[1] != wire::kNoTree) {
    const long mount = clone_of(slave.get());
    if (mount < 0) return error(mount);
    put(run.trees[step.n[1]], static_cast<int>(mount));
  }
  err = say_with(run.boot, wire::Say::terminal, run.index, master.get());
  wire::Record answer{};
  if (err == 0) err = hear(run.boot, answer);
  // The supervisor has gone, or does not want this start any more: nobody to tell.
  if (err == EPIPE || err == ECONNRESET) sys::exit(kExitSetup);
  if (err == 0 && answer.say != static_cast<uint16_t>(wire::Say::go)) err = EPROTO;
  for (int fd = 0; err == 0 && fd <= 2; ++fd) {
    const long placed = sys::call(__NR_dup3, slave.get(), fd, 0);
    if (placed < 0) err = error(placed);
  }
  return err;
}

int let_go(Run& run) {
  for (int& tree : run.trees) put(tree, -1);
  return 0;
}

int renew(const Step& step, const char* path) {
  for (int fd = 0; fd <= 2; ++fd) {
    const int other = must_be_device(fd, step.n[0]);
    if (other == ENODEV || other == EBADF) continue;
    if (other != 0) return other;
    const Handle fresh(sys::open(path, sys::kORdwr | sys::kOCloexec));
    if (!fresh.good()) return fresh.err();
    const int err = must_be_device(fresh.get(), step.n[0]);
    if (err != 0) return err;
    const long placed = sys::call(__NR_dup3, fresh.get(), fd, 0);
    if (placed < 0) return error(placed);
  }
  return 0;
}

}  // namespace sup::init
