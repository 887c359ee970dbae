// A log's records: what is written is JSON to everybody else too, and what is read is what was written.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "base/clock.h"
#include "base/text.h"
#include "core/logrecord.h"

using namespace sup;
using namespace std::string_literals;
using Json = nlohmann::json;

namespace {

std::string line_of(std::string_view text, bool partial = false) {
  std::string out;
  append_record(out, record_head("2026-11-23T10:00:00.000123+01:00", OutputStream::out), 17, text, partial);
  BOOST_REQUIRE(out.ends_with('\n'));
  out.pop_back();
  return out;
}

// Holds one text against nlohmann's reading of it and our own.
void hold(const std::string& bytes) {
  const std::string line = line_of(bytes);
  for (const char c : line) BOOST_REQUIRE((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
  const Json json = Json::parse(line);
  BOOST_REQUIRE(json.at("log").get<std::string>() == to_utf8(bytes));
  BOOST_REQUIRE(json.contains("lossy") == !is_utf8(bytes));
  const auto record = parse_record(line);
  BOOST_REQUIRE(record.has_value());
  BOOST_REQUIRE(record->text == to_utf8(bytes));
  BOOST_REQUIRE(record->lossy == !is_utf8(bytes));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(logrecord)

BOOST_AUTO_TEST_CASE(as_documented) {
  BOOST_TEST(line_of("te\"xt") ==
             R"({"time":"2026-11-23T10:00:00.000123+01:00","stream":"stdout","seq":17,"log":"te\"xt"})");
  BOOST_TEST(line_of("\xff", true).ends_with("\"log\":\"\xEF\xBF\xBD\",\"lossy\":true,\"partial\":true}"));
  BOOST_TEST(line_of("\x1b[0m\t\r\x7f\xc2\x9b\xe2\x80\xa8").find(R"("log":"\u001b[0m\t\r\u007f\u009b\u2028")") !=
             std::string::npos);
  std::string notice;
  append_notice(notice, "T", 9, 1234, 5);
  BOOST_TEST(
      notice ==
      "{\"time\":\"T\",\"stream\":\"sup\",\"seq\":9,\"log\":\"\",\"dropped_bytes\":1234,\"dropped_records\":5}\n");
  notice.pop_back();
  const auto record = parse_record(notice);
  BOOST_REQUIRE(record.has_value());
  BOOST_TEST(record->dropped_bytes == 1234U);
  BOOST_TEST(record->dropped_records == 5U);
}

// Eight bytes are looked at together: each value in each place of the eight, and past them.
BOOST_AUTO_TEST_CASE(every_byte_in_every_place) {
  for (std::size_t length : {1U, 7U, 8U, 9U, 17U}) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, 'x');
        text[at] = static_cast<char>(byte);
        hold(text);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(random_bytes) {
  std::mt19937 random(21);
  const char* const pieces[] = {"plain text ",  "\xc3\xa4",     "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"",
                                "\\",           "\n",           "\x80",         "\xe2\x82",         "\xf0",
                                "\xed\xa0\x80", "\xe2\x80\xa9", "\xc2\x85"};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) {
      if (random() % 3 == 0)
        text += static_cast<char>(random());
      else
        text += pieces[random() % std::size(pieces)];
    }
    hold(text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_torn_or_foreign_is_refused) {
  const std::string line = line_of("text with \\ and \x01 and \xff", true);
  for (std::size_t i = 0; i < line.size(); ++i) BOOST_REQUIRE(!parse_record(line.substr(0, i)));
  BOOST_TEST(!parse_record(line + "x"));
  BOOST_TEST(!parse_record(line + line));
  for (const char* bad :
       {"", "{}", "plain text", R"({"log":"x\n","stream":"stdout","time":"2026-11-23T10:00:00Z"})",
        R"({"time":"T","stream":"stdin","seq":1,"log":""})", R"({"time":"T","stream":"stdout","seq":-1,"log":""})",
        R"({"time":"T","stream":"stdout","seq":99999999999999999999,"log":""})",
        R"({"time":"T","stream":"stdout","seq":1,"log":"\x"})",
        R"({"time":"T","stream":"stdout","seq":1,"log":"\ud800"})",
        R"({"time":"T","stream":"stdout","seq":1,"log":"\u12"})",
        "{\"time\":\"T\",\"stream\":\"stdout\",\"seq\":1,\"log\":\"\x01\"}"}) {
    BOOST_TEST(!parse_record(bad), bad);
  }
  std::mt19937 random(2);
  for (int round = 0; round < 20'000; ++round) {   // nothing but yes or no, whatever comes
    std::string mutant = line;
    for (auto n = 1 + random() % 3; n > 0; --n) mutant[random() % mutant.size()] = static_cast<char>(random());
    (void)parse_record(mutant);
  }
}

BOOST_AUTO_TEST_CASE(times) {
  const auto seconds = [](std::string_view text) { return parse_rfc3339(text).value_or(timespec{-1, 0}).tv_sec; };
  BOOST_TEST(seconds("1970-01-01T00:00:00Z") == 0);
  BOOST_TEST(seconds("2026-11-23T10:00:00.000123+01:00") == 1795424400);
  BOOST_TEST(seconds("2026-11-23T09:00:00Z") == 1795424400);
  BOOST_TEST(seconds("2026-11-22T23:30:00-09:30") == 1795424400);
  BOOST_TEST(seconds("2024-02-29t00:00:00z") == 1709164800);
  BOOST_TEST(parse_rfc3339("2026-11-23T10:00:00.000123+01:00")->tv_nsec == 123'000);
  BOOST_TEST(parse_rfc3339("2026-11-23T10:00:00.1234567899Z")->tv_nsec == 123'456'789);
  for (const char* bad :
       {"", "2026", "2026-11-23", "2026-11-23T10:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00+01", "+026-01-01T00:00:00Z", "2026-01-01X00:00:00Z"}) {
    BOOST_TEST(!parse_rfc3339(bad), bad);
  }
  const timespec now = wall_clock();
  const auto back = parse_rfc3339(rfc3339(now));
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST(back->tv_sec == now.tv_sec);
  BOOST_TEST(back->tv_nsec == now.tv_nsec / 1000 * 1000);
}

BOOST_AUTO_TEST_CASE(a_character_that_is_not_complete) {
  for (const std::string whole :
       {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xe0\xa0\x80", "\xf4\x8f\xbf\xbf"}) {
    BOOST_TEST(unfinished_utf8(whole) == 0U);
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      BOOST_TEST(unfinished_utf8(whole.substr(0, cut)) == cut);
      BOOST_TEST(unfinished_utf8("text" + whole.substr(0, cut)) == cut);
    }
  }
  // What can never become a character does not wait for more.
  for (const std::string broken : {"", "\x80", "\x80\x80\x80", "\xff", "\xc0", "\xc1\x80", "\xe0\x80", "\xed\xa0",
                                   "\xf4\x90", "\xf5\x80", "\xe2\x41"}) {
    BOOST_TEST(unfinished_utf8(broken) == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
