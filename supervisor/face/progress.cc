#include "face/progress.h"

#include <unistd.h>

#include <utility>

#include "base/text.h"
#include "face/looks.h"

namespace sup {
namespace {

constexpr std::string_view kOver = "\r\x1b[K";  // from the left again, and nothing there

void put(std::string_view text) { [[maybe_unused]] const ssize_t n = ::write(2, text.data(), text.size()); }

}  // namespace

Progress::Progress(std::string verb, std::size_t all)
    : verb_(std::move(verb)), all_(all), terminal_(can_write_over(2)) {}

void Progress::show(std::size_t done, std::string_view waited_for) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + kEach;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - begin_);
  std::string line = verb_ + ": " + std::to_string(seconds.count()) + " s, ";
  if (all_ > 1) line += std::to_string(done) + " of " + std::to_string(all_) + " done, ";
  line += "waiting for " + printable(waited_for);
  // A line that reaches the edge may leave the cursor on the next one.
  const auto width = columns(2);
  put(std::string(kOver) + (width > 1 ? cut(line, width - 1) : line));
  shown_ = true;
}

void Progress::wipe() {
  if (std::exchange(shown_, false)) put(kOver);
}

}  // namespace sup
