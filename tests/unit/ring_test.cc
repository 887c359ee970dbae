// The ring against the plainest model: all bytes, each with its stream, the last N of them.
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>

#include "core/ring.h"

using namespace sup;
using Chunks = std::vector<Ring::Chunk>;

namespace {

constexpr OutputStream out = OutputStream::out;
constexpr OutputStream err = OutputStream::err;

std::string flat(const Chunks& chunks) {
  std::string s;
  for (const auto& chunk : chunks) s += chunk.bytes;
  return s;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ring)

BOOST_AUTO_TEST_CASE(empty_and_short) {
  Ring ring(8);
  BOOST_TEST(ring.snapshot().empty());
  BOOST_TEST(ring.repaint().empty());
  ring.append(out, "");
  BOOST_TEST(ring.snapshot().empty());
  ring.append(out, "ab");
  ring.append(err, "c");
  ring.append(out, "d");
  ring.append(out, "e");
  BOOST_TEST((ring.snapshot() == Chunks{{out, "ab"}, {err, "c"}, {out, "de"}}));
  BOOST_TEST(!ring.cut());
  ring.append(err, "fghi");
  BOOST_TEST((ring.snapshot() == Chunks{{out, "b"}, {err, "c"}, {out, "de"}, {err, "fghi"}}));
  BOOST_TEST(ring.total() == 9U);
  BOOST_TEST(ring.cut());
  ring.append(out, "0123456789");
  BOOST_TEST((ring.snapshot() == Chunks{{out, "23456789"}}));
  Ring none(0);
  none.append(out, "x");
  BOOST_TEST(none.snapshot().empty());
  BOOST_TEST(none.total() == 1U);
}

BOOST_AUTO_TEST_CASE(the_last_bytes_of_everything) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    const std::size_t capacity = 1 + random() % 600;
    Ring ring(capacity);
    std::string bytes;
    std::string tags;
    for (int step = 0; step < 150; ++step) {
      const auto stream = static_cast<OutputStream>(random() % 3);
      std::string piece(random() % (random() % 8 == 0 ? 900 : 20), '\0');
      for (char& c : piece) c = static_cast<char>(random());
      ring.append(stream, piece);
      bytes += piece;
      tags.append(piece.size(), static_cast<char>(stream));
      const Chunks chunks = ring.snapshot();
      const std::size_t kept = std::min(capacity, bytes.size());
      BOOST_REQUIRE(ring.size() == kept);
      BOOST_REQUIRE(ring.total() == bytes.size());
      std::string seen_tags;
      for (std::size_t i = 0; i < chunks.size(); ++i) {
        BOOST_REQUIRE(!chunks[i].bytes.empty());
        BOOST_REQUIRE((i == 0 || chunks[i].stream != chunks[i - 1].stream));
        seen_tags.append(chunks[i].bytes.size(), static_cast<char>(chunks[i].stream));
      }
      BOOST_REQUIRE(flat(chunks) == bytes.substr(bytes.size() - kept));
      BOOST_REQUIRE(seen_tags == tags.substr(tags.size() - kept));
    }
    Ring copy(capacity);
    copy.restore(ring.snapshot(), ring.total());
    BOOST_REQUIRE((copy.snapshot() == ring.snapshot()));
    BOOST_REQUIRE(copy.total() == ring.total());
    BOOST_REQUIRE(copy.cut() == ring.cut());
  }
}

BOOST_AUTO_TEST_CASE(changing_streams_are_bounded) {
  Ring ring;
  std::string all;
  for (int i = 0; i < 50'000; ++i) {
    const char c = static_cast<char>('a' + i % 26);
    ring.append(i % 2 == 0 ? out : err, {&c, 1});
    all += c;
    BOOST_REQUIRE(ring.size() <= Ring::kMaxRuns);
  }
  BOOST_TEST(ring.size() == Ring::kMaxRuns);
  BOOST_TEST(flat(ring.snapshot()) == all.substr(all.size() - Ring::kMaxRuns));
  ring.append(out, std::string(Ring::kDefault, 'z'));
  BOOST_TEST((ring.snapshot() == Chunks{{out, std::string(Ring::kDefault, 'z')}}));
}

BOOST_AUTO_TEST_CASE(a_repaint_begins_whole) {
  Ring ring(10);
  const auto tty = OutputStream::tty;
  ring.append(tty, "one\ntwo\n");
  BOOST_TEST(flat(ring.repaint()) == "one\ntwo\n");   // all of it is here
  ring.append(tty, "three");
  BOOST_TEST(flat(ring.snapshot()) == "\ntwo\nthree" + std::string());
  BOOST_TEST(flat(ring.repaint()) == "two\nthree");
  Ring letters(5);
  letters.append(tty, "\xC3\xA4\xC3\xB6\xC3\xBC");   // äöü, and the first byte is gone
  BOOST_TEST(flat(letters.snapshot()) == "\xA4\xC3\xB6\xC3\xBC");
  BOOST_TEST(flat(letters.repaint()) == "\xC3\xB6\xC3\xBC");
  Ring line_end(3);
  line_end.append(out, "ab\n");
  line_end.append(err, "cd");
  BOOST_TEST((line_end.repaint() == Chunks{{err, "cd"}}));
}

BOOST_AUTO_TEST_SUITE_END()
