// start and restart: a container that runs once more, under its name, id and log.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <set>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start in_background(std::vector<std::string> args) {
  Start start;
  start.events = false;
  start.args = {"-S", "t"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

std::string state(const DaemonProcess& daemon, const std::string& id) {
  return parse_json(daemon.sup({"inspect", id}).out).text("/state");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(restart, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(start_runs_it_once_more) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "job", "sh", "-c", "echo again; exit 3"});
  BOOST_TEST(daemon.sup({"wait", id}).out == "3\n");
  const auto started = daemon.sup({"start", "job"});
  BOOST_TEST(started.code == 0, started.err);
  BOOST_TEST(started.out == "job\n");
  BOOST_TEST(daemon.sup({"wait", id}).out == "3\n");
  BOOST_TEST(daemon.sup({"logs", id}).out == "again\nagain\n");
  BOOST_TEST(Events(daemon.events()).count("started") == 2U);
  BOOST_TEST(daemon.ids().size() == 1U);
}

BOOST_AUTO_TEST_CASE(start_refuses_what_runs) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"sleep", "1000"});
  const auto refused = daemon.sup({"start", id, "nobody"});
  BOOST_TEST(refused.code == 125);
  BOOST_TEST(has(refused.err, "already running"), refused.err);
  BOOST_TEST(has(refused.err, "nobody"), refused.err);
  BOOST_TEST(daemon.sup({"start"}).code == 125);
}

BOOST_AUTO_TEST_CASE(restart_is_a_stop_and_a_start) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap 'echo bye; exit 7' TERM; echo hello");
  const pid_t before = daemon.pid_of(id);
  const auto result = daemon.sup({"restart", id});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == id + "\n");
  const pid_t after = daemon.pid_of(id);
  BOOST_TEST(after > 1);
  BOOST_TEST(after != before);
  BOOST_TEST(gone(before, 0ms));
  BOOST_TEST(state(daemon, id) == "running");
  BOOST_TEST(Events(daemon.events()).any("exited", "/exit_code", "7"));
  // What has ended is started.
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
  BOOST_TEST(daemon.sup({"restart", id}).code == 0);
  BOOST_TEST(state(daemon, id) == "running");
  daemon.wait_until([&] { return has(daemon.sup({"logs", id}).out, "hello\nbye\nhello\nhello\n"); },
                    "the log of three runs");
}

BOOST_AUTO_TEST_CASE(restart_kills_what_does_not_stop_in_time) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap : TERM", {"--stop-timeout", "1"});
  const pid_t before = daemon.pid_of(id);
  BOOST_TEST(daemon.sup({"restart", "-t", "0", id}).code == 0);
  BOOST_TEST(gone(before, 0ms));
  BOOST_TEST(daemon.pid_of(id) > 1);
}

BOOST_AUTO_TEST_CASE(a_restart_keeps_what_is_removed_at_its_end) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--rm", "sleep", "1000"});
  BOOST_TEST(daemon.sup({"restart", id}).code == 0);
  BOOST_TEST(state(daemon, id) == "running");
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  daemon.wait_until([&] { return daemon.ids().empty(); }, "an empty ps -a");
}

BOOST_AUTO_TEST_CASE(the_last_word_counts) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap : TERM");
  Process restarting(in_background({"restart", "-t", "60", id}));
  daemon.wait_event("\"stopping\"");
  // A stop that comes in between wins; the restart is told.
  Process stopping(in_background({"stop", id}));
  BOOST_TEST(restarting.wait().code() == 125);
  BOOST_TEST(has(restarting.err(), "stopped"), restarting.err());
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  BOOST_TEST(stopping.wait().code() == 0);
  BOOST_TEST(state(daemon, id) == "exited");
  // So does a removal.
  BOOST_TEST(daemon.sup({"start", id}).code == 0);
  const auto stuck = daemon.shell("trap : TERM");
  Process again(in_background({"restart", "-t", "60", stuck}));
  daemon.wait_until([&] { return state(daemon, stuck) == "stopping"; }, "the restart to begin");
  BOOST_TEST(daemon.sup({"rm", "-f", stuck, id}).code == 0);
  BOOST_TEST(again.wait().code() == 125);
  BOOST_TEST(daemon.ids().empty());
}

BOOST_AUTO_TEST_CASE(a_restart_that_cannot_run_says_why) {
  DaemonProcess daemon;
  const auto script = write_file("script", "#!/bin/sh\nexec sleep 1000\n", 0755);
  const auto id = daemon.detached({"--restart", "always", script});
  BOOST_TEST(::unlink(script.c_str()) == 0);
  const auto result = daemon.sup({"restart", id});
  BOOST_TEST(result.code == 127, result.err);
  BOOST_TEST(has(result.err, script), result.err);
  // Kept, and to be started when that is mended.
  write_file("script", "#!/bin/sh\nexec sleep 1000\n", 0755);
  daemon.wait_until([&] { return state(daemon, id) == "exited"; }, "the failed start to be over");
  BOOST_TEST(daemon.sup({"start", id}).code == 0);
  BOOST_TEST(state(daemon, id) == "running");
}

// Whoever asks what goes on sees what does not come up, and why.
BOOST_AUTO_TEST_CASE(a_crash_loop_is_in_the_list_of_what_runs) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--restart", "always", "sh", "-c", "exit 7"});
  const auto killed = daemon.detached({"--restart", "always", "--init", "sh", "-c", "kill -SEGV $$"});
  (void)daemon.detached({"true"});
  const auto shows = [&](const std::string& which, const char* words) {
    for (const auto& line : lines(daemon.sup({"ps"}).out)) {
      if (line.starts_with(which) && has(line, words)) return true;
    }
    return false;
  };
  daemon.wait_until([&] { return shows(id, " backoff 7, restarted "); }, "the first loop to be shown");
  daemon.wait_until([&] { return shows(killed, "x (signal) "); }, "the second loop to be shown");
  BOOST_TEST(lines(daemon.sup({"ps"}).out).size() == 3U, "what has ended is shown as well");
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  BOOST_TEST(!has(daemon.sup({"ps"}).out, id));
}

BOOST_AUTO_TEST_CASE(rm_f_takes_one_that_waits_for_its_restart) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--restart", "always", "false"});
  daemon.wait_until([&] { return state(daemon, id) == "backoff"; }, "a crash loop");
  const auto result = daemon.sup({"rm", "-f", id});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(daemon.ids().empty());
}

BOOST_AUTO_TEST_CASE(a_long_list_comes_in_parts) {
  // More than fits into one message, were it not cut.
  DaemonProcess daemon;
  const std::string word(3900, '\x01');
  std::set<std::string> all;
  const long total = scaled(30);
  for (long i = 0; i < total; ++i) all.insert(daemon.detached({"true", word, std::string(50'000, 'x')}));
  const auto ids = daemon.ids();
  BOOST_TEST((std::set<std::string>(ids.begin(), ids.end()) == all));
  BOOST_TEST(ids.size() == all.size());
  RawClient client(daemon.socket());
  (void)client.line();
  const auto page = client.ask("container.list");
  BOOST_TEST(page.size() < 1U << 20);
  BOOST_TEST(parse_json(page).number("/result/0/number") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
