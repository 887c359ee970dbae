// A command that talks: so many MiB of lines of 100 bytes, in writes of 64 KiB.
//   emit MIB [hold]
// hold: at least one line, and then it lives until its standard input ends.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

// A whole number of lines, so that every write begins one: 65500 bytes.
constexpr std::size_t kLine = 100;
constexpr std::size_t kBlock = 655 * kLine;
char block[kBlock];

bool put(std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::write(1, block + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 125;
  const bool hold = argc > 2 && std::strcmp(argv[2], "hold") == 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    block[i] = i % kLine == kLine - 1 ? '\n' : static_cast<char>('a' + i % kLine % 26);
  // Whole lines only: bench knows the sum (kEmitLine in carry.cc).
  std::size_t left = (std::strtoull(argv[1], nullptr, 10) << 20) / kLine * kLine;
  if (hold && left == 0) left = kLine;
  while (left > 0) {
    const std::size_t size = left < kBlock ? left : kBlock;
    if (!put(size)) return 1;
    left -= size;
  }
  char ignored[256];
  while (hold) {
    const ssize_t n = ::read(0, ignored, sizeof ignored);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  return 0;
}
