#include "sys/pidnamespace.h"

#include <dirent.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>

#include "base/text.h"
#include "sys/procfs.h"

namespace sup {
namespace {

std::string pid_namespace(pid_t pid) {
  char target[64];
  const ssize_t n = ::readlink(("/proc/" + std::to_string(pid) + "/ns/pid").c_str(), target, sizeof target);
  return n < 0 ? std::string() : std::string(target, static_cast<std::size_t>(n));
}

}  // namespace

std::optional<pid_t> first_child(pid_t pid) {
  const std::string number = std::to_string(pid);
  const auto text = read_file("/proc/" + number + "/task/" + number + "/children");
  const auto child = text ? parse_unsigned<unsigned>(std::string_view(*text).substr(0, text->find(' '))) : std::nullopt;
  return child ? std::optional(static_cast<pid_t>(*child)) : std::nullopt;
}

// proc_pid_stat(5): the name in parentheses may hold anything; the state and the parent follow the last one.
pid_t parent_of(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return 0;
  const auto end = text->rfind(") ");
  if (end == std::string::npos) return 0;
  const auto words = split(std::string_view(*text).substr(end + 2), ' ');
  const auto parent = words.size() > 1 ? parse_unsigned<unsigned>(words[1]) : std::nullopt;
  return parent ? static_cast<pid_t>(*parent) : 0;
}

std::vector<pid_t> processes_with(pid_t first) {
  std::string space = pid_namespace(first);
  if (space == pid_namespace(::getpid())) space.clear();
  std::map<pid_t, pid_t> parents;
  std::map<pid_t, bool> inside{{first, true}};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), [](DIR* d) { return ::closedir(d); });
  if (!directory) return {first};
  while (const dirent* entry = ::readdir(directory.get())) {
    const auto number = parse_unsigned<unsigned>(entry->d_name);
    if (!number) continue;
    const auto pid = static_cast<pid_t>(*number);
    parents[pid] = parent_of(pid);
    if (!space.empty() && pid_namespace(pid) == space) inside[pid] = true;
  }
  std::vector<pid_t> all;
  for (const auto& [pid, parent] : parents) {
    // Up to the first whose answer is known, or to the top.
    std::vector<pid_t> way;
    bool found = false;
    for (pid_t at = pid; at != 0 && way.size() <= parents.size();) {
      if (const auto known = inside.find(at); known != inside.end()) {
        found = known->second;
        break;
      }
      way.push_back(at);
      const auto up = parents.find(at);
      at = up == parents.end() ? 0 : up->second;
    }
    for (const pid_t each : way) inside[each] = found;
    if (found) all.push_back(pid);
  }
  return all;
}

}  // namespace sup
