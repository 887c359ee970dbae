// probe: a multi-call command that the integration tests run inside containers. It prints facts
// about where it finds itself, one a line, "word value…", for the test to hold against the contract.
#pragma once
#include <cstddef>
#include <string_view>

namespace probe {

struct Command {
  std::string_view name;
  int (*run)(int argc, char** argv);  // argv[0] is the first argument after the command's name
};

// One table for each file.
extern const Command kFacts[];    // facts.cc: fds, sig, ns, env, argv, id, caps, mounts …
extern const Command kStreams[];  // streams.cc: write, read, rawread, streams …
extern const Command kEnds[];     // ends.cc: exit, kill, abort, segv
extern const Command kSignals[];  // signals.cc: sleep, sigwatch, winsize …
extern const Command kTrees[];    // trees.cc: orphans, leave, hog
extern const Command kPrivileges[];  // privileges.cc: syscalls, call, key, nested
extern const Command kAttacks[];  // attacks.cc: tiocsti, umountproc, rewrite

// Prints and flushes at once, so that a test may wait for the line.
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));

// The number in argv[i], or otherwise when there is none.
long number(int argc, char** argv, int i, long otherwise);

// Writes all n bytes to fd; false on an error.
bool write_all(int fd, const char* bytes, std::size_t n);

}  // namespace probe
