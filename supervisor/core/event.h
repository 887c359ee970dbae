// Event: one thing that happened, as a value. Rendered to one JSON line in one place (eventlog.cc).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/error.h"

namespace sup {

enum class Level : std::uint8_t { trace, debug, info, warning, error };

// Microseconds between the moments of a start and an end; absent: that moment was never reached.
struct Spans {
  std::optional<std::uint64_t> queue;        // request to clone
  std::optional<std::uint64_t> clone;        // clone to init's exec
  std::optional<std::uint64_t> setup;        // init's steps
  std::optional<std::uint64_t> exec;         // execve itself
  std::optional<std::uint64_t> first_byte;   // running to the first byte of output
  std::optional<std::uint64_t> drain;        // death to the end of the last stream
  std::optional<std::uint64_t> reap;         // death known (SIGCHLD) to wait4's answer
};

struct Usage {                               // getrusage(2)'s account of the container's reaped processes
  std::uint64_t user_us = 0;
  std::uint64_t system_us = 0;
  std::int64_t max_rss_kib = 0;
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t voluntary_switches = 0;
  std::int64_t involuntary_switches = 0;
};

// Absent: the stream was given to the command as it is, nothing passed through here.
struct Bytes {
  std::optional<std::uint64_t> in;
  std::optional<std::uint64_t> out;
  std::optional<std::uint64_t> err;
};

enum class Reason : std::uint8_t { exit, signal, oom, timeout, stopped, sup_error };
enum class Effect : std::uint8_t { delivered, ignored, dropped_pid1, gone };

namespace event {
struct Starting {                            // msg "init come on"
  std::string command;                       // argv[0]
  bool tty = false;
  bool user_namespace = false;
  bool rooted = false;                       // its root is its own, not the host's, and so are its processes
};
struct Started {                             // msg "command /bin/sh"
  std::string command;
  std::int64_t pid = 0;
  Spans spans;
};
struct Failed {                              // it never ran
  Error error;
  int exit_code = 125;
};
struct Resized {
  unsigned rows = 0;
  unsigned cols = 0;
};
struct Signalled {
  int signal = 0;
  Effect effect = Effect::delivered;
  std::optional<std::int64_t> sender;        // pid of who sent it to sup, when somebody did
};
struct Stopping {
  int signal = 0;
  Reason reason = Reason::stopped;
};
struct Exited {
  std::optional<int> exit_code;              // or
  std::optional<int> signal;
  bool core = false;
  bool may_be_filtered = false;              // a signal that its seccomp filter answers some calls with
  std::optional<std::string> syscall;        // and the kernel has told with which
  Reason reason = Reason::exit;
  bool by_command = true;                    // origin: command, else sup
  std::uint64_t duration_ms = 0;             // from the clone to the death
  Spans spans;
  Usage usage;
  Bytes bytes;
};
struct Problem {                             // the `error` event: an Error that did not end anything by itself
  Error error;
  Level level = Level::error;
};
struct Restarting {                          // after a pause; at once, where the user asked for it
  std::uint64_t delay_ms = 0;
  std::uint32_t count = 0;                   // restarts since it last stayed up
};
struct Removed {};
struct Paused {};
struct Unpaused {};
struct Oom {                                 // the kernel killed processes of it for want of memory
  std::uint64_t kills = 0;                   // so far
};
struct Attached {                            // a client watches
  std::int64_t client = 0;                   // its pid
};
enum class Left : std::uint8_t { client, gone, slow_client };
struct Detached {                            // no more, while the container goes on
  std::int64_t client = 0;
  Left reason = Left::client;
};
// The supervisor's own.
struct Listening {
  std::string path;                          // of the control socket
};
struct Reloaded {                            // it has become another program, in place
  std::string from;                          // the version before
  std::string version;
};
struct Closing {};                           // its last line
}  // namespace event

struct Event {
  std::string id;                            // of the container; empty: the supervisor's own
  std::string name;
  std::string exec{};                        // of a command that came into the container; empty: its own
  std::uint64_t cause = 0;                   // seq of the event that led here; 0: none
  std::variant<event::Starting, event::Started, event::Failed, event::Resized, event::Signalled, event::Stopping,
               event::Exited, event::Problem, event::Restarting, event::Removed, event::Paused, event::Unpaused,
               event::Oom, event::Attached, event::Detached, event::Listening, event::Reloaded, event::Closing>
      what;
};

}  // namespace sup
