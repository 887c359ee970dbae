#include "core/eventhistory.h"

namespace sup {

void EventHistory::add(std::uint64_t seq, std::string_view line) {
  if (lines_.empty()) first_ = seq;
  lines_.emplace_back(line);
  bytes_ += line.size();
  // The latest one stays, however long it is.
  while (bytes_ > kMost && lines_.size() > 1) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
    ++first_;
  }
}

void EventHistory::restore(std::uint64_t first, const std::vector<std::string>& lines) {
  lines_.clear();
  bytes_ = 0;
  first_ = first;
  for (const auto& line : lines) add(first++, line);
}

}  // namespace sup
