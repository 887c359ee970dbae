// Saved: what a supervisor hands to itself across a live upgrade, as plain values.
//
// The upgrade is an exec in place: the process, its children and its descriptors stay, everything in memory goes. So all
// that is known is written down here, descriptors by number, encoded as CBOR (RFC 8949) in a sealed memfd, and read back
// by the program that comes: possibly a newer one. What it does not know it ignores, what it misses has its default, and
// kSavedFormat is raised when that would be wrong.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "core/event.h"
#include "spec/exit_status.h"
#include "spec/spec.h"

namespace sup {

inline constexpr int kSavedFormat = 1;

// One Stream. fd -1: there is none (any more).
struct SavedStream {
  int fd = -1;
  bool reading = false;
  bool ended = false;  // its end was seen
  bool ending = false;  // nothing more is written after `unsent`
  std::string unsent;
};

// A Container whose command runs, or has run and whose streams are not all at their end.
struct SavedContainer {
  int pid = -1;
  int pidfd = -1;
  std::string exec;  // of one that came in by exec: its id
  int pid1 = -1;  // and the process it went to
  std::string cwd;
  std::string passwd, group;  // texts of its files, where a user was asked for
  std::vector<std::uint64_t> seccomp;  // the filter of a profile that was given, a sock_filter each
  int landlock = 0;
  std::vector<std::string> top_directories, top_files;
  unsigned uid = 0;
  unsigned gid = 0;
  SavedStream boot, master, in, out, err;
  std::string boot_bytes;
  bool boot_ended = false;
  bool reaped = false;
  std::optional<int> command_status;
  int command_pid = -1;
  int filtered_pid = -1;
  std::string eof_line;
  bool eof_literal_next = false;
  bool eof_raw_bytes = false;
  unsigned rows = 0;
  unsigned cols = 0;
  std::optional<std::int64_t> timeout_ms;  // until it is due
  std::optional<std::int64_t> grace_ms;
  std::optional<int> ending;  // a Reason
  int asked_with = 0;
  std::uint64_t cloned_us = 0;  // CLOCK_MONOTONIC
  std::uint64_t exec_us = 0;
  std::uint64_t running_us = 0;
  std::uint64_t dead_us = 0;
  Spans spans;
  Usage usage;
  Bytes bytes;
  int wait_status = 0;
  std::uint64_t cause = 0;
  bool fenced = false;  // it has control groups
  std::vector<int> group_locks;  // of their directories, a descriptor each
  bool frozen = false;
  bool kill_sent = false;
  std::uint64_t oom_kills = 0;
  int pasta = -1;  // the pid of its network's way out; -1: it has none
  int pasta_pidfd = -1;
};

struct SavedOutcome {
  bool ran = false;
  std::optional<Error> error;
  ExitStatus status;
  int reason = 0;
  std::uint64_t duration_ms = 0;
  Bytes bytes;
};

struct SavedChunk {
  int stream = 0;  // an OutputStream
  std::string bytes;
};

// A Held.
struct SavedHeld {
  std::string id;
  std::uint64_t number = 0;  // in the order they came
  std::string spec;  // as JSON, spec/spec_json.h
  std::vector<std::string> environ;
  std::string cwd;
  unsigned rows = 0;
  unsigned cols = 0;
  std::string state;
  std::optional<SavedContainer> container;
  std::optional<SavedOutcome> outcome;
  std::uint32_t restarts = 0;
  std::optional<std::int64_t> again_ms;  // until the next start
  std::uint64_t why = 0;  // the event that leads to it
  bool stopped_by_user = false;
  std::uint64_t sent = 0;
  bool remove_at_end = false;
  bool again_at_end = false;
  std::int64_t created = 0;
  std::int64_t started = 0;
  std::int64_t finished = 0;
  std::vector<std::string> log_held;  // a LogFile::Memory
  std::uint64_t log_dropped_bytes = 0;
  std::uint64_t log_dropped_records = 0;
  std::uint64_t log_dropped_total = 0;
  std::uint64_t log_seq = 0;
  std::vector<SavedChunk> ring;
  std::uint64_t ring_total = 0;
  std::string claim;  // of its name: the file's path, and the lock; empty: there is none
  int claim_fd = -1;
  bool on_roster = false;  // core/roster.h; and as that has it, stopped by its user
  bool roster_stopped = false;
};

// A command of exec.
struct SavedExec {
  std::string container;  // the id of where it is
  std::string spec;
  SavedContainer command;
};

struct SavedSupervisor {
  std::vector<SavedExec> execs;
  std::vector<SavedHeld> held;  // in the order they came
  bool closing = false;
  std::uint64_t last_number = 0;
};

// Every descriptor that it names: they must be open in the process that goes on.
[[nodiscard]] std::vector<int> descriptors_in(const SavedSupervisor& saved);

}  // namespace sup
