// Job control, inside and out, with real interactive shells.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// An interactive shell on the terminal, as the user's own.
Start shell() {
  Start start;
  start.program = "/bin/bash";
  start.args = {"--norc", "--noprofile", "-i"};
  start.env = {"PS1=host$ ", "TERM=dumb", "BASH_SILENCE_DEPRECATION_WARNING=1"};
  return start;
}

// The pid of the one sup below the shell.
pid_t sup_below(pid_t shell) {
  const std::string pid = std::to_string(shell);
  return static_cast<pid_t>(std::atoi(read_text("/proc/" + pid + "/task/" + pid + "/children").c_str()));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(jobs, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(inside_ctrl_z_jobs_fg_ctrl_c) {
  if (!exists("/bin/bash")) SUP_SKIP("no bash");
  Start start;
  start.args = {"run", "-ti", "-e", "PS1=in$ ", "bash", "--norc", "--noprofile", "-i"};
  Terminal terminal(start);
  BOOST_TEST_REQUIRE(terminal.wait_out("in$ "));
  BOOST_TEST(!has(terminal.out(), "no job control"), shown(terminal.out()));
  // What it prints shows that it is in the foreground: only then ctrl-z is for it. After fg the shell has printed the
  // command before it gives the terminal away; what the job says of SIGCONT shows when it has. Not a shell's trap: dash
  // loses a signal that comes while it starts a command.
  terminal.ask("'" + probe_path() + "' continued\r", "runs");
  BOOST_TEST(terminal.ask("\x1a", "Stopped"));
  BOOST_TEST(terminal.ask("jobs\r", "Stopped"));
  BOOST_TEST(terminal.ask("fg\r", "back"));
  BOOST_TEST(terminal.ask("\x03", "in$ "));
  BOOST_TEST(terminal.ask("echo status $?\r", "status 130"));
  terminal.send("exit 9\r");
  BOOST_TEST(terminal.finish().code() == 9);
}

BOOST_AUTO_TEST_CASE(a_plain_sh_has_job_control_too) {
  Start start;
  start.args = {"run", "-ti", "-e", "PS1=in$ ", "/bin/sh"};
  Terminal terminal(start);
  BOOST_TEST_REQUIRE(terminal.wait_out("in$ "));
  BOOST_TEST(!has(terminal.out(), "job control turned off"), shown(terminal.out()));
  terminal.ask("sh -c 'echo runs-$((1+1)); exec sleep 600'\r", "runs-2");
  BOOST_TEST(terminal.ask("\x1a", "Stopped"));
  BOOST_TEST(terminal.ask("exit 4\r", "stopped jobs"));
  terminal.send("exit 4\r");
  const auto ended = terminal.finish();
  BOOST_TEST(ended.code() == 4);
}

BOOST_AUTO_TEST_CASE(stopping_sup_restores_the_terminal_and_fg_makes_it_raw_again) {
  if (!exists("/bin/bash")) SUP_SKIP("no bash");
  Terminal terminal(shell());
  BOOST_TEST_REQUIRE(terminal.wait_out("host$ "));
  const auto events = new_events_file();
  terminal.send("'" + sup_path() + "' --events " + events + " run -ti '" + probe_path() + "' keys\n");
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST(terminal.raw());
  const auto sup = sup_below(terminal.pid());
  BOOST_TEST_REQUIRE(sup > 1);
  // ctrl-z is the container's own key in raw mode; so the stop comes from elsewhere.
  terminal.take_out();
  BOOST_TEST(::kill(sup, SIGTSTP) == 0);
  BOOST_TEST(terminal.wait_out("Stopped"));
  BOOST_TEST(!has(terminal.out(), "key 1a"));
  BOOST_TEST(state_of(sup) == 'T');
  BOOST_TEST(terminal.ask("stty -a | grep -o ' icanon'\n", " icanon\r\n"));
  BOOST_TEST(terminal.ask("fg\n", "keys"));
  BOOST_TEST(terminal.wait_raw());
  BOOST_TEST(terminal.ask("b", "key 62"));
  BOOST_TEST(terminal.ask("q", "host$ "));
  BOOST_TEST(terminal.ask("echo status $?\n", "status 0"));
  terminal.send("exit\n");
  terminal.finish();
}

BOOST_AUTO_TEST_CASE(ctrl_z_in_a_cooked_terminal_stops_sup) {
  if (!exists("/bin/bash")) SUP_SKIP("no bash");
  Terminal terminal(shell());
  BOOST_TEST_REQUIRE(terminal.wait_out("host$ "));
  const auto events = new_events_file();
  terminal.send("'" + sup_path() + "' --events " + events + " run -t '" + probe_path() + "' sigwatch\n");
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  const auto sup = sup_below(terminal.pid());
  BOOST_TEST(terminal.ask("\x1a", "Stopped"));
  BOOST_TEST(state_of(sup) == 'T');
  BOOST_TEST(terminal.ask("fg\n", "sigwatch"));
  BOOST_TEST(::kill(sup, SIGTERM) == 0);
  BOOST_TEST(terminal.wait_out("signal 15"));
  BOOST_TEST(terminal.ask("echo status $?\n", "status 42"));
  terminal.send("exit\n");
  terminal.finish();
}

BOOST_AUTO_TEST_CASE(in_the_background_it_does_not_touch_the_terminal) {
  if (!exists("/bin/bash")) SUP_SKIP("no bash");
  Terminal terminal(shell());
  BOOST_TEST_REQUIRE(terminal.wait_out("host$ "));
  const auto events = new_events_file();
  BOOST_TEST(terminal.ask(
      "'" + sup_path() + "' --events " + events + " run -t '" + probe_path() + "' exit 5 & wait $!; echo status $?\n",
      "status 5"));
  BOOST_TEST(!terminal.raw());
  // With -ti in the background, it stops until it is brought to the front, as any program that wants the terminal.
  terminal.send("'" + sup_path() + "' --events " + events + "x run -ti '" + probe_path() + "' keys &\n");
  const auto sup = [&] { return sup_below(terminal.pid()); };
  BOOST_TEST(terminal.wait_until([&] { return sup() > 1 && state_of(sup()) == 'T'; }, "sup to stop in the background"));
  BOOST_TEST(terminal.ask("fg\n", "ready"));
  BOOST_TEST(terminal.ask("q", "host$ "));
  terminal.send("exit\n");
  terminal.finish();
}

BOOST_AUTO_TEST_SUITE_END()
