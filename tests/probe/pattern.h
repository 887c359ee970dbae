// Pattern: an endless stream of bytes that both ends know, so that a lost, doubled or changed byte
// is found with its place.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sup::test {

// `text` holds only printable ASCII (a terminal passes it unchanged), `binary` every byte value.
class Pattern {
 public:
  enum class Kind { text, binary };

  explicit Pattern(Kind kind) {
    std::uint32_t state = 2463534242U;
    for (auto& byte : block_) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      byte = static_cast<char>(kind == Kind::text ? 33 + (state >> 8) % 94 : (state >> 8) & 0xff);
    }
  }

  // Writes the next n bytes of the stream to out.
  void fill(char* out, std::size_t n) {
    while (n > 0) {
      const std::size_t part = std::min(n, block_.size() - at_);
      std::memcpy(out, block_.data() + at_, part);
      step(part);
      out += part;
      n -= part;
    }
  }

  // Compares the next n bytes of the stream with in. False: bad_at() says where.
  bool check(const char* in, std::size_t n) {
    while (n > 0) {
      const std::size_t part = std::min(n, block_.size() - at_);
      if (std::memcmp(in, block_.data() + at_, part) != 0) {
        std::size_t i = 0;
        while (in[i] == block_[at_ + i]) ++i;
        bad_at_ = done_ + i;
        return false;
      }
      step(part);
      in += part;
      n -= part;
    }
    return true;
  }

  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] std::uint64_t bad_at() const { return bad_at_; }

 private:
  void step(std::size_t n) {
    at_ = (at_ + n) % block_.size();
    done_ += n;
  }

  std::array<char, 65521> block_{};  // a prime: no buffer size divides it, so a lost block cannot hide
  std::size_t at_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t bad_at_ = 0;
};

}  // namespace sup::test
