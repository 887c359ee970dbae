// Programs under measurement: started the cheapest way there is (posix_spawn: vfork, no copy of us), and never left over.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace bench {

using Words = std::vector<std::string>;

// Microseconds on the monotonic clock.
double now_us();

// -1: /dev/null. The descriptors stay the caller's.
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

// Ends with what it measures: a child that still lives at the end of its scope is killed and reaped.
class Child {
 public:
  Child() = default;
  explicit Child(const Words& argv, const Stdio& stdio = {});  // pid() is -1 when it cannot be started
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Status as a shell would say it; 127: never started; -1: not over by the deadline (it is then killed).
  int wait(double seconds = 60);

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  bool waited_ = false;
};

// Whole run, microseconds from before the start until it is reaped. Negative: minus its status, or minus 1000 when it
// did not end in time.
double time_run(const Words& argv);

// First line of what it says on `fd` (1 or 2); for asking tools about themselves.
std::string first_line(const Words& argv, int fd = 1);

// Absolute path of a program found in PATH; empty: there is none.
std::string in_path(const std::string& name);

}  // namespace bench
