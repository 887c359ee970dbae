// Harness: runs the real sup (or another program) over pipes or files, feeds it, reads it, waits
// for it, all under a deadline. Nothing here knows what is right: the cases say that.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace sup::test {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Where the programs are; copied to a world-readable place when the build tree is not one.
[[nodiscard]] const std::string& sup_path();
[[nodiscard]] const std::string& probe_path();

// True when this case runs sup as an ordinary user ($SUP_TEST_AS=user). Then uid() and gid() are the
// ones it gets: those of `suptest` if the machine has that user, else 12345; no account is made.
[[nodiscard]] bool as_user();
[[nodiscard]] uid_t uid();
[[nodiscard]] gid_t gid();

// Sizes of stress cases: `normal`, times $SUP_STRESS (default 1).
[[nodiscard]] long scaled(long normal);

// What sup's memory must stay below however much is waiting to pass through it; a sanitizer's shadow has its own size.
[[nodiscard]] long memory_bound_kib();

// Deadlines are stretched by $SUP_TEST_PATIENCE (default 1, under sanitizers 4).
[[nodiscard]] milliseconds patient(milliseconds deadline);

using Clock = std::chrono::steady_clock;
[[nodiscard]] milliseconds since(Clock::time_point begin);

// What to start, and with what.
struct Start {
  std::vector<std::string> args;                        // after the program's name
  std::string program;                                  // empty: sup
  std::optional<std::string> argv0;                     // empty: the program's path
  std::vector<std::string> env;                         // added to a small fixed environment; "K" alone removes K
  std::optional<std::string> input;                     // what stdin gets before its end; none: see `in`
  enum class In { null, closed, open, given } in = In::null;  // open: a pipe that send() feeds
  int in_fd = -1, out_fd = -1, err_fd = -1;             // given by the case instead of pipes; it closes them
  bool close_out = false, close_err = false;            // start with 1 or 2 closed
  std::vector<std::pair<int, int>> fds;                 // {ours, number in the child}
  std::string cwd;                                      // empty: the case's own directory
  bool events = true;                                   // --events FILE before the verb (sup only)
  bool root = false;                                    // as root even in a user case
  bool block_signals = false, ignore_signals = false;   // started by a careless parent
  bool new_session = false;
  milliseconds deadline = 20s;
};

// How it ended.
struct Ended {
  int wait_status = -1;
  rusage usage{};
  [[nodiscard]] bool exited() const;
  [[nodiscard]] int code() const;      // 0-255, or 1000 + the signal that killed it
};

struct Result {
  int code = -1;                       // as Ended::code
  std::string out, err;
  std::string events;                  // the text of the events file
  rusage usage{};
};

// One started process with its three streams. Owned by the case; killed and reaped when it goes.
class Process {
 public:
  explicit Process(const Start& start);
  virtual ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& out() const { return out_; }
  [[nodiscard]] const std::string& err() const { return err_; }
  [[nodiscard]] std::string events() const;           // what the events file holds now
  [[nodiscard]] const std::string& events_file() const { return events_file_; }

  void send(std::string_view bytes);                  // queued; written while waiting
  void close_input();                                 // after what is queued
  void signal(int number);
  void stop_reading(bool stop) { reading_ = !stop; }  // a reader that sleeps
  std::string take_out() { return std::exchange(out_, {}); }

  // Each moves bytes while it waits. False (and a failed check, which shows what was seen) when the
  // deadline has passed or the process has ended before.
  bool wait_out(std::string_view text, milliseconds deadline = 10s);
  bool wait_err(std::string_view text, milliseconds deadline = 10s);
  bool wait_event(std::string_view text, milliseconds deadline = 10s);
  bool wait_until(const std::function<bool()>& condition, std::string_view what, milliseconds deadline = 10s);
  // Moves bytes for this long, whatever happens: only to show that something does not happen.
  void watch(milliseconds time);

  // Until the process has ended and its streams are at their end.
  Ended wait(milliseconds deadline = 20s);
  [[nodiscard]] bool ended() const { return ended_; }

 protected:
  Process() = default;
  void launch(const Start& start, int in, int out, int err, const std::function<void()>& in_child = {});
  void pump(milliseconds at_most);
  virtual std::string* sink(int fd);

  pid_t pid_ = -1;
  Fd in_, out_fd_, err_fd_;           // our ends
  std::string out_, err_, queued_;
  std::string events_file_;
  bool close_after_ = false, reading_ = true, ended_ = false;
  Ended end_;

 private:
  bool try_reap();
};

// Starts, feeds, waits: for cases that have nothing to do in between.
[[nodiscard]] Result run(const Start& start);
// The pid of the container's first process, as the host sees it; waits for `started`: the command's first output may be
// seen before sup has said so.
[[nodiscard]] pid_t pid_inside(Process& process);
// sup run ARGS…, to be changed further.
[[nodiscard]] Start running(std::vector<std::string> args);
// `sup run ARGS…`, `sup ARGS…`
[[nodiscard]] Result sup_run(std::vector<std::string> args, Start start = {});
[[nodiscard]] Result sup_cli(std::vector<std::string> args, Start start = {});

// The case's own directory: empty at first, readable and writable for the user it runs as.
[[nodiscard]] const std::string& dir();
// A file in dir(); returns its path.
std::string write_file(const std::string& name, std::string_view text, unsigned mode = 0644);
[[nodiscard]] std::string read_text(const std::string& path);
[[nodiscard]] bool exists(const std::string& path);

// Text helpers.
[[nodiscard]] bool has(std::string_view text, std::string_view part);
[[nodiscard]] std::vector<std::string> lines(std::string_view text);
// The rest of the first line that starts with `word `; empty: none.
[[nodiscard]] std::string value(std::string_view text, std::string_view word);
[[nodiscard]] std::string shown(std::string_view bytes, std::size_t most = 2000);  // printable, for messages

// Facts of a process, from /proc; 0 when it is gone.
[[nodiscard]] long rss_peak_kib(pid_t pid);
[[nodiscard]] long cpu_ms(pid_t pid);
[[nodiscard]] char state_of(pid_t pid);  // 'R', 'S', 'T', 'Z' …; 0: gone
[[nodiscard]] bool gone(pid_t pid, milliseconds deadline);  // true once it is dead (a zombie is)

// Prints why and marks the case as skipped; with $SUP_MUST_WORK=1 it fails instead, unless the machine
// truly cannot.
enum class Cannot { now, ever };
void skip(std::string_view why, Cannot cannot = Cannot::now);

}  // namespace sup::test

#define SUP_SKIP(why)       \
  do {                      \
    ::sup::test::skip(why); \
    return;                 \
  } while (false)
#define SUP_CANNOT(why)                                \
  do {                                                 \
    ::sup::test::skip(why, ::sup::test::Cannot::ever); \
    return;                                            \
  } while (false)
