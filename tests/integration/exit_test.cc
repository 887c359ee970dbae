// Exit status of run: the command's own, or 125, 126, 127 of sup; never mistaken for each other.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// Runs with --status-fd 9; the JSON line that came out of it.
struct WithStatus {
  Result result;
  std::string line;
};

WithStatus run_with_status(std::vector<std::string> args) {
  int ends[2];
  BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  WithStatus all;
  args.insert(args.begin(), {"--status-fd", "9"});
  Start start;
  start.fds = {{ends[1], 9}};
  all.result = sup_run(std::move(args), start);
  ::close(ends[1]);
  char text[4096];
  const ssize_t n = ::read(ends[0], text, sizeof text);
  ::close(ends[0]);
  all.line.assign(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exit_status, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(every_code_is_the_commands_own) {
  for (int code = 0; code < 256; ++code) {
    Start start;
    start.events = code % 16 == 0 || code >= 124;
    const auto result = sup_run({probe_path(), "exit", std::to_string(code)}, start);
    BOOST_TEST(result.code == code, "exit " << code << " came out as " << result.code << " " << result.err);
    if (!start.events) continue;
    const auto exited = Events(result.events).first("exited");
    BOOST_TEST(exited.number("/exit_code") == code);
    BOOST_TEST(exited.text("/origin") == "command");
    BOOST_TEST(exited.text("/reason") == "exit");
  }
}

BOOST_AUTO_TEST_CASE(with_a_terminal_and_with_init_too) {
  for (const char* flag : {"-t", "--init", "-i"}) {
    for (const int code : {0, 1, 42, 125, 126, 127, 255}) {
      const auto result = sup_run({flag, probe_path(), "exit", std::to_string(code)});
      BOOST_TEST(result.code == code, flag << " exit " << code << " came out as " << result.code);
    }
  }
}

BOOST_AUTO_TEST_CASE(status_fd_tells_the_commands_127_from_sups) {
  const auto theirs = run_with_status({probe_path(), "exit", "127"});
  BOOST_TEST(theirs.result.code == 127);
  BOOST_TEST(is_json(theirs.line), shown(theirs.line));
  BOOST_TEST(theirs.line.ends_with("\n"));
  BOOST_TEST(lines(theirs.line).size() == 1U);
  BOOST_TEST(parse_json(theirs.line).text("/origin") == "command", theirs.line);
  BOOST_TEST(parse_json(theirs.line).number("/exit_code") == 127, theirs.line);

  const auto ours = run_with_status({"no-such-command-anywhere"});
  BOOST_TEST(ours.result.code == 127);
  BOOST_TEST(parse_json(ours.line).text("/origin") == "sup", ours.line);
  BOOST_TEST(parse_json(ours.line).number("/exit_code") == 127, ours.line);
}

BOOST_AUTO_TEST_CASE(status_fd_does_not_reach_the_command) {
  const auto all = run_with_status({probe_path(), "fds"});
  BOOST_TEST(!has(all.result.out, "fd 9 "), all.result.out);
}

BOOST_AUTO_TEST_CASE(killed_by_a_signal_is_128_plus_its_number) {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGUSR1, SIGTERM, SIGPIPE, SIGALRM, 34, 64}) {
    const auto result = sup_run({"--init", probe_path(), "kill", std::to_string(number)});
    BOOST_TEST(result.code == 128 + number, "signal " << number << " came out as " << result.code);
    const auto exited = Events(result.events).first("exited");
    BOOST_TEST(exited.text("/reason") == "signal");
    BOOST_TEST(exited.text("/signal").starts_with("SIG"));
    BOOST_TEST(!exited.has("/exit_code"));
  }
}

BOOST_AUTO_TEST_CASE(a_fault_of_pid_1_is_128_plus_11) {
  const auto result = sup_run({probe_path(), "segv"});
  BOOST_TEST(result.code == 139);
  BOOST_TEST(Events(result.events).any("exited", "/signal", "SIGSEGV"));
}

BOOST_AUTO_TEST_CASE(abort_is_134_under_init) {
  const auto result = sup_run({"--init", probe_path(), "abort"});
  BOOST_TEST(result.code == 134);
  BOOST_TEST(Events(result.events).any("exited", "/signal", "SIGABRT"));
}

BOOST_AUTO_TEST_CASE(killed_from_outside_is_137) {
  Start start;
  start.args = {"run", probe_path(), "sleep"};
  Process process(start);
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  process.wait_event("\"started\"");
  const auto pid = static_cast<pid_t>(Events(process.events()).first("started").number("/pid"));
  BOOST_TEST_REQUIRE(pid > 1);
  BOOST_TEST(::kill(pid, SIGKILL) == 0);
  BOOST_TEST(process.wait().code() == 137);
  BOOST_TEST(Events(process.events()).any("exited", "/signal", "SIGKILL"));
}

BOOST_AUTO_TEST_CASE(the_command_that_is_not_found) {
  const auto result = sup_run({"no-such-command-anywhere"});
  BOOST_TEST(result.code == 127);
  const Events events(result.events);
  BOOST_TEST(events.count("started") == 0U);
  BOOST_TEST(events.first("failed").number("/exit_code") == 127);
  BOOST_TEST(events.first("failed").text("/origin") == "sup");
}

BOOST_AUTO_TEST_CASE(the_exited_event_is_whole) {
  const auto result = sup_run({probe_path(), "spin", "60"});
  const auto exited = Events(result.events).first("exited");
  BOOST_TEST(exited.number("/duration_ms") >= 60);
  BOOST_TEST(exited.number("/rusage/user_ms") + exited.number("/rusage/system_ms") >= 50, exited.line());
  BOOST_TEST(exited.number("/rusage/max_rss_kib") > 0);
  BOOST_TEST(exited.has("/spans/reap"), exited.line());
  BOOST_TEST(Events(result.events).first("started").has("/spans/clone"));
}

BOOST_AUTO_TEST_SUITE_END()
