// A main for the fuzz targets where there is no libFuzzer: replays the corpus, then mutations of it, always the same ones.
//   fuzz_x CORPUS-DIR [MILLISECONDS]
// With FUZZ_KEEP=1 each input is written to ./crash-TARGET before it is tried, so that the one that does not pass stays.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"

namespace {

using Bytes = std::string;

void run(const Bytes& bytes) {
  // Exactly this size, on the heap: under a sanitizer a read beside it is seen.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

Bytes mutated(Bytes bytes, const std::vector<Bytes>& corpus, std::mt19937& random) {
  static constexpr std::string_view kTelling[] = {
      "\0",    "\n",   "\r\n",        "=",     ":", "-",          "--",
      ",",     "\xff", "\x04",        "\x1b[", "0", "4294967296", "18446744073709551616",
      "\\040", "\"",   "\xe2\x80\xae"};
  const auto below = [&](std::size_t n) {
    return n == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (auto changes = 1 + below(6); changes > 0; --changes) {
    const std::size_t at = below(bytes.size() + 1);
    switch (below(7)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 2: bytes.insert(at, 1, static_cast<char>(below(256))); break;
      case 3: bytes.erase(at, below(16)); break;
      case 4: bytes.insert(at, kTelling[below(std::size(kTelling))]); break;
      case 5: {
        const Bytes& other = corpus[below(corpus.size())];
        const std::size_t from = below(other.size() + 1);
        bytes.insert(at, other.substr(from, below(64)));
        break;
      }
      default: bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(64))); break;
    }
    if (bytes.size() > 65536) bytes.resize(65536);
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS-DIR [MILLISECONDS]\n", argv[0]);
    return 2;
  }
  std::vector<Bytes> corpus;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "fuzz: nothing in %s\n", argv[1]);
    return 1;
  }
  const std::string crash = "crash-" + std::filesystem::path(argv[0]).filename().string();
  const bool keep = std::getenv("FUZZ_KEEP") != nullptr;
  const auto attempt = [&](const Bytes& bytes) {
    if (keep) std::ofstream(crash, std::ios::binary) << bytes;
    run(bytes);
  };
  for (const auto& bytes : corpus) attempt(bytes);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(argc > 2 ? std::atol(argv[2]) : 2000);
  std::mt19937 random(1);
  std::size_t count = 0;
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 64; ++i, ++count) {
      const Bytes bytes =
          mutated(corpus[std::uniform_int_distribution<std::size_t>(0, corpus.size() - 1)(random)], corpus, random);
      attempt(bytes);
    }
  }
  if (keep) std::filesystem::remove(crash);
  std::printf("%s: %zu files, %zu mutations\n", argv[0], corpus.size(), count);
  return 0;
}
