// Frames: exact bytes, every cut, and what ends a connection.
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "spec/frame.h"

using namespace sup;
using namespace std::string_literals;

namespace {

constexpr FrameType kTypes[] = {FrameType::data_in, FrameType::out,  FrameType::err,    FrameType::resize,
                                FrameType::eof_in,  FrameType::exit, FrameType::detach, FrameType::ping};

std::string frame(FrameType type, std::string_view payload = {}) {
  std::string out;
  append_frame(out, type, payload);
  return out;
}

std::string header(unsigned char type, std::uint32_t length) {
  std::string out(1, static_cast<char>(type));
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(length >> shift & 0xFF);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frames)

BOOST_AUTO_TEST_CASE(bytes_on_the_wire) {
  BOOST_TEST(frame(FrameType::data_in, "hi") == "\0\0\0\0\2hi"s);
  BOOST_TEST(frame(FrameType::eof_in) == "\4\0\0\0\0"s);
  BOOST_TEST(frame(FrameType::exit, "{}") == "\5\0\0\0\2{}"s);
  BOOST_TEST(frame_header(FrameType::out, 0x012345) == "\1\0\1\x23\x45"s);
  std::string out;
  append_resize(out, {.rows = 0x0102, .cols = 0xFFFE});
  BOOST_TEST(out == "\3\0\0\0\4\1\2\xff\xfe"s);
  FrameDecoder decoder(FrameSide::client);
  decoder.feed(out);
  const auto got = decoder.next();
  BOOST_TEST((resize_of(**got) == FrameSize{0x0102, 0xFFFE}));
}

BOOST_AUTO_TEST_CASE(who_may_say_what) {
  for (const FrameType type : kTypes) {
    const std::string bytes = frame(type, type == FrameType::resize ? "\0\x18\0P"s
                                          : type == FrameType::exit ? "{}"s
                                                                    : ""s);
    const bool client = type == FrameType::data_in || type == FrameType::resize || type == FrameType::eof_in ||
                        type == FrameType::detach || type == FrameType::ping;
    const bool supervisor = !client || type == FrameType::detach || type == FrameType::ping;
    BOOST_TEST_CONTEXT(to_string(type)) {
      FrameDecoder from_client(FrameSide::client);
      from_client.feed(bytes);
      BOOST_TEST(from_client.next().has_value() == client);
      FrameDecoder from_supervisor(FrameSide::supervisor);
      from_supervisor.feed(bytes);
      BOOST_TEST(from_supervisor.next().has_value() == supervisor);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_header_is_judged_at_once) {
  const std::string bad[] = {"\x08"s,
                             "\xff"s,
                             header(0, (1U << 20) + 1),
                             header(0, 0xFFFFFFFF),
                             header(3, 3),
                             header(3, 5),
                             header(3, 0),
                             header(4, 1),
                             header(6, 65),
                             header(7, 65),
                             "\1"s,
                             "\2"s,
                             "\5"s};
  for (const std::string& bytes : bad) {
    FrameDecoder decoder(FrameSide::client);
    decoder.feed(bytes);
    const auto first = decoder.next();
    BOOST_REQUIRE(!first);
    BOOST_TEST(first.error().code == "E_FRAME");
    BOOST_TEST(!decoder.between_frames());
    decoder.feed(frame(FrameType::ping));   // nothing mends it
    BOOST_TEST(!decoder.next());
  }
  FrameDecoder supervisor(FrameSide::supervisor);
  supervisor.feed(header(5, 1));
  BOOST_TEST(!supervisor.next());
}

BOOST_AUTO_TEST_CASE(the_longest_payload) {
  const std::string most(kMaxFramePayload, 'm');
  FrameDecoder decoder(FrameSide::client);
  decoder.feed(frame(FrameType::data_in, most));
  const auto got = decoder.next();
  BOOST_REQUIRE(got.has_value());
  BOOST_TEST((*got)->payload.size() == kMaxFramePayload);

  std::string out;
  append_data(out, FrameType::data_in, most + "x");
  append_data(out, FrameType::data_in, "");
  FrameDecoder second(FrameSide::client);
  second.feed(out);
  BOOST_TEST((*second.next())->payload.size() == kMaxFramePayload);
  BOOST_TEST((*second.next())->payload == "x");
  BOOST_TEST(!second.next()->has_value());
  BOOST_TEST(second.between_frames());
}

BOOST_AUTO_TEST_CASE(any_cut_gives_the_same_frames) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    std::vector<std::pair<FrameType, std::string>> sent;
    for (auto n = random() % 8; n > 0; --n) {
      constexpr FrameType kClient[] = {FrameType::data_in, FrameType::resize, FrameType::eof_in, FrameType::detach,
                                       FrameType::ping};
      const FrameType type = kClient[random() % 5];
      std::string payload;
      if (type == FrameType::resize) payload = "abcd";
      if (type == FrameType::data_in || type == FrameType::ping)
        payload.assign(random() % 65, static_cast<char>(random()));
      append_frame(bytes, type, payload);
      sent.emplace_back(type, payload);
    }
    FrameDecoder decoder(FrameSide::client);
    std::size_t got = 0;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = 1 + random() % 40;
      decoder.feed(std::string_view(bytes).substr(at, piece));
      at += piece;
      for (;;) {
        const auto one = decoder.next();
        BOOST_REQUIRE(one.has_value());
        if (!*one) break;
        BOOST_REQUIRE(got < sent.size());
        BOOST_REQUIRE((*one)->type == sent[got].first);
        BOOST_REQUIRE((*one)->payload == sent[got].second);
        ++got;
      }
    }
    BOOST_REQUIRE(got == sent.size());
    BOOST_REQUIRE(decoder.between_frames());
  }
  FrameDecoder cut(FrameSide::client);
  cut.feed("\7");
  BOOST_TEST(!cut.next()->has_value());
  BOOST_TEST(!cut.between_frames());
}

BOOST_AUTO_TEST_SUITE_END()
