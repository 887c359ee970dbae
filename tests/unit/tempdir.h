// A directory of a test's own, gone with it.
#pragma once

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace sup::test {

class TempDir {
 public:
  TempDir() {
    std::string name = "/tmp/sup-explain-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    ::chmod(name.c_str(), 0755);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             path_, std::filesystem::directory_options::skip_permission_denied, ignored)) {
      if (entry.is_directory(ignored) && !entry.is_symlink(ignored))
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all, ignored);
    }
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string file(const std::string& name, std::string_view text, mode_t mode = 0755) const {
    const std::string path = *this / name;
    std::ofstream(path, std::ios::binary) << text;
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
  }

 private:
  std::string path_;
};

}  // namespace sup::test
