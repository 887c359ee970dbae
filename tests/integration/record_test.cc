// record and replay: asciicast v3 of what the terminal showed.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

BOOST_FIXTURE_TEST_SUITE(record, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(a_recording_replays_to_the_same_bytes) {
  const auto file = dir() + "/cast";
  const auto result =
      sup_run({"-t", "--record", file, "sh", "-c",
               "printf 'one\\ntwo \\033[1mbold\\033[0m \\303\\274\\n'; printf '\\303'; sleep 0.1; printf '\\274 end'"});
  BOOST_TEST(result.code == 0, result.err);
  const auto cast = lines(read_text(file));
  BOOST_TEST_REQUIRE(cast.size() >= 2U);
  for (const auto& line : cast) BOOST_TEST(is_json(line), shown(line));
  const auto header = parse_json(cast[0]);
  BOOST_TEST(header.number("/version") == 3, cast[0]);
  BOOST_TEST(header.number("/term/cols") == 80, cast[0]);
  BOOST_TEST(header.number("/term/rows") == 24, cast[0]);
  double last = 0;
  bool output = false;
  for (std::size_t i = 1; i < cast.size(); ++i) {
    const auto event = parse_json(cast[i]);
    BOOST_TEST(event.has("/items/2"), cast[i]);
    output = output || event.text("/items/1") == "o";
    last += static_cast<double>(event.number("/items/0", 0));
  }
  BOOST_TEST(output);
  BOOST_TEST(last < 60);
  Start start;
  start.events = false;
  const auto replayed = sup_cli({"replay", file}, start);
  BOOST_TEST(replayed.code == 0, replayed.err);
  BOOST_TEST(has(replayed.out, "two \x1b[1mbold\x1b[0m \xc3\xbc"), shown(replayed.out));
  BOOST_TEST(has(replayed.out, "\xc3\xbc end"), "a character cut in two: " << shown(replayed.out));
}

BOOST_AUTO_TEST_CASE(resizes_are_in_it_and_input_is_not) {
  const auto file = dir() + "/cast";
  Start start;
  start.args = {"run", "-ti", "--record", file, "sh", "-c", "stty -echo raw; echo ready; head -c 6 >/dev/null"};
  Terminal terminal(start, {30, 100});
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  terminal.resize({40, 120});
  terminal.wait_event("\"resized\"");
  terminal.send("secret");
  BOOST_TEST(terminal.finish().code() == 0);
  const auto text = read_text(file);
  BOOST_TEST(has(text, "\"r\""), text);
  BOOST_TEST(has(text, "120x40"), text);
  BOOST_TEST(!has(text, "secret"));
}

BOOST_AUTO_TEST_CASE(nothing_to_record_and_nowhere_to_record_to) {
  BOOST_TEST(sup_run({"-t", "--record", "/no/such/dir/cast", "true"}).code == 125);
  Start start;
  start.events = false;
  BOOST_TEST(sup_cli({"replay", dir() + "/none"}, start).code == 125);
  const auto broken = sup_cli({"replay", write_file("broken", "{\"version\":3\n")}, start);
  BOOST_TEST(broken.code == 125);
  BOOST_TEST(lines(broken.err).size() == 1U, broken.err);
}

BOOST_AUTO_TEST_SUITE_END()
