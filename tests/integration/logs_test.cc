// What a container has put out, and whether it comes back: logs and --restart.
#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

BOOST_FIXTURE_TEST_SUITE(logs, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(both_streams_come_back_apart_and_complete) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"sh", "-c", "echo one; echo wrong >&2; printf 'two\\n\\ncut'"});
  BOOST_TEST(daemon.sup({"wait", id}).code == 0);
  const auto all = daemon.sup({"logs", id});
  BOOST_TEST(all.code == 0);
  BOOST_TEST(has(all.out, "one\ntwo\n\ncut"), shown(all.out));
  BOOST_TEST(all.err == "wrong\n", shown(all.err));
  BOOST_TEST(daemon.sup({"logs", "-n", "1", id}).out == daemon.sup({"logs", "--tail", "1", id}).out);
  const auto tail = daemon.sup({"logs", "--tail", "1", "-t", id});
  BOOST_TEST(has(tail.out, "cut"), shown(tail.out));
  BOOST_TEST(!has(tail.out, "two"), shown(tail.out));
  BOOST_TEST(tail.out.starts_with("20"), shown(tail.out));
  BOOST_TEST(daemon.sup({"logs", "--since", "2999-01-01T00:00:00Z", id}).out.empty());
  BOOST_TEST(daemon.end() == 0);
}

// Attack A31: a container's output in the terminal of who reads its log.
BOOST_AUTO_TEST_CASE(a_log_steers_no_terminal) {
  DaemonProcess daemon;
  const std::string hostile = "\\033[2J\\033]0;t\\007\\033[31mred\\033[0m\\ttab\\r\\n";
  const auto id = daemon.detached({"sh", "-c", "printf '" + hostile + "'; printf '" + hostile + "' >&2"});
  BOOST_TEST(daemon.sup({"wait", id}).code == 0);
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "logs", id};
  Terminal terminal(start);
  BOOST_TEST(terminal.finish().code() == 0);
  const auto shown_there = terminal.out();
  BOOST_TEST(shown_there.find_first_of("\x1b\x07") == std::string::npos, shown(shown_there));
  BOOST_TEST(has(shown_there, "\\x1b[2J\\x1b]0;t\\x07red"), shown(shown_there));
  const auto raw = daemon.sup({"logs", id});
  BOOST_TEST(has(raw.out, "\033[2J\033]0;t\007\033[31mred\033[0m\ttab\r\n"), shown(raw.out));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(follow_ends_when_the_container_has) {
  DaemonProcess daemon;
  const auto id =
      daemon.detached({"sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 5"});
  // Begun while it may still write, or after: nothing is missing either way.
  const auto all = daemon.sup({"logs", "-f", id});
  BOOST_TEST(all.code == 0);
  const auto rows = lines(all.out);
  BOOST_TEST_REQUIRE(rows.size() == 2000U);
  for (std::size_t i = 0; i < rows.size(); ++i) BOOST_TEST_REQUIRE(rows[i] == "line " + std::to_string(i));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_removed_container_takes_its_log_along) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"echo", "here"});
  BOOST_TEST(daemon.sup({"wait", id}).code == 0);
  const auto directory = parse_json(daemon.sup({"inspect", id}).out).text("/log_directory");
  BOOST_TEST(exists(directory), directory);
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
  BOOST_TEST(!exists(directory));
  const auto gone = daemon.sup({"logs", id});
  BOOST_TEST(gone.code == 125);
  BOOST_TEST(has(gone.err, "no such container"), shown(gone.err));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(on_failure_tries_as_often_as_it_was_told) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--restart", "on-failure:2", "sh", "-c", "echo try; exit 7"});
  // follow goes on over the restarts: it ends when no more are to come.
  BOOST_TEST(daemon.sup({"logs", "-f", id}).out == "try\ntry\ntry\n");
  const auto about = parse_json(daemon.sup({"inspect", id}).out);
  BOOST_TEST(about.text("/state") == "exited");
  BOOST_TEST(about.number("/restarts") == 2);
  BOOST_TEST(about.number("/outcome/exit_code") == 7);
  BOOST_TEST(daemon.end() == 0);
  const Events events(daemon.events());
  BOOST_TEST(events.any("restarting", "/id", id));
}

BOOST_AUTO_TEST_CASE(what_succeeds_is_not_restarted_on_failure) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--restart", "on-failure", "true"});
  BOOST_TEST(daemon.sup({"wait", id}).out == "0\n");
  BOOST_TEST(parse_json(daemon.sup({"inspect", id}).out).text("/state") == "exited");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(stop_ends_a_crash_loop) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--restart", "always", "true"});
  BOOST_TEST(daemon.sup({"wait", id}).out == "0\n");
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  BOOST_TEST(parse_json(daemon.sup({"inspect", id}).out).text("/state") == "exited");
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_restart_policy_needs_a_supervisor) {
  Start start;
  start.events = false;
  start.args = {"run", "--restart", "always", "true"};
  const auto alone = run(start);
  BOOST_TEST(alone.code == 125);
  BOOST_TEST(has(alone.err, "add -d"), shown(alone.err));
  start.args = {"run", "-d", "--rm", "--restart", "always", "true"};
  BOOST_TEST(run(start).code == 125);
}

BOOST_AUTO_TEST_SUITE_END()
