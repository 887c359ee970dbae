// EventHistory: the last events of a supervisor, as the lines they were, for who asks what has happened.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sup {

// A value, bounded in bytes: what is oldest goes first. Numbered without gaps, as EventLog does it.
class EventHistory {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 20;   // bytes of lines

  // seq: one more than the last one's, but for the first.
  void add(std::uint64_t seq, std::string_view line);
  // As before a live upgrade: the lines of `first` and those after it.
  void restore(std::uint64_t first, const std::vector<std::string>& lines);
  // The oldest one that is still there, and the latest; first() > last(): none is.
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t last() const { return first_ + lines_.size() - 1; }
  // first() <= seq <= last(). Good until the next add().
  [[nodiscard]] std::string_view line(std::uint64_t seq) const {
    return lines_[static_cast<std::size_t>(seq - first_)];
  }

 private:
  std::deque<std::string> lines_;
  std::uint64_t first_ = 1;
  std::size_t bytes_ = 0;
};

}  // namespace sup
