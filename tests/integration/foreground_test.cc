// A foreground run is a supervisor like any other: the verbs reach its container while it runs.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Result verb(std::vector<std::string> args) {
  Start start;
  start.args = std::move(args);
  start.events = false;
  return run(start);
}

// A shell that has said "ready" and then does what it is told.
Start shell(std::vector<std::string> options, const std::string& script = "echo ready; read x; echo got $x; exit 5") {
  options.insert(options.end(), {"-i", "sh", "-c", script});
  Start start = running(std::move(options));
  start.in = Start::In::open;
  return start;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(foreground, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(the_verbs_reach_it) {
  Process process(shell({"--name", "web", "--label", "tier=front"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  const auto listed = verb({"ps", "--filter", "label=tier=front"});
  BOOST_TEST(listed.out.find("web") != std::string::npos, listed.out << listed.err);
  const auto inside = verb({"exec", "web", "sh", "-c", "echo inside; exit 6"});
  BOOST_TEST(inside.out == "inside\n");
  BOOST_TEST(inside.code == 6);
  BOOST_TEST(verb({"inspect", "web"}).out.find("\"state\": \"running\"") != std::string::npos);
  BOOST_TEST(verb({"stats", "--no-stream", "web"}).code == 0);
  BOOST_TEST(verb({"kill", "-s", "USR1", "web"}).code == 0);
  process.send("words\n");
  BOOST_TEST(process.wait().code() == 5);
  BOOST_TEST(process.out() == "ready\ngot words\n");
  BOOST_TEST(verb({"ps", "-a"}).out.find("web") == std::string::npos);
  BOOST_TEST(foreground_sockets().empty());
}

BOOST_AUTO_TEST_CASE(stop_ends_it_and_is_answered) {
  Process process(shell({"--name", "web"}, "trap 'echo bye; exit 7' TERM; echo ready; while :; do read x; done"));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  const auto stopped = verb({"stop", "web"});
  BOOST_TEST(stopped.code == 0, stopped.err);
  BOOST_TEST(stopped.out == "web\n");
  BOOST_TEST(process.wait().code() == 7);
  BOOST_TEST(process.out().ends_with("bye\n"));
}

BOOST_AUTO_TEST_CASE(wait_is_answered_with_its_status) {
  Process process(shell({"--name", "web"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  RawClient client(runtime_dir() + "/sup/" + foreground_sockets().at(0));
  BOOST_TEST_REQUIRE(client.connected());
  BOOST_TEST(client.line().find("hello") != std::string::npos);
  client.send(R"({"jsonrpc":"2.0","id":"w","method":"container.wait","params":{"container":"web"}})"
              "\n");
  // Asked after it and answered: the supervisor knows who waits.
  BOOST_TEST(client.ask("hello").find("seq") != std::string::npos);
  process.send("x\n");
  BOOST_TEST(process.wait().code() == 5);
  const auto answer = client.line();
  BOOST_TEST(answer.find(R"("exit_code":5)") != std::string::npos, answer);
}

BOOST_AUTO_TEST_CASE(removed_by_force_it_ends) {
  Process process(shell({"--name", "web"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  BOOST_TEST(verb({"rm", "-f", "web"}).code == 0);
  BOOST_TEST(process.wait().code() == 137);
}

BOOST_AUTO_TEST_CASE(a_terminal_is_shared) {
  Terminal terminal(
      running({"-ti", "--name", "web", "sh", "-c", "stty -echo; echo ready; read x; echo got $x; exit 5"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST_REQUIRE(terminal.wait_event("started"));
  Start start;
  start.args = {"attach", "web"};
  start.events = false;
  Terminal other(start);
  BOOST_TEST_REQUIRE(other.wait_out("ready"));
  other.send("words\r");
  BOOST_TEST(other.wait_out("got words"));
  BOOST_TEST(other.finish().code() == 5);
  BOOST_TEST(terminal.wait_out("got words"));
  BOOST_TEST(terminal.finish().code() == 5);
}

BOOST_AUTO_TEST_CASE(its_log_begins_when_somebody_asks) {
  // A pipe of the caller's is the command's own; a terminal's output passes through sup.
  Terminal terminal(running({"-ti", "--name", "web", "sh", "-c", "stty -echo; echo ready; read x; echo got $x"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST_REQUIRE(terminal.wait_event("started"));
  BOOST_TEST(foreground_sockets().size() == 1U);
  BOOST_TEST(verb({"logs", "web"}).out.find("ready") != std::string::npos);
  Start start;
  start.args = {"logs", "-f", "web"};
  start.events = false;
  Process follower(start);
  BOOST_TEST_REQUIRE(follower.wait_out("ready"));
  terminal.send("words\r");
  BOOST_TEST(terminal.finish().code() == 0);
  BOOST_TEST(follower.wait().code() == 0);
  BOOST_TEST(follower.out().find("got words") != std::string::npos, follower.out());
  BOOST_TEST(foreground_sockets().empty());
}

BOOST_AUTO_TEST_CASE(who_follows_events_hears_of_it_from_its_first) {
  ::mkdir((runtime_dir() + "/sup").c_str(), 0700);
  if (as_user() && ::geteuid() == 0) BOOST_TEST_REQUIRE(::chown((runtime_dir() + "/sup").c_str(), uid(), gid()) == 0);
  Start start;
  start.args = {"events", "-f"};
  start.events = false;
  Process follower(start);
  Process process(shell({"--name", "web"}));
  BOOST_TEST(follower.wait_out("web starting: "));
  BOOST_TEST(follower.wait_out("web started: "));
  process.send("x\n");
  BOOST_TEST(follower.wait_out("web exited: "));
  BOOST_TEST(process.wait().code() == 5);
  follower.signal(SIGTERM);
  (void)follower.wait();
}

BOOST_AUTO_TEST_CASE(it_is_not_run_again_and_takes_no_other) {
  Process process(shell({"--name", "web"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  const auto again = verb({"restart", "web"});
  BOOST_TEST(again.code == 125);
  BOOST_TEST(again.err.find("foreground run") != std::string::npos, again.err);
  std::string name = foreground_sockets().at(0);
  name.resize(name.size() - 5);  // ".sock"
  const auto other = verb({"-S", name, "run", "-d", "true"});
  BOOST_TEST(other.code == 125);
  BOOST_TEST(other.err.find("foreground run") != std::string::npos, other.err);
  BOOST_TEST(verb({"-S", name, "reload"}).code == 125);
  process.send("x\n");
  BOOST_TEST(process.wait().code() == 5);
}

BOOST_AUTO_TEST_CASE(what_a_killed_one_leaves_goes_with_the_next_look) {
  Process process(shell({"--name", "web"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  process.signal(SIGKILL);
  BOOST_TEST(process.wait().code() == 1000 + SIGKILL);
  BOOST_TEST(foreground_sockets().size() == 1U);
  BOOST_TEST(verb({"ps"}).code == 0);
  BOOST_TEST(foreground_sockets().empty());
}

BOOST_AUTO_TEST_CASE(one_that_is_stopped_is_named_and_keeps_nobody) {
  Process process(shell({"--name", "web"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  ::kill(process.pid(), SIGSTOP);
  BOOST_TEST_REQUIRE(process.wait_until([&] { return state_of(process.pid()) == 'T'; }, "sup stands still"));
  const auto listed = verb({"ps"});
  BOOST_TEST(listed.code == 0);
  BOOST_TEST(listed.err.find("is stopped; continue it") != std::string::npos, listed.err);
  ::kill(process.pid(), SIGCONT);
  process.send("x\n");
  BOOST_TEST(process.wait().code() == 5);
}

BOOST_AUTO_TEST_CASE(a_name_is_its_only_ones) {
  Process process(shell({"--name", "web"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  BOOST_TEST_REQUIRE(process.wait_event("started"));  // by then others find it
  const auto second = verb({"run", "--name", "web", "true"});
  BOOST_TEST(second.code == 125);
  BOOST_TEST(second.err.find("web") != std::string::npos, second.err);
  const DaemonProcess daemon;
  const auto third = daemon.sup({"run", "-d", "--name", "web", "true"});
  BOOST_TEST(third.code == 125);
  process.send("x\n");
  BOOST_TEST(process.wait().code() == 5);
}

BOOST_AUTO_TEST_CASE(a_runtime_directory_that_is_open_to_others_is_told_of) {
  const auto place = dir() + "/open";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0700) == 0);
  BOOST_TEST_REQUIRE(::chmod(place.c_str(), 0755) == 0);
  if (as_user() && ::geteuid() == 0) BOOST_TEST_REQUIRE(::chown(place.c_str(), uid(), gid()) == 0);
  Start start = running({"sh", "-c", "exit 4"});
  start.env = {"SUP_RUNTIME_DIR=" + place};
  const auto result = run(start);
  BOOST_TEST(result.code == 4);
  BOOST_TEST(Events(result.events).any("error", "/code", "E_RUNTIME_DIR"), result.events);
}

BOOST_AUTO_TEST_CASE(without_a_runtime_directory_it_runs_all_the_same) {
  Start start = running({"sh", "-c", "echo words; exit 4"});
  start.env = {"SUP_RUNTIME_DIR=/proc/none/there"};
  const auto result = run(start);
  BOOST_TEST(result.code == 4);
  BOOST_TEST(result.out == "words\n");
  BOOST_TEST(result.err.empty(), result.err);
}

BOOST_AUTO_TEST_SUITE_END()
