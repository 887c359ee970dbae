// CgroupDriver: how the files of one cgroup directory are read and written, on v2 and on v1. Nothing here knows who
// owns the directory; any directory will do, so that a test can hand in one of its own.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "spec/limits.h"

namespace sup {

// What a container has used and may use; what the kernel does not say is absent. Times in microseconds, sizes in bytes.
struct CgroupSample {
  std::optional<std::uint64_t> cpu_us, user_us, system_us, throttled_us;
  std::optional<std::uint64_t> memory, memory_peak;
  std::optional<std::uint64_t> memory_limit;  // absent also: no limit
  std::optional<std::uint64_t> pids, pids_limit;
  std::optional<std::uint64_t> read_bytes, written_bytes;
};

// One value into one existing file, by one write(2): 0 or errno.
[[nodiscard]] int write_value(const std::string& path, const std::string& text);

class CgroupDriver {
 public:
  virtual ~CgroupDriver() = default;
  // Makes the controllers usable in directories below `directory`: 0 or errno.
  [[nodiscard]] virtual int enable(const std::string& directory, const std::vector<std::string>& controllers) const = 0;
  // What a new directory needs before a process can be put into it: 0 or errno.
  [[nodiscard]] virtual int prepare(const std::string& directory) const = 0;
  [[nodiscard]] virtual int freeze(const std::string& directory, bool frozen) const = 0;
  // nullopt: cannot be told.
  [[nodiscard]] virtual std::optional<bool> frozen(const std::string& directory) const = 0;
  // KILL to everything in it, frozen or not; ENOENT: this kernel (or version) cannot.
  [[nodiscard]] virtual int kill(const std::string& directory) const = 0;
  // How many processes the kernel killed here for want of memory; nullopt: not counted.
  [[nodiscard]] virtual std::optional<std::uint64_t> oom_kills(const std::string& directory) const = 0;
  // Readable (v1), or urgent (POLLPRI, v2), when that number may have risen; none, with errno: the kernel does not tell. v1 tells
  // it a moment before it has killed.
  [[nodiscard]] virtual Fd oom_events(const std::string& directory) const = 0;
  // What it said is heard, and it waits for the next time. False: the group has gone.
  [[nodiscard]] virtual bool hear_oom(int events) const = 0;
  [[nodiscard]] virtual CgroupVersion version() const = 0;
  // Adds what this directory can say.
  virtual void sample(const std::string& directory, CgroupSample& into) const = 0;

  // Sets one value: 0, or errno; ENOENT: there is no such file. The same for both.
  [[nodiscard]] static int set(const std::string& directory, const CgroupWrite& write);
  [[nodiscard]] static std::vector<pid_t> processes(const std::string& directory);
};
[[nodiscard]] const CgroupDriver& cgroup_driver(CgroupVersion version);

// "key value" lines (cpu.stat, memory.events): the value of one key.
[[nodiscard]] std::optional<std::uint64_t> keyed_value(std::string_view text, std::string_view key);

}  // namespace sup
