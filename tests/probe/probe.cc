#include "probe.h"

#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace probe {

void say(const char* format, ...) {
  std::va_list list;
  va_start(list, format);
  std::vprintf(format, list);
  va_end(list);
  std::printf("\n");
  std::fflush(stdout);
}

long number(int argc, char** argv, int i, long otherwise) {
  return i < argc ? std::strtol(argv[i], nullptr, 0) : otherwise;
}

bool write_all(int fd, const char* bytes, std::size_t n) {
  while (n > 0) {
    const ssize_t wrote = ::write(fd, bytes, n);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes += wrote;
    n -= static_cast<std::size_t>(wrote);
  }
  return true;
}

}  // namespace probe

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "probe: no command given\n");
    return 2;
  }
  for (const auto* table : {probe::kFacts, probe::kStreams, probe::kEnds, probe::kSignals, probe::kTrees,
                            probe::kPrivileges, probe::kAttacks}) {
    for (const auto* command = table; command->run != nullptr; ++command) {
      if (command->name == argv[1]) return command->run(argc - 2, argv + 2);
    }
  }
  std::fprintf(stderr, "probe: no such command: %s\n", argv[1]);
  return 2;
}
