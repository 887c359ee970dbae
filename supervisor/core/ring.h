// Ring: the last bytes a container put out, for who attaches late.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/output.h"

namespace sup {

// Owned by the container. Keeps the last `capacity` bytes, each with its stream, in the order they came. A silent
// container costs no memory: it grows with what is put in. Streams that change with every few bytes cost room as
// well, so at most kMaxRuns changes are kept, the oldest bytes leave before their time then.
class Ring {
 public:
  static constexpr std::size_t kDefault = std::size_t{64} << 10;
  static constexpr std::size_t kMaxRuns = 1024;

  explicit Ring(std::size_t capacity = kDefault) : capacity_(capacity) {}

  // In time proportional to the bytes, whatever is kept.
  void append(OutputStream stream, std::string_view bytes);

  struct Chunk {
    OutputStream stream{};
    std::string bytes;  // never empty
    bool operator==(const Chunk&) const = default;
  };
  // What is kept, the oldest first; neighbours are of different streams.
  [[nodiscard]] std::vector<Chunk> snapshot() const;

  // The same for a terminal's repaint: when older bytes are gone it begins after the first line end, or where there
  // is none with a whole character, since half an escape sequence or half a letter would be shown as rubbish.
  [[nodiscard]] std::vector<Chunk> repaint() const;

  [[nodiscard]] std::size_t size() const { return size_; }
  // Bytes ever appended. total() - size() of them are no longer here.
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] bool cut() const { return total_ != size_; }

  // As before a live upgrade: what snapshot() gave, and total().
  void restore(const std::vector<Chunk>& chunks, std::uint64_t total);

 private:
  struct Run {  // neighbouring bytes of one stream
    OutputStream stream{};
    std::size_t length = 0;
  };
  void put(std::string_view bytes);
  void drop(std::size_t count);
  void grow(std::size_t wanted);

  std::size_t capacity_;
  std::string bytes_;  // circular once it has reached capacity_
  std::size_t begin_ = 0;  // of the oldest byte
  std::size_t size_ = 0;
  std::vector<Run> runs_;  // the oldest at first_run_; what is before that has left
  std::size_t first_run_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace sup
