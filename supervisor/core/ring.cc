#include "core/ring.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sup {

void Ring::append(OutputStream stream, std::string_view bytes) {
  total_ += bytes.size();
  if (bytes.size() > capacity_) bytes.remove_prefix(bytes.size() - capacity_);
  if (bytes.empty()) return;
  if (size_ + bytes.size() > capacity_) drop(size_ + bytes.size() - capacity_);
  if (runs_.size() > first_run_ && runs_.back().stream == stream) {
    runs_.back().length += bytes.size();
  } else {
    if (runs_.size() - first_run_ == kMaxRuns) drop(runs_[first_run_].length);
    runs_.push_back({stream, bytes.size()});
  }
  put(bytes);
}

void Ring::put(std::string_view bytes) {
  grow(size_ + bytes.size());
  const std::size_t room = bytes_.size();
  const std::size_t at = (begin_ + size_) % room;
  const std::size_t first = std::min(bytes.size(), room - at);
  std::memcpy(bytes_.data() + at, bytes.data(), first);
  std::memcpy(bytes_.data(), bytes.data() + first, bytes.size() - first);
  size_ += bytes.size();
}

void Ring::drop(std::size_t count) {
  if (!bytes_.empty()) begin_ = (begin_ + count) % bytes_.size();
  size_ -= count;
  while (count > 0) {
    Run& run = runs_[first_run_];
    const std::size_t part = std::min(count, run.length);
    run.length -= part;
    count -= part;
    if (run.length == 0) ++first_run_;
  }
  // Moved together once as many have left as may stay: a constant share of each append.
  if (first_run_ >= kMaxRuns || first_run_ == runs_.size()) {
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(first_run_));
    first_run_ = 0;
  }
}

void Ring::grow(std::size_t wanted) {
  if (wanted <= bytes_.size()) return;
  std::string larger(std::min(capacity_, std::max({wanted, bytes_.size() * 2, std::size_t{256}})), '\0');
  if (size_ != 0) {
    const std::size_t first = std::min(size_, bytes_.size() - begin_);
    std::memcpy(larger.data(), bytes_.data() + begin_, first);
    std::memcpy(larger.data() + first, bytes_.data(), size_ - first);
  }
  bytes_ = std::move(larger);
  begin_ = 0;
}

std::vector<Ring::Chunk> Ring::snapshot() const {
  std::vector<Chunk> out;
  out.reserve(runs_.size() - first_run_);
  std::size_t at = begin_;
  for (std::size_t i = first_run_; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    const std::size_t first = std::min(run.length, bytes_.size() - at);
    Chunk chunk{run.stream, bytes_.substr(at, first)};
    chunk.bytes.append(bytes_, 0, run.length - first);
    at = (at + run.length) % bytes_.size();
    out.push_back(std::move(chunk));
  }
  return out;
}

std::vector<Ring::Chunk> Ring::repaint() const {
  std::vector<Chunk> chunks = snapshot();
  if (!cut() || chunks.empty()) return chunks;
  std::string& first = chunks.front().bytes;
  // A line's length at most is given up: a full screen program writes few line ends, and most of it is worth having.
  constexpr std::size_t kLine = 4096;
  const std::size_t end = std::string_view(first).substr(0, kLine).find('\n');
  if (end != std::string::npos) {
    first.erase(0, end + 1);
  } else {
    std::size_t stray = 0;
    while (stray < std::min<std::size_t>(3, first.size()) && (static_cast<unsigned char>(first[stray]) & 0xC0) == 0x80)
      ++stray;
    first.erase(0, stray);
  }
  if (first.empty()) chunks.erase(chunks.begin());
  return chunks;
}

void Ring::restore(const std::vector<Chunk>& chunks, std::uint64_t total) {
  *this = Ring(capacity_);
  for (const Chunk& chunk : chunks) append(chunk.stream, chunk.bytes);
  total_ = std::max<std::uint64_t>(total, size_);
}

}  // namespace sup
