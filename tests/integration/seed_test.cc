// What the first version showed, and must still show: the transcript on a terminal.
#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start shown_on_terminal(std::vector<std::string> args) {
  Start start;
  start.args = std::move(args);
  start.events = false;
  return start;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(seed, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(the_transcript) {
  Terminal terminal(shown_on_terminal({"run", "-ti", "-e", "PS1=# ", "/bin/sh"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("# "));
  const auto all = lines(terminal.out());
  BOOST_TEST_REQUIRE(all.size() >= 3U);
  BOOST_TEST(all[0].starts_with(R"({"level":"info","msg":"init come on","time":")"), all[0]);
  BOOST_TEST(all[1].starts_with(R"({"level":"info","msg":"command /bin/sh","time":")"), all[1]);
  BOOST_TEST(all[2] == "# ", all[2]);
  if (exists("/usr/bin/ps") || exists("/bin/ps")) {
    BOOST_TEST(terminal.ask("ps -ef\r", "ps -ef\r\n"));
    BOOST_TEST(terminal.wait_out("# "));
    bool found = false;
    for (const auto& line : lines(terminal.out()))
      found = found || (line.ends_with("/bin/sh") && has(line, " 1 ") && has(line, " 0 "));
    BOOST_TEST(found, "ps -ef does not show /bin/sh as PID 1: " << shown(terminal.out()));
  }
  terminal.send("exit 3\r");
  BOOST_TEST(terminal.finish().code() == 3);
}

BOOST_AUTO_TEST_CASE(ls_lists_the_callers_directory_and_exits_0) {
  write_file("a-file-of-the-callers", "x");
  Terminal terminal(shown_on_terminal({"run", "-ti", "/bin/ls"}));
  BOOST_TEST(terminal.finish().code() == 0);
  BOOST_TEST(has(terminal.out(), "a-file-of-the-callers"), shown(terminal.out()));
}

BOOST_AUTO_TEST_CASE(arguments_and_path) {
  Terminal terminal(shown_on_terminal({"run", "-ti", "ls", "-a"}));
  BOOST_TEST(terminal.finish().code() == 0);
  BOOST_TEST(has(terminal.out(), ".."), shown(terminal.out()));
}

BOOST_AUTO_TEST_CASE(an_event_never_begins_in_the_middle_of_a_line) {
  Terminal terminal(shown_on_terminal({"run", "-ti", "printf", "no line end"}));
  BOOST_TEST(terminal.finish().code() == 0);
  for (const auto& line : lines(terminal.out())) {
    const auto at = line.find("{\"level\"");
    BOOST_TEST((at == std::string::npos || at == 0), shown(line));
  }
  BOOST_TEST(has(terminal.out(), "no line end"));
}

BOOST_AUTO_TEST_SUITE_END()
