// Path: which files execvp(3) would try for a command.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sup {

// The kernel's PATH_MAX counts the NUL.
inline constexpr std::size_t kMaxPathLength = 4095;

struct Candidates {
  std::vector<std::string> paths;   // to be tried in this order
  std::size_t too_long = 0;         // how many were left out because they are longer than kMaxPathLength
};

// With a slash in it the command is the path, whatever its length: the kernel then says what it thinks. Without one
// each entry of PATH is joined with it; an empty entry is the current directory.
[[nodiscard]] Candidates candidates(std::string_view command, std::string_view path);

// The absolute path of `path` seen from the directory `base`; `path` itself when it is absolute. Only joins:
// "." and ".." are the kernel's business, who knows the symbolic links.
[[nodiscard]] std::string join_path(std::string_view base, std::string_view path);

}  // namespace sup
