// asciicast: what CastWriter writes and what CastReader makes of it, of other recorders' files and of rubbish.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "spec/asciicast.h"
#include "spec/screenstate.h"

using namespace sup;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

std::vector<CastEvent> read_all(const std::string& file, CastReader& reader) {
  std::vector<CastEvent> events;
  for (const auto line : split(file, '\n')) {
    auto event = reader.line(line);
    BOOST_REQUIRE_MESSAGE(event, (event ? "" : event.error().line()));
    if (*event) events.push_back(**event);
  }
  return events;
}

std::string first_error(const std::string& file) {
  CastReader reader;
  for (const auto line : split(file, '\n')) {
    if (auto event = reader.line(line); !event) return event.error().line();
  }
  return {};
}

constexpr const char* kV3 = R"({"version":3,"term":{"cols":80,"rows":24}})"
                            "\n";
constexpr const char* kV2 = R"({"version":2,"width":80,"height":24})"
                            "\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(asciicast)

BOOST_AUTO_TEST_CASE(header_is_json_with_what_is_known) {
  CastHeader header{.cols = 120,
                    .rows = 40,
                    .term = "xterm-256color",
                    .timestamp = 1700000000,
                    .command = "sh -c 'a \"b\"'",
                    .title = "t\n",
                    .env = {{"SHELL", "/bin/sh"}, {"BAD", "\xff"}}};
  const std::string line = CastWriter::header(header);
  BOOST_TEST(line.ends_with("}\n"));
  const Json json = Json::parse(line);
  BOOST_TEST(json["version"] == 3);
  BOOST_TEST(json["term"]["cols"] == 120);
  BOOST_TEST(json["term"]["type"] == "xterm-256color");
  BOOST_TEST(json["command"] == "sh -c 'a \"b\"'");
  BOOST_TEST(json["env"]["BAD"] == "\xEF\xBF\xBD");
  CastReader reader;
  header.env[1].second = "\xEF\xBF\xBD";
  std::swap(header.env[0], header.env[1]);   // the reader sorts by key
  read_all(line, reader);
  BOOST_TEST((reader.header() == header));
  BOOST_TEST(CastWriter::header({}) == "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n");
}

