// What the fuzz targets share: an input taken apart, and a property held.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sup::fuzz {

// Takes values off the front of the input; past its end all is zero or empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return b;
  }
  bool flag() { return (byte() & 1) != 0; }
  std::uint64_t number(unsigned bytes = 8) {
    std::uint64_t n = 0;
    while (bytes-- > 0) n = n << 8 | byte();
    return n;
  }
  // Up to the next NUL, which goes too.
  std::string text() {
    const auto end = rest_.find('\0');
    std::string s(rest_.substr(0, end));
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return s;
  }
  std::string_view piece(std::size_t most) {
    const auto p = rest_.substr(0, most);
    rest_.remove_prefix(p.size());
    return p;
  }
  std::string_view rest() { return piece(rest_.size()); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// A property that must hold for every input: its failure is the finding.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

}  // namespace sup::fuzz
