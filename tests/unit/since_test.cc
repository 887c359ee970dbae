// --since: times as people and other programs write them.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <ctime>
#include <string>

#include "face/cli/since.h"

using namespace sup::cli;

namespace {

// Two hours east of Greenwich, while it lives.
struct Zone {
  Zone() {
    if (const char* given = std::getenv("TZ")) before = given;
    ::setenv("TZ", "EAST-2", 1);
    ::tzset();
  }
  ~Zone() {
    if (before.empty())
      ::unsetenv("TZ");
    else
      ::setenv("TZ", before.c_str(), 1);
    ::tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;
  std::string before;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(since)

BOOST_AUTO_TEST_CASE(times) {
  const Zone zone;
  struct Time {
    const char* text;
    std::time_t seconds;
    long nanoseconds;
  };
  for (const auto& [text, seconds, nanoseconds] :
       {Time{"2026-11-23T10:00:00Z", 1795428000, 0}, Time{"2026-11-23T10:00:00.25+02:00", 1795420800, 250'000'000},
        Time{"2026-11-23T10:00:00", 1795420800, 0}, Time{"2026-11-23 10:00", 1795420800, 0},
        Time{"2026-11-23", 1795384800, 0}, Time{"1795428000", 1795428000, 0},
        Time{"1795428000.5", 1795428000, 500'000'000}, Time{"1795428000.1234567899", 1795428000, 123'456'789},
        Time{"999999999", 999999999, 0}}) {
    const auto time = parse_since(text);
    BOOST_REQUIRE_MESSAGE(time.has_value(), text);
    BOOST_TEST(time->tv_sec == seconds, text << ": " << time->tv_sec);
    BOOST_TEST(time->tv_nsec == nanoseconds, text);
  }
}

BOOST_AUTO_TEST_CASE(a_while_ago) {
  for (const auto& [text, seconds] : {std::pair{"10m", 600}, {"90", 90}, {"1h30m", 5400}, {"99999999", 99999999}}) {
    const auto time = parse_since(text);
    BOOST_REQUIRE_MESSAGE(time.has_value(), text);
    const auto ago = std::time(nullptr) - time->tv_sec;
    BOOST_TEST((ago >= seconds && ago <= seconds + 2), text << ": " << ago);
  }
}

BOOST_AUTO_TEST_CASE(what_is_neither) {
  for (const char* text : {"", "yesterday", "2026-02-30", "2026-13-01", "2026-11-23T", "2026-11-23T10:00:00Zx", "-5m",
                           "10:00", "1795428000.", "1795428000.x", "99999999999999", "2026-11-23 10:00 "})
    BOOST_TEST(!parse_since(text).has_value(), text);
  BOOST_TEST(!parse_since(std::string("2026-11-23\0", 11)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
