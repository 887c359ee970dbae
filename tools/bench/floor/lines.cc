// A command that logs: so many lines of 80 bytes, each a write of its own, and then it ends.
//   lines COUNT [FIFO]    begins when somebody opens the FIFO to write, and ends when nobody has it open any more
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 2) return 125;
  const int gate = argc > 2 ? ::open(argv[2], O_RDONLY) : -1;
  char line[80];
  for (std::size_t i = 0; i < sizeof line; ++i) line[i] = static_cast<char>(i < 6 ? "<line>"[i] : 'a' + i % 26);
  line[sizeof line - 1] = '\n';
  for (long left = std::atol(argv[1]); left > 0;) {
    const ssize_t n = ::write(1, line, sizeof line);
    if (n < 0 && errno == EINTR) continue;
    if (n != static_cast<ssize_t>(sizeof line)) return 1;
    --left;
  }
  while (gate >= 0) {
    const ssize_t n = ::read(gate, line, sizeof line);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  return 0;
}
