#include "sys/sample.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "sys/cgroupdriver.h"
#include "sys/cgrouplayout.h"
#include "sys/kernel.h"
#include "sys/procfs.h"

namespace sup {
namespace {

constexpr std::size_t kMostProcesses = 1U << 20;   // a tree that grows while we walk it must end somewhere

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::uint64_t ticks_to_us(std::uint64_t ticks) {
  static const auto hz = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * 1'000'000 / hz;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The value of a line "key: 17".
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  return number(text.substr(at + key.size()));
}

std::optional<std::uint64_t> count_fds(const std::string& process) {
  const Directory open(::opendir((process + "/fd").c_str()), ::closedir);
  if (!open) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(open.get())) count += entry->d_name[0] != '.' ? 1U : 0U;
  return count;
}

// Every thread has children of its own.
void children_of(const std::string& process, std::vector<pid_t>& into) {
  const Directory open(::opendir((process + "/task").c_str()), ::closedir);
  if (!open) return;
  while (const dirent* entry = ::readdir(open.get())) {
    if (entry->d_name[0] == '.') continue;
    const auto text = read_file(process + "/task/" + entry->d_name + "/children");
    if (!text) continue;
    for (const auto word : split(*text, ' ')) {
      if (const auto pid = static_cast<pid_t>(number(word)); pid > 0) into.push_back(pid);
    }
  }
}

std::optional<ProcessSample> sample(pid_t pid, bool whole) {
  const std::string process = "/proc/" + std::to_string(pid);
  const auto stat = read_file(process + "/stat");
  if (!stat) return std::nullopt;
  // The name may hold anything; what comes after its last ')' are words.
  const auto begin = stat->find('(');
  const auto end = stat->rfind(')');
  if (begin == std::string::npos || end == std::string::npos || end + 2 >= stat->size()) return std::nullopt;
  const auto words = split(std::string_view(*stat).substr(end + 2), ' ');
  if (words.size() < 22) return std::nullopt;
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  ProcessSample out;
  out.pid = pid;
  out.state = words[0].empty() ? '?' : words[0][0];
  out.parent = static_cast<pid_t>(number(words[1]));
  out.cpu_us = ticks_to_us(number(words[11]) + number(words[12]) + number(words[13]) + number(words[14]));
  out.threads = number(words[17]);
  out.started_us = ticks_to_us(number(words[19]));
  out.rss_bytes = number(words[21]) * page;
  if (const auto io = read_file(process + "/io")) {
    out.read_bytes = value_of(*io, "\nread_bytes: ");
    out.written_bytes = value_of(*io, "\nwrite_bytes: ");
  }
  if (!whole) return out;
  out.fds = count_fds(process);
  if (const auto words_of = read_file(process + "/cmdline"); words_of && !words_of->empty()) {
    out.command = *words_of;
    while (!out.command.empty() && out.command.back() == '\0') out.command.pop_back();
    for (auto& c : out.command) {
      if (c == '\0') c = ' ';
    }
  }
  if (out.command.empty()) out.command = "[" + stat->substr(begin + 1, end - begin - 1) + "]";
  return out;
}

// The directories of the container's own groups, each with its kind.
std::vector<std::pair<std::string, CgroupVersion>> groups_of(pid_t first, const std::string& id) {
  static const CgroupLayout layout = cgroup_layout(KernelFiles{});
  std::vector<std::pair<std::string, CgroupVersion>> all;
  const auto text = read_file("/proc/" + std::to_string(first) + "/cgroup");
  if (!text) return all;
  for (const auto line : split(*text, '\n')) {
    // "4:memory:/sup/3f2a…", "0::/sup/3f2a…"
    const auto colon = line.find(':');
    const auto second = colon == std::string_view::npos ? colon : line.find(':', colon + 1);
    if (second == std::string_view::npos || !line.ends_with("/sup/" + id)) continue;
    const std::string path(line.substr(second + 1));
    const auto controllers = line.substr(colon + 1, second - colon - 1);
    if (controllers.empty()) {
      if (!layout.v2_mount.empty()) all.emplace_back(layout.v2_mount + path, CgroupVersion::v2);
    } else if (const auto* hierarchy = layout.v1_with(split(controllers, ',').front())) {
      all.emplace_back(hierarchy->mount + path, CgroupVersion::v1);
    }
  }
  return all;
}

std::vector<ProcessSample> walk(pid_t first, const std::string& id, bool whole) {
  std::vector<ProcessSample> all;
  std::vector<pid_t> due;
  // What came in later (exec) descends from the supervisor.
  if (const auto groups = groups_of(first, id); !groups.empty()) {
    for (const auto word : split(read_file(groups.front().first + "/cgroup.procs").value_or(""), '\n')) {
      if (const auto pid = static_cast<pid_t>(number(word)); pid > 0) due.push_back(pid);
    }
  }
  due.push_back(first);
  std::unordered_set<pid_t> seen;
  // Children after their parents: what is reaped in between has gone into its parent's account and is counted once too little,
  // not twice.
  while (!due.empty() && all.size() < kMostProcesses) {
    const pid_t pid = due.back();
    due.pop_back();
    if (!seen.insert(pid).second) continue;
    auto one = sample(pid, whole);
    if (!one) continue;
    all.push_back(std::move(*one));
    children_of("/proc/" + std::to_string(pid), due);
  }
  return all;
}

void add(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& one) {
  if (one) sum = sum.value_or(0) + *one;
}

}  // namespace

std::vector<ProcessSample> sample_processes(pid_t first, const std::string& id) { return walk(first, id, true); }

std::optional<Sample> sample_container(pid_t first, const std::string& id) {
  const auto all = walk(first, id, false);
  if (all.empty()) return std::nullopt;
  Sample sum{.at_us = boot_us(),
             .started_us = all.front().started_us,
             .cpu_us = 0,
             .memory_bytes = 0,
             .memory_limit_bytes = {},
             .processes = all.size(),
             .threads = 0,
             .read_bytes = {},
             .written_bytes = {}};
  for (const auto& one : all) {
    sum.cpu_us += one.cpu_us;
    sum.memory_bytes += one.rss_bytes;
    sum.threads += one.threads;
    add(sum.read_bytes, one.read_bytes);
    add(sum.written_bytes, one.written_bytes);
  }
  CgroupSample group;
  for (const auto& [directory, version] : groups_of(first, id)) cgroup_driver(version).sample(directory, group);
  sum.cpu_us = group.cpu_us.value_or(sum.cpu_us);
  sum.memory_bytes = group.memory.value_or(sum.memory_bytes);
  sum.memory_limit_bytes = group.memory_limit;
  sum.threads = group.pids.value_or(sum.threads);
  if (group.read_bytes) sum.read_bytes = group.read_bytes;
  if (group.written_bytes) sum.written_bytes = group.written_bytes;
  return sum;
}

std::uint64_t boot_us() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace sup
