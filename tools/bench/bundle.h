// A root and what an OCI runtime is to do with it: a container as docker asks runc for one.
#pragma once
#include <string>

namespace bench {

// Of busybox alone, in a folder of its own. The runtimes find `rootfs` there, and config.json by the folder.
class Bundle {
 public:
  enum class Limits : bool { none, memory_and_pids };  // 64 MiB, 100 processes
  Bundle(const std::string& folder, Limits limits);
  // Empty: it can be used.
  [[nodiscard]] const std::string& why_not() const { return why_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string root() const { return folder_ + "/rootfs"; }

 private:
  std::string folder_;
  std::string why_;
};

}  // namespace bench
