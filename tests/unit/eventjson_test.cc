// One event, one line: below 64 KiB and valid whatever its strings are.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "core/eventjson.h"

using namespace sup;
using Json = nlohmann::json;

BOOST_AUTO_TEST_SUITE(eventjson)

BOOST_AUTO_TEST_CASE(a_line_stays_below_64_kib_whatever_is_in_it) {
  for (const char byte : {'a', '"', '\x01', '\x1b', '\n', '\xff'}) {
    const std::string huge(std::size_t{1} << 20, byte);
    const Error error{.code = "E_TEST",
                      .where = huge,
                      .what = huge,
                      .err = 2,
                      .why = huge,
                      .hint = huge,
                      .path = huge,
                      .stage = "exec"};
    const std::vector<Event> events{
        {.id = huge, .name = huge, .cause = 1, .what = event::Starting{.command = huge}},
        {.id = huge, .name = huge, .cause = 1, .what = event::Started{.command = huge, .pid = 1, .spans = {}}},
        {.id = huge, .name = huge, .cause = 1, .what = event::Failed{.error = error}},
        {.id = huge, .name = huge, .cause = 1, .what = event::Problem{.error = error}},
    };
    for (const auto& event : events) {
      const std::string line = event_line(event, 7, huge, timespec{});
      BOOST_TEST(line.size() < 64U * 1024);
      BOOST_TEST(line.find('\n') == std::string::npos);
      BOOST_TEST_REQUIRE(Json::accept(line));
      BOOST_TEST(Json::parse(line).at("truncated") == true);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_path_of_the_longest_kind_is_not_cut) {
  const std::string path(4095, 'p');
  const Error error{.code = "E_TEST", .where = "exec", .what = "x", .err = 2, .path = path};
  const auto line = Json::parse(
      event_line({.id = "i", .name = "n", .cause = 0, .what = event::Problem{.error = error}}, 1, "s", timespec{}));
  BOOST_TEST(line.at("path") == path);
  BOOST_TEST(!line.contains("truncated"));
}

BOOST_AUTO_TEST_SUITE_END()
