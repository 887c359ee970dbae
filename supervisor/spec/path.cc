#include "spec/path.h"

#include "base/text.h"

namespace sup {

Candidates candidates(std::string_view command, std::string_view path) {
  Candidates out;
  if (command.find('/') != std::string_view::npos) {
    out.paths.emplace_back(command);
    return out;
  }
  for (const std::string_view entry : split(path, ':')) {
    std::string candidate = join_path(entry.empty() ? "." : entry, command);
    if (candidate.size() > kMaxPathLength) {
      ++out.too_long;
    } else {
      out.paths.push_back(std::move(candidate));
    }
  }
  return out;
}

std::string join_path(std::string_view base, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  std::string out(base);
  if (!out.ends_with('/')) out += '/';
  out += path;
  return out;
}

}  // namespace sup
