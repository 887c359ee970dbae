// stats and top: what containers use; and what a supervisor keeps to itself of its own limits.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start on_t(std::vector<std::string> args) {
  Start start;
  start.events = false;
  start.args = {"-S", "t"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stats, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(stats_tells_what_each_uses) {
  DaemonProcess daemon;
  const auto busy = daemon.detached({"--name", "busy", "sh", "-c", "while :; do :; done"});
  const auto idle = daemon.detached({"--init", "sh", "-c", "sleep 1000 & sleep 1000"});
  // Whose processes are there when the first has used some time.
  daemon.wait_until(
      [&] {
        const auto all = parse_json(daemon.sup({"stats", "--no-stream", "--format", "json"}).out);
        return all.number("/items/0/cpu_us") > 50'000 && all.number("/items/1/processes") == 4;
      },
      "a busy one and one of four processes");
  const auto json = daemon.sup({"stats", "--no-stream", "--format", "json"});
  const auto all = parse_json(json.out);
  BOOST_TEST(all.text("/items/0/id") == busy, json.out);
  BOOST_TEST(all.text("/items/1/id") == idle);
  BOOST_TEST(std::stod(all.text("/items/0/cpu_percent")) > std::stod(all.text("/items/1/cpu_percent")));
  BOOST_TEST(all.number("/items/0/memory_bytes") > 100'000);
  BOOST_TEST(all.number("/items/0/threads") == 1);
  // The second look measures from the first one on.
  daemon.wait_until(
      [&] {
        return parse_json(daemon.sup({"stats", "--no-stream", "--format", "json", "busy"}).out)
                   .number("/items/0/interval_ms") < 2000;
      },
      "a rate of the last moment");
  const auto text = daemon.sup({"stats", "--no-stream"});
  BOOST_TEST(text.code == 0, text.err);
  BOOST_TEST(lines(text.out).size() == 3U, text.out);
  BOOST_TEST(has(lines(text.out)[1], "busy"), text.out);
}

BOOST_AUTO_TEST_CASE(of_those_named) {
  DaemonProcess daemon;
  const auto one = daemon.detached({"sleep", "1000"});
  (void)daemon.detached({"sleep", "1000"});
  const auto over = daemon.detached({"true"});
  BOOST_TEST(daemon.sup({"wait", over}).code == 0);
  for (const auto& args : {std::vector<std::string>{"stats", "--no-stream"}, {"top"}}) {
    auto words = args;
    words.insert(words.end(), {one.substr(0, 11), "nobody"});
    const auto result = daemon.sup(words);
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.err, "nobody"), result.err);
    BOOST_TEST(lines(result.out).size() == 2U, result.out);
    words = args;
    words.push_back(over);
    BOOST_TEST(has(daemon.sup(words).err, "does not run"));
  }
}

BOOST_AUTO_TEST_CASE(of_a_control_group_where_there_is_one) {
  DaemonProcess daemon;
  const auto limited = daemon.sup({"run", "-d", "-m", "64m", "sleep", "1000"});
  if (limited.code != 0) SUP_CANNOT("no memory limit can be set here");
  const auto json = daemon.sup({"stats", "--no-stream", "--format", "json"});
  const auto all = parse_json(json.out);
  BOOST_TEST(all.number("/items/0/memory_limit_bytes") == 64 << 20, json.out);
  BOOST_TEST(all.number("/items/0/memory_bytes") > 0);
  BOOST_TEST(has(daemon.sup({"stats", "--no-stream"}).out, " 64.0M "));
}

BOOST_AUTO_TEST_CASE(stats_goes_on_until_its_reader_leaves) {
  DaemonProcess daemon;
  (void)daemon.detached({"sleep", "1000"});
  Start start = on_t({});
  start.program = "/bin/sh";
  start.args = {"-c", "\"$1\" -S t stats | head -n 3", "sh", sup_path()};
  const auto result = run(start);
  BOOST_TEST(result.code == 0);
  BOOST_TEST(lines(result.out).size() == 3U, result.out);
}

BOOST_AUTO_TEST_CASE(top_is_a_table_where_there_is_no_terminal) {
  DaemonProcess daemon;
  const auto id = daemon.shell("", {"--name", "web"});
  // Its child is a shell until its own exec, and neither sleeps at once.
  daemon.wait_until(
      [&] {
        const auto now = daemon.sup({"top"}).out;
        return has(now, "  sleep 10000") && !has(now, " R ");
      },
      "both to be at rest");
  const auto text = daemon.sup({"top"});
  BOOST_TEST(text.code == 0, text.err);
  BOOST_TEST(lines(text.out).size() == 3U, text.out);   // sh and its sleep
  BOOST_TEST(has(text.out, "sleep 10000"), text.out);
  const auto json = daemon.sup({"top", "--format", "json", id});
  BOOST_TEST(has(json.out, R"("command": "sleep 10000")"), json.out);
  BOOST_TEST(has(json.out, R"("state": "S")"), json.out);
  BOOST_TEST(has(json.out, R"("fds": )"), json.out);
}

