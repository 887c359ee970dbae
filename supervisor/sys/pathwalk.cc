#include "sys/pathwalk.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

constexpr int kMaxLinks = 40;   // the kernel's MAXSYMLINKS

struct Component {
  std::string name;
  bool judged = true;   // false: on the way to the working directory, where `who` already is
  bool linked = false;   // from the text of a symbolic link
};

std::deque<Component> components(std::string_view path, bool judged, bool linked = false) {
  std::deque<Component> out;
  for (const std::string_view name : split(path, '/')) {
    if (!name.empty()) out.push_back({std::string(name), judged, linked});
  }
  // "x/" asks for a directory, as "x/." does.
  if (path.ends_with('/') && !out.empty()) out.push_back({".", judged, linked});
  return out;
}

std::string joined(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

Fd open_path(int at, const char* name) { return Fd(::openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)); }

std::string read_link(int fd) {
  char buffer[PATH_MAX];
  const ssize_t n = ::readlinkat(fd, "", buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

bool same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

}  // namespace

bool may(const struct stat& st, const Credentials& who, int permissions) {
  const auto wanted = static_cast<mode_t>(permissions);
  if (who.uid == 0) {
    return (wanted & X_OK) == 0 || S_ISDIR(st.st_mode) || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
  }
  mode_t bits = st.st_mode;
  if (st.st_uid == who.uid) {
    bits >>= 6;
  } else if (st.st_gid == who.gid || std::ranges::find(who.groups, st.st_gid) != who.groups.end()) {
    bits >>= 3;
  }
  return (bits & wanted) == wanted;
}

Fd PathWalk::open_file() const {
  if (end != End::found || !S_ISREG(st.st_mode)) return Fd();
  Fd file(::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat now{};
  if (!file || ::fstat(file.get(), &now) < 0 || !same(now, st)) return Fd();   // replaced meanwhile
  return file;
}

PathWalk walk_path(int root, std::string_view workdir, std::string_view path, const Credentials& who) {
  PathWalk walk;
  const auto ended = [&walk](PathWalk::End end, int err, std::string at) {
    walk.end = end;
    walk.err = err;
    walk.at = std::move(at);
    return std::move(walk);
  };
  if (path.empty()) return ended(PathWalk::End::missing, ENOENT, {});
  if (path.size() >= PATH_MAX) return ended(PathWalk::End::too_long, ENAMETOOLONG, std::string(path));

  std::deque<Component> todo;
  if (!path.starts_with('/')) todo = components(workdir, false);
  for (auto& c : components(path, true)) todo.push_back(std::move(c));

  const Fd top(root == AT_FDCWD ? ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
                                : ::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat top_st{};
  if (!top || ::fstat(top.get(), &top_st) < 0) return ended(PathWalk::End::failed, errno, "/");
  Fd here(::fcntl(top.get(), F_DUPFD_CLOEXEC, 3));
  struct stat st = top_st;
  std::string at = "/";
  walk.name = ".";
  int links = 0;
  while (!todo.empty()) {
    const Component next = std::move(todo.front());
    todo.pop_front();
    if (!S_ISDIR(st.st_mode)) {
      walk.st = st;
      return ended(PathWalk::End::not_directory, ENOTDIR, at);
    }
    if (next.judged && !may(st, who, X_OK)) {
      walk.st = st;
      return ended(PathWalk::End::no_search, EACCES, at);
    }
    if (next.name == ".") continue;
    if (next.name == "..") {
      if (same(st, top_st)) continue;   // ".." of the root is the root
      Fd up = open_path(here.get(), "..");
      if (!up || ::fstat(up.get(), &st) < 0) return ended(PathWalk::End::failed, errno, at);
      here = std::move(up);
      at.resize(std::max<std::size_t>(1, at.rfind('/')));
      walk.name = ".";
      continue;
    }
    std::string there = joined(at, next.name);
    if (next.name.size() > NAME_MAX) return ended(PathWalk::End::too_long, ENAMETOOLONG, std::move(there));
    Fd fd = open_path(here.get(), next.name.c_str());
    struct stat found{};
    if (!fd || ::fstat(fd.get(), &found) < 0) {
      const int err = errno;
      if (err == ENOENT) {
        walk.last = todo.empty() || (todo.size() == 1 && todo.front().name == ".");
        walk.dangling = next.linked;
        walk.directory = std::move(here);
        walk.name = next.name;
        return ended(PathWalk::End::missing, err, std::move(there));
      }
      if (err == EACCES) {
        walk.st = st;
        return ended(PathWalk::End::no_search, err, at);
      }
      return ended(err == ENAMETOOLONG ? PathWalk::End::too_long : PathWalk::End::failed, err, std::move(there));
    }
    if (S_ISLNK(found.st_mode)) {
      if (++links > kMaxLinks) return ended(PathWalk::End::loop, ELOOP, walk.link.empty() ? there : walk.link);
      std::string target = read_link(fd.get());
      if (target.empty()) return ended(PathWalk::End::failed, errno, std::move(there));
      auto more = components(target, next.judged, true);
      todo.insert(todo.begin(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      walk.link = std::move(there);
      if (target.starts_with('/')) {
        here.reset(::fcntl(top.get(), F_DUPFD_CLOEXEC, 3));
        st = top_st;
        at = "/";
        walk.name = ".";
      }
      walk.target = std::move(target);
      continue;
    }
    walk.directory = std::move(here);
    here = std::move(fd);
    walk.name = next.name;
    st = found;
    at = std::move(there);
  }
  walk.st = st;
  // "." in itself when the path ended in "..", "." or the root: a directory in any case.
  if (walk.name == ".") walk.directory.reset(::fcntl(here.get(), F_DUPFD_CLOEXEC, 3));
  walk.fd = std::move(here);
  return ended(PathWalk::End::found, 0, std::move(at));
}

}  // namespace sup
