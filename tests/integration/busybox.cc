#include "busybox.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

namespace sup::test {

namespace fs = std::filesystem;

namespace {
constexpr const char* kBusybox = "/bin/busybox";
}  // namespace

bool has_busybox() { return ::access(kBusybox, X_OK) == 0; }

void give_away(const std::string& path) {
  (void)::lchown(path.c_str(), uid(), gid());
  if (!fs::is_directory(fs::symlink_status(path))) return;
  for (const auto& entry : fs::recursive_directory_iterator(path)) (void)::lchown(entry.path().c_str(), uid(), gid());
}

std::string make_root(const std::string& name) {
  const std::string root = dir() + "/" + name;
  for (const char* d : {"/bin", "/etc", "/tmp"}) fs::create_directories(root + d);
  fs::copy_file(kBusybox, root + "/bin/busybox");
  fs::permissions(root + "/bin/busybox", fs::perms(0755));
  for (const char* p :
       {"sh",   "ls", "cat",  "id",    "tty", "env",   "mount", "umount", "chmod", "stat", "touch", "mkdir", "readlink",
        "grep", "wc", "true", "mknod", "df",  "sleep", "pwd",   "head",   "ps",    "dd",   "stty",  "chown"}) {
    fs::create_symlink("busybox", root + "/bin/" + p);
  }
  std::ofstream(root + "/etc/passwd") << "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n";
  std::ofstream(root + "/etc/group") << "root:x:0:\nvideo:x:44:bob\n";
  give_away(root);
  return root;
}

Result in_root(const std::string& root, std::vector<std::string> options, const std::string& script, Start start) {
  options.insert(options.begin(), {"--rootfs", root});
  options.insert(options.end(), {"/bin/sh", "-c", script});
  return sup_run(std::move(options), std::move(start));
}

}  // namespace sup::test
