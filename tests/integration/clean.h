// Clean: the fixture around every case. It gives the case its directory and, when the case is done,
// holds what is left of it against what was there before: descriptors, processes, mounts, files, and
// every line of every event log against the schema.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace sup::test {

class Clean {
 public:
  Clean();
  ~Clean();
  Clean(const Clean&) = delete;
  Clean& operator=(const Clean&) = delete;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

// Where sup keeps its own things during the case: must be empty again at the end.
[[nodiscard]] const std::string& runtime_dir();
// The names in there of what foreground runs have: their sockets, and their logs' directories.
[[nodiscard]] std::vector<std::string> foreground_sockets();

// A fresh path for --events; its lines are checked at the end of the case.
[[nodiscard]] std::string new_events_file();
// The lines at this path are not sup's own or are broken on purpose: not checked.
void forget_events_file(const std::string& path);
// Another file that must hold good events.
void add_events_file(const std::string& path);

// Mounts as the host sees them, one line each.
[[nodiscard]] std::string host_mounts();

// Called once, before the first case: a mount namespace of the tests' own whose every mount is shared,
// so that a mount which escapes from a container shows, and does no harm.
void prepare_process();
[[nodiscard]] bool own_mounts();

}  // namespace sup::test