BOOST_AUTO_TEST_CASE(rounding_does_not_add_up) {
  CastWriter writer;
  std::string file = kV3;
  const auto step = 1'000'400ns;   // each interval alone would lose 400 ns
  for (int i = 1; i <= 10'000; ++i) file += writer.output(step * i, "x");
  CastReader reader;
  const auto events = read_all(file, reader);
  BOOST_REQUIRE(events.size() == 10'000U);
  const auto off = events.back().at - step * 10'000;
  BOOST_TEST(std::abs(off.count()) <= 500);
}

BOOST_AUTO_TEST_CASE(time_never_goes_back) {
  CastWriter writer;
  (void)writer.output(2s, "a");
  BOOST_TEST(writer.output(1s, "b") == "[0.000000, \"o\", \"b\"]\n");
  BOOST_TEST(writer.output(2s + 1ms, "c") == "[0.001000, \"o\", \"c\"]\n");
}

BOOST_AUTO_TEST_CASE(every_split_of_utf8_gives_the_same_text) {
  const std::string text = "a\u00e9\u20ac\U0001F600z";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (std::size_t second = cut; second <= text.size(); ++second) {
      CastWriter writer;
      std::string file = kV3;
      file += writer.output(1s, std::string_view(text).substr(0, cut));
      file += writer.output(2s, std::string_view(text).substr(cut, second - cut));
      file += writer.output(3s, std::string_view(text).substr(second));
      file += writer.flush(4s);
      CastReader reader;
      std::string joined;
      for (const auto& e : read_all(file, reader)) {
        BOOST_TEST(is_utf8(e.data));
        joined += e.data;
      }
      BOOST_TEST(joined == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(byte_by_byte_nothing_is_written_until_a_character_is_whole) {
  CastWriter writer;
  BOOST_TEST(writer.output(1s, "\xF0").empty());
  BOOST_TEST(writer.output(2s, "\x9F\x98").empty());
  BOOST_TEST(writer.output(3s, "\x80") == "[3.000000, \"o\", \"\U0001F600\"]\n");
}

BOOST_AUTO_TEST_CASE(broken_bytes_become_replacement_characters) {
  CastWriter writer;
  BOOST_TEST(writer.output(1s,
                           "a\xff"
                           "b") ==
             "[1.000000, \"o\", \"a\xEF\xBF\xBD"
             "b\"]\n");
  // A sequence that begins well and goes on badly is not held back.
  BOOST_TEST(writer.output(1s, "\xE2\x82").empty());
  BOOST_TEST(writer.output(1s, "x") == "[0.000000, \"o\", \"\xEF\xBF\xBDx\"]\n");
  // A surrogate can never become valid: it does not wait.
  BOOST_TEST(!writer.output(1s, "\xED\xA0").empty());
  BOOST_TEST(writer.output(1s, "\xC3").empty());
  BOOST_TEST(writer.flush(1s) == "[0.000000, \"o\", \"\xEF\xBF\xBD\"]\n");
  BOOST_TEST(writer.flush(1s).empty());
}

BOOST_AUTO_TEST_CASE(controls_are_escaped) {
  CastWriter writer;
  const std::string line = writer.output(0s, std::string_view("\x1b[1m\r\n\t\"\\\0\x7f", 11));
  BOOST_TEST(line == R"([0.000000, "o", "\u001b[1m\r\n\t\"\\\u0000\u007f"])"
                     "\n");
}

BOOST_AUTO_TEST_CASE(other_events) {
  CastWriter writer;
  BOOST_TEST(writer.resize(1s, 100, 50) == "[1.000000, \"r\", \"100x50\"]\n");
  BOOST_TEST(writer.marker(1s, "here") == "[0.000000, \"m\", \"here\"]\n");
  BOOST_TEST(writer.output(1s, "\xC3").empty());
  BOOST_TEST(writer.exit(2s, 7) == "[1.000000, \"o\", \"\xEF\xBF\xBD\"]\n[0.000000, \"x\", \"7\"]\n");
}

BOOST_AUTO_TEST_CASE(v3_counts_intervals_and_v2_times) {
  const std::string events = "[1.5, \"o\", \"a\"]\n# a comment\n\n[2.0, \"o\", \"b\"]\r\n";
  CastReader three;
  const auto v3 = read_all(kV3 + events, three);
  BOOST_REQUIRE(v3.size() == 2U);
  BOOST_TEST(v3[1].at.count() == std::chrono::nanoseconds(3500ms).count());
  CastReader two;
  const auto v2 = read_all(kV2 + events, two);
  BOOST_REQUIRE(v2.size() == 2U);
  BOOST_TEST(v2[1].at.count() == std::chrono::nanoseconds(2s).count());
  BOOST_TEST(two.version() == 2);
  CastReader back;
  const auto clamped = read_all(std::string(kV2) + "[5, \"o\", \"a\"]\n[3, \"o\", \"b\"]\n", back);
  BOOST_TEST(clamped[1].at.count() == std::chrono::nanoseconds(5s).count());
}

BOOST_AUTO_TEST_CASE(unknown_events_are_left_out_but_take_their_time) {
  CastReader reader;
  const auto events = read_all(
      std::string(kV3) + "[1, \"zz\", {}]\n[1, \"Z\", 5]\n[1, \"x\", 3]\n[1, \"o\", \"a\", \"more\"]\n", reader);
  BOOST_REQUIRE(events.size() == 2U);
  BOOST_TEST(events[0].data == "3");
  BOOST_TEST(events[1].at.count() == std::chrono::nanoseconds(4s).count());
}

BOOST_AUTO_TEST_CASE(errors_name_the_line) {
  BOOST_TEST(first_error("hello\n").find("line 1: is not the header of an asciicast") != std::string::npos);
  BOOST_TEST(first_error("{\"version\":1}").find("version 1 is not known") != std::string::npos);
  BOOST_TEST(first_error("{\"version\":3}").find("no \"term\"") != std::string::npos);
  BOOST_TEST(first_error("{\"version\":2,\"width\":80}").find("\"height\"") != std::string::npos);
  BOOST_TEST(first_error("{\"version\":2,\"width\":80,\"height\":99999}").find("\"height\"") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "# c\n[1, \"o\", ").find("line 3: is not valid JSON") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "[1, \"o\"]").find("line 2: is not an event") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "[-1, \"o\", \"a\"]").find("out of range") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "[1e300, \"o\", \"a\"]").find("out of range") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "[6e8, \"o\", \"a\"]\n[6e8, \"o\", \"a\"]")
                 .find("line 3: the time is out of range") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "[\"1\", \"o\", \"a\"]").find("not a number") != std::string::npos);
  BOOST_TEST(first_error(std::string(kV3) + "[1, \"o\", 5]").find("data is not a string") != std::string::npos);
  BOOST_TEST(first_error(std::string(200'000, '[')).find("line 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(screen_is_mended_only_where_it_needs_it) {
  const auto mended = [](std::initializer_list<std::string_view> parts) {
    ScreenState screen;
    for (const auto p : parts) screen.feed(p);
    return screen.mend();
  };
  BOOST_TEST(mended({"plain\r\n"}).empty());
  BOOST_TEST(mended({"\x1b[1;31mred\x1b[0m"}).empty());
  BOOST_TEST(mended({"\x1b[?25l\x1b[?25h\x1b[?1049h\x1b[?1049l"}).empty());
  BOOST_TEST(mended({"\x1b[", "1", "m"}) == "\x1b[0m");
  BOOST_TEST(mended({"\x1b[?1049;2004h"}) == "\x1b[?1049l\x1b[?2004l");
  BOOST_TEST(mended({"\x1b[?2", "5l"}) == "\x1b[?25h");
  BOOST_TEST(mended({"\x1b[?10"}) == "\x18");
  BOOST_TEST(mended({"\x1b]0;title"}) == "\x1b\\");
  BOOST_TEST(mended({"\x1b]0;title\x07"}).empty());
  BOOST_TEST(mended({"\x1b]0;title\x1b\\"}).empty());
  BOOST_TEST(mended({"\x1b(0"}) == "\x1b(B\x0f");
  BOOST_TEST(mended({"\x1b[?25l\x1b[1m\x1b"
                     "c"})
                 .empty());
  BOOST_TEST(mended({"\x1b[5;10r"}) == "\x1b[r");
  BOOST_TEST(mended({"\x1b[?7l"}) == "\x1b[?7h");
}

BOOST_AUTO_TEST_SUITE_END()
