// The reading end of a run: what a shell's pipe, or a terminal emulator, is to sup.
#pragma once
#include <cstdint>

namespace bench {

// What floor/emit writes for so many MiB; with a carriage return a line where a terminal adds it.
std::uint64_t emitted(std::uint64_t mib, bool crlf);

enum class Sink { pipe, terminal };

class Drain {
 public:
  explicit Drain(Sink sink);                  // theirs() is -1 when there is none to be had
  ~Drain();
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  [[nodiscard]] int theirs() const { return theirs_; }
  void give_away();                           // once the child has its copy: only then can the end be seen
  bool until(std::uint64_t bytes);            // false: it ended, or nothing came for 30 s, before that many
  [[nodiscard]] std::uint64_t got() const { return got_; }
  [[nodiscard]] double first_us() const { return first_us_; }   // when the first byte came

 private:
  int ours_ = -1;
  int theirs_ = -1;
  std::uint64_t got_ = 0;
  double first_us_ = 0;
};

}  // namespace bench
