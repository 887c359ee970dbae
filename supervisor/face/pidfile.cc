#include "face/pidfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/fd.h"

namespace sup {
namespace {

std::unexpected<Error> refused(std::string where, const std::string& path, int err, std::string hint = {}) {
  return std::unexpected(Error{.code = "E_FILE",
                               .where = std::move(where),
                               .what = path,
                               .err = err,
                               .why = {},
                               .hint = std::move(hint),
                               .path = path});
}

bool put(int fd, const std::string& text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<void> Pidfile::prepare(const std::string& path) {
  if (path.empty()) return {};
  // rename(2) could not put it there, and it would be noticed when the command runs already.
  struct stat st{};
  if (path.ends_with('/') || (::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)))
    return refused("--pidfile", path, EISDIR);
  const Fd probe(::open((path + ".tmp").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_TRUNC, 0644));
  if (!probe) return refused("--pidfile", path, errno);
  ::unlink((path + ".tmp").c_str());  // not to be left behind should we be killed
  path_ = path;
  return {};
}

void Pidfile::write(pid_t pid) {
  if (path_.empty()) return;
  const std::string temporary = path_ + ".tmp";
  const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_TRUNC, 0644));
  if (!fd || !put(fd.get(), std::to_string(pid) + "\n")) return;
  written_ = ::rename(temporary.c_str(), path_.c_str()) == 0;
}

void Pidfile::remove() {
  if (path_.empty()) return;
  ::unlink((path_ + ".tmp").c_str());
  if (written_) ::unlink(path_.c_str());
  path_.clear();
}

Result<void> Cidfile::prepare(const std::string& path) {
  if (path.empty()) return {};
  fd_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd_)
    return refused("--cidfile", path, errno,
                   errno == EEXIST ? "it may belong to a running container; remove it if not" : "");
  path_ = path;
  return {};
}

Result<void> Cidfile::write(const std::string& id) {
  if (!fd_) return {};
  if (!put(fd_.get(), id)) return refused("--cidfile", path_, errno);
  fd_.reset();
  return {};
}

Cidfile::~Cidfile() {
  if (fd_) ::unlink(path_.c_str());
}

Result<void> write_cidfile(const std::string& path, const std::string& id) {
  Cidfile file;
  if (auto r = file.prepare(path); !r) return r;
  return file.write(id);
}

}  // namespace sup