BOOST_AUTO_TEST_CASE(top_on_a_terminal_gives_it_back) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "web", "sleep", "1000"});
  for (const char* way : {"q", "\x03", "TERM", "HUP"}) {
    Terminal terminal(on_t({"top"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("sleep 1000"));
    BOOST_TEST(terminal.wait_raw());
    BOOST_TEST(has(terminal.out(), "\x1b[?1049h"));
    terminal.resize({.rows = 10, .columns = 30});
    terminal.send("m3rp");
    if (std::string_view(way) == "TERM")
      terminal.signal(SIGTERM);
    else if (std::string_view(way) == "HUP")
      terminal.signal(SIGHUP);
    else
      terminal.send(way);
    const int code = terminal.finish().code();
    const int expected = std::string_view(way) == "TERM"  ? 1000 + SIGTERM
                         : std::string_view(way) == "HUP" ? 1000 + SIGHUP
                                                          : 0;
    BOOST_TEST(code == expected, way << ": " << code);
    BOOST_TEST(has(terminal.out(), "\x1b[?1049l"), shown(terminal.out()));
  }
}

BOOST_AUTO_TEST_CASE(a_dumb_terminal_gets_plain_lines) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "web", "sleep", "1000"});
  Start top = on_t({"top"});
  top.env = {"TERM=dumb"};
  Terminal once(top);
  BOOST_TEST(once.finish().code() == 0);
  BOOST_TEST(has(once.out(), "sleep 1000"), shown(once.out()));
  Start stats = on_t({"stats"});
  stats.env = {"TERM=dumb"};
  Terminal again(stats);
  BOOST_TEST(again.wait_until([&] { return again.out().find(" web ") != again.out().rfind(" web "); }, "two tables"));
  again.send("\x03");
  BOOST_TEST(again.finish().code() == 1000 + SIGINT);
  BOOST_TEST(!has(once.out() + again.out(), "\x1b"), shown(again.out()));
}

BOOST_AUTO_TEST_CASE(top_keeps_to_the_terminals_size) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "web", "sh", "-c", "sleep 1000 & sleep 1001 & sleep 1002 & wait"});
  for (const Size size : {Size{5, 30}, Size{24, 20}, Size{2, 10}, Size{1, 1}, Size{4, 200}}) {
    Terminal terminal(on_t({"top"}), size);
    BOOST_TEST_REQUIRE(terminal.wait_out("\x1b[H"));
    terminal.send("m");  // at once
    BOOST_TEST_REQUIRE(terminal.wait_until(
        [&] { return terminal.out().find("\x1b[H") != terminal.out().rfind("\x1b[H"); }, "a second picture", 15s));
    const auto begin = terminal.out().find("\x1b[H");
    const auto frame = terminal.out().substr(begin, terminal.out().rfind("\x1b[H") - begin);
    std::size_t columns = 0;
    std::size_t rows = 1;
    for (std::size_t i = 0; i < frame.size(); ++i) {
      if (frame[i] == '\x1b') {
        i = frame.find_first_of("ABCDHJKhlm", i);
      } else if (frame[i] == '\n') {
        columns = 0;
        ++rows;
      } else if (frame[i] != '\r') {
        BOOST_TEST_REQUIRE(++columns <= size.columns, shown(frame));
      }
    }
    BOOST_TEST(rows <= size.rows, shown(frame));
    terminal.send("q");
    BOOST_TEST(terminal.finish().code() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_raised_limit_is_the_supervisors_alone) {
  rlimit limit{};
  BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_max <= 300) SUP_CANNOT("the hard limit is low");
  const rlimit low{.rlim_cur = 300, .rlim_max = limit.rlim_max};
  BOOST_TEST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  {
    DaemonProcess daemon;
    const auto id = daemon.detached({"sh", "-c", "ulimit -n"});
    BOOST_TEST(daemon.sup({"wait", id}).out == "0\n");
    BOOST_TEST(daemon.sup({"logs", id}).out == "300\n");
    const auto own = value(read_text("/proc/" + std::to_string(daemon.pid()) + "/limits"), "Max open files");
    BOOST_TEST(std::atol(own.substr(own.find_first_not_of(' ')).c_str()) > 300, own);
  }
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

BOOST_AUTO_TEST_SUITE_END()
