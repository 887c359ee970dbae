// Progress: what a verb waits for, once that takes longer than a second. On a terminal alone: one line on standard error, written over
// each second and wiped away before anything else is written. A log, a pipe and a dumb terminal get nothing.
#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace sup {

class Progress {
 public:
  // verb: what the line begins with. all: how many answers there will be.
  Progress(std::string verb, std::size_t all);
  ~Progress() { wipe(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // done of all have answered, and this one is waited for (any bytes). Shows nothing within a second of the time before.
  void show(std::size_t done, std::string_view waited_for);
  void wipe();

 private:
  const std::string verb_;
  const std::size_t all_;
  const bool terminal_;
  static constexpr std::chrono::seconds kEach{1};
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_ = begin_ + kEach;
  bool shown_ = false;
};

}  // namespace sup
