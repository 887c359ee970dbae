#include "sys/cgroupdriver.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/fd.h"
#include "base/text.h"
#include "sys/kernel.h"
#include "sys/procfs.h"

namespace sup {
namespace {

std::optional<std::uint64_t> number_of(const std::string& path) {
  const auto text = read_file(path);
  const auto value = text ? to_number(*text) : std::nullopt;   // "max" is no number
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::string text_of(const std::string& path) {
  auto text = read_file(path);
  return text ? std::move(*text) : std::string();
}

void pids_sample(const std::string& directory, CgroupSample& into) {
  if (const auto n = number_of(directory + "/pids.current")) into.pids = n;
  if (const auto n = number_of(directory + "/pids.max")) into.pids_limit = n;
}

class V2 : public CgroupDriver {
 public:
  int enable(const std::string& directory, const std::vector<std::string>& controllers) const override {
    const std::string path = directory + "/cgroup.subtree_control";
    const std::string text = text_of(path);
    const auto have = split(trimmed(text), ' ');
    for (const auto& name : controllers) {
      if (std::ranges::find(have, name) != have.end()) continue;
      if (const int err = write_value(path, "+" + name); err != 0) return err;
    }
    return 0;
  }
  int prepare(const std::string&) const override { return 0; }
  int freeze(const std::string& directory, bool frozen) const override {
    return write_value(directory + "/cgroup.freeze", frozen ? "1" : "0");
  }
  std::optional<bool> frozen(const std::string& directory) const override {
    const auto value = keyed_value(text_of(directory + "/cgroup.events"), "frozen");
    if (!value) return std::nullopt;
    return *value != 0;
  }
  int kill(const std::string& directory) const override { return write_value(directory + "/cgroup.kill", "1"); }
  std::optional<std::uint64_t> oom_kills(const std::string& directory) const override {
    return keyed_value(text_of(directory + "/memory.events"), "oom_kill");
  }
  Fd oom_events(const std::string& directory) const override {
    Fd events(::open((directory + "/memory.events").c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    // kernfs tells of what has changed since the last look.
    if (events && !hear_oom(events.get())) return {};
    return events;
  }
  bool hear_oom(int events) const override {
    char text[1024];
    return ::pread(events, text, sizeof text, 0) >= 0 || errno == EINTR;
  }
  CgroupVersion version() const override { return CgroupVersion::v2; }
  void sample(const std::string& directory, CgroupSample& into) const override {
    const std::string cpu = text_of(directory + "/cpu.stat");
    const auto take = [&cpu](std::string_view key, std::optional<std::uint64_t>& place) {
      if (const auto value = keyed_value(cpu, key)) place = value;
    };
    take("usage_usec", into.cpu_us);
    take("user_usec", into.user_us);
    take("system_usec", into.system_us);
    take("throttled_usec", into.throttled_us);
    if (const auto n = number_of(directory + "/memory.current")) into.memory = n;
    if (const auto n = number_of(directory + "/memory.peak")) into.memory_peak = n;
    if (const auto n = number_of(directory + "/memory.max")) into.memory_limit = n;
    pids_sample(directory, into);
    io(text_of(directory + "/io.stat"), into);
  }

 private:
  // "8:0 rbytes=1 wbytes=2 rios=…", a line a device.
  static void io(const std::string& text, CgroupSample& into) {
    for (const std::string_view line : split(text, '\n')) {
      for (const std::string_view field : split(line, ' ')) {
        const auto add = [&field](std::string_view key, std::optional<std::uint64_t>& place) {
          if (!field.starts_with(key)) return;
          if (const auto n = parse_unsigned<std::uint64_t>(field.substr(key.size()))) place = place.value_or(0) + *n;
        };
        add("rbytes=", into.read_bytes);
        add("wbytes=", into.written_bytes);
      }
    }
  }
};

class V1 : public CgroupDriver {
 public:
  int enable(const std::string&, const std::vector<std::string>&) const override { return 0; }
  // A cpuset begins without processors and memory nodes, and takes no process so: it gets its parent's.
  int prepare(const std::string& directory) const override {
    for (const char* name : {"/cpuset.mems", "/cpuset.cpus"}) {
      const auto own = read_file(directory + name);
      if (!own || !trimmed(*own).empty()) continue;   // no cpuset, or said already
      const std::string above = text_of(directory.substr(0, directory.rfind('/')) + name);
      if (const int err = write_value(directory + name, std::string(trimmed(above))); err != 0) return err;
    }
    return 0;
  }
  int freeze(const std::string& directory, bool frozen) const override {
    return write_value(directory + "/freezer.state", frozen ? "FROZEN" : "THAWED");
  }
  std::optional<bool> frozen(const std::string& directory) const override {
    const auto text = read_file(directory + "/freezer.state");
    if (!text) return std::nullopt;
    return trimmed(*text) == "FROZEN";
  }
  int kill(const std::string&) const override { return ENOENT; }
  std::optional<std::uint64_t> oom_kills(const std::string& directory) const override {
    return keyed_value(text_of(directory + "/memory.oom_control"), "oom_kill");
  }
  // "EVENTFD FD" into cgroup.event_control; the kernel needs the second only for this write.
  Fd oom_events(const std::string& directory) const override {
    const Fd control(::open((directory + "/memory.oom_control").c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!control) return {};
    Fd events(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events) return {};
    const std::string both = std::to_string(events.get()) + " " + std::to_string(control.get());
    if (const int err = write_value(directory + "/cgroup.event_control", both); err != 0) {
      errno = err;
      return {};
    }
    return events;
  }
  bool hear_oom(int events) const override {
    std::uint64_t times = 0;
    (void)!::read(events, &times, sizeof times);
    return true;
  }
  CgroupVersion version() const override { return CgroupVersion::v1; }
  void sample(const std::string& directory, CgroupSample& into) const override {
    if (const auto ns = number_of(directory + "/cpuacct.usage"); ns && !into.cpu_us) into.cpu_us = *ns / 1000;
    if (const auto ns = keyed_value(text_of(directory + "/cpu.stat"), "throttled_time"); ns)
      into.throttled_us = *ns / 1000;
    if (const auto n = number_of(directory + "/memory.usage_in_bytes")) into.memory = n;
    if (const auto n = number_of(directory + "/memory.max_usage_in_bytes")) into.memory_peak = n;
    // "No limit" is a number here, the largest that is whole pages.
    if (const auto n = number_of(directory + "/memory.limit_in_bytes"); n && *n < (std::uint64_t{1} << 60))
      into.memory_limit = n;
    pids_sample(directory, into);
    io(text_of(directory + "/blkio.throttle.io_service_bytes"), into);
  }

 private:
  // "8:0 Read 1", "8:0 Write 2", …, a line each, and a total.
  static void io(const std::string& text, CgroupSample& into) {
    for (const std::string_view line : split(text, '\n')) {
      const auto words = split(line, ' ');
      if (words.size() != 3) continue;
      const auto n = parse_unsigned<std::uint64_t>(words[2]);
      if (n && words[1] == "Read") into.read_bytes = into.read_bytes.value_or(0) + *n;
      if (n && words[1] == "Write") into.written_bytes = into.written_bytes.value_or(0) + *n;
    }
  }
};

}  // namespace

int write_value(const std::string& path, const std::string& text) {
  int fd = -1;
  while ((fd = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (fd < 0) return errno;
  const Fd file(fd);
  ssize_t n = -1;
  while ((n = ::write(file.get(), text.data(), text.size())) < 0 && errno == EINTR) {
  }
  if (n < 0) return errno;
  return static_cast<std::size_t>(n) == text.size() ? 0 : EIO;
}

int CgroupDriver::set(const std::string& directory, const CgroupWrite& write) {
  int err = ENOENT;
  for (const auto& file : write.files) {
    err = write_value(directory + "/" + std::string(file.name), file.text);
    if (err != ENOENT) break;
  }
  return err;
}

std::vector<pid_t> CgroupDriver::processes(const std::string& directory) {
  std::vector<pid_t> all;
  const std::string text = text_of(directory + "/cgroup.procs");
  for (const std::string_view line : split(text, '\n')) {
    if (const auto pid = parse_unsigned<unsigned>(line); pid && *pid != 0) all.push_back(static_cast<pid_t>(*pid));
  }
  return all;
}

const CgroupDriver& cgroup_driver(CgroupVersion version) {
  static const V1 v1;
  static const V2 v2;
  if (version == CgroupVersion::v2) return v2;
  return v1;
}

std::optional<std::uint64_t> keyed_value(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_unsigned<std::uint64_t>(trimmed(line.substr(key.size())));
  }
  return std::nullopt;
}

}  // namespace sup
