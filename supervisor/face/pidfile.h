// Pidfile and cidfile: who runs here, for scripts.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

// The host's pid of PID 1 inside, as long as it runs: written whole or not at all (rename), removed at the end.
class Pidfile {
 public:
  Pidfile() = default;
  ~Pidfile() { remove(); }
  Pidfile(const Pidfile&) = delete;
  Pidfile& operator=(const Pidfile&) = delete;
  // Whether it can be written there, before anything is started. Empty path: none wanted.
  [[nodiscard]] Result<void> prepare(const std::string& path);
  void write(pid_t pid);
  void remove();

 private:
  std::string path_;
  bool written_ = false;
};

// The id in a new file; one that exists is somebody else's (docker's rule). It is claimed before anything is started, and taken
// away again where no id is written. Empty path: none wanted.
class Cidfile {
 public:
  Cidfile() = default;
  ~Cidfile();
  Cidfile(const Cidfile&) = delete;
  Cidfile& operator=(const Cidfile&) = delete;
  [[nodiscard]] Result<void> prepare(const std::string& path);
  [[nodiscard]] Result<void> write(const std::string& id);

 private:
  std::string path_;
  Fd fd_;
};

// Both at once, for who has the id.
[[nodiscard]] Result<void> write_cidfile(const std::string& path, const std::string& id);

}  // namespace sup
