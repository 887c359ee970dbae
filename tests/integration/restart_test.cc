// start and restart: a container that runs once more, under its name, id and log.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include "busybox.h"
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

// Whoever asked has been told: there is nothing to try again, and nothing that has the name.
BOOST_AUTO_TEST_CASE(a_first_start_that_fails_at_once_leaves_nothing) {
  DaemonProcess daemon;
  // Before there is a process: the volume's directory cannot be made.
  const auto failed = daemon.sup(
      {"run", "-d", "--name", "web", "--restart", "always", "-v", "/proc/nosuch/x:/mnt:create", "sleep", "1000"});
  BOOST_TEST(failed.code == 125);
  BOOST_TEST(has(failed.err, "/proc/nosuch"), failed.err);
  BOOST_TEST(daemon.ids().empty());
  (void)daemon.detached({"--name", "web", "sleep", "1000"});
  BOOST_TEST(!has(daemon.events(), "\"restarting\""));
}

// Started by hand while it waits for its restart, it does not wait any more, whatever becomes of that.
BOOST_AUTO_TEST_CASE(a_start_out_of_a_crash_loop_that_fails_ends_the_loop) {
  DaemonProcess daemon;
  const auto root = dir() + "/root";
  std::filesystem::create_directory(root);
  std::filesystem::permissions(root, std::filesystem::perms(0755));
  write_file("root/probe", read_text(probe_path()), 0755);
  give_away(root);
  const auto id = daemon.detached({"--restart", "always", "--rootfs", root, "/probe", "exit", "1"});
  daemon.wait_until([&] { return state(daemon, id) == "backoff"; }, "a crash loop");
  std::filesystem::rename(root, root + ".away");
  daemon.wait_until([&] { return has(daemon.events(), "\"E_ROOTFS\""); }, "a restart without a root");
  daemon.wait_until([&] { return state(daemon, id) == "backoff"; }, "the loop to go on");
  BOOST_TEST(daemon.sup({"start", id}).code == 125);
  BOOST_TEST(state(daemon, id) == "exited");
  std::filesystem::rename(root + ".away", root);
  BOOST_TEST(daemon.sup({"start", id}).code == 0);
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_leaves_restarts_nothing) {
  DaemonProcess daemon;
  const auto go = dir() + "/go";
  (void)daemon.shell("trap : TERM", {"--stop-timeout", "5"});
  const auto id = daemon.detached({"--restart", "always", "sh", "-c", "[ -e " + go + " ] && exec sleep 1000; exit 1"});
  const auto restarts = [&] { return parse_json(daemon.sup({"inspect", id}).out).number("/restarts"); };
  // A pause of 800 ms: long enough to be in the middle of one, over before the other one's end.
  daemon.wait_until([&] { return restarts() >= 4 && state(daemon, id) == "backoff"; }, "a crash loop");
  write_file("go", "");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(of_two_who_stop_it_the_less_patient_counts) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap : TERM; trap 'exit 5' INT; echo ready");
  Process patient_one(in_background({"stop", "-t", "600", id}));
  daemon.wait_event("\"stopping\"");
  const auto soon = daemon.sup({"stop", "--timeout", "0", id});
  BOOST_TEST(soon.code == 0, soon.err);
  BOOST_TEST(patient_one.wait().code() == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
  // And another signal is sent.
  BOOST_TEST(daemon.sup({"start", id}).code == 0);
  daemon.wait_until([&] { return has(daemon.sup({"logs", id}).out, "ready\nready\n"); }, "its second run");
  Process other(in_background({"stop", "-t", "600", id}));
  daemon.wait_until([&] { return state(daemon, id) == "stopping"; }, "the stop");
  BOOST_TEST(daemon.sup({"stop", "-t", "600", "-s", "INT", id}).code == 0);
  BOOST_TEST(other.wait().code() == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "5\n");
}

BOOST_AUTO_TEST_CASE(a_policy_may_be_changed_while_it_runs_and_between) {
  DaemonProcess daemon;
  const auto loop = daemon.detached({"--restart", "always", "false"});
  daemon.wait_until([&] { return state(daemon, loop) == "backoff"; }, "a crash loop");
  const auto none = daemon.sup({"update", "--restart", "no", loop});
  BOOST_TEST(none.code == 0, none.err);
  // Between two pauses it may have run just then: that was the last time.
  daemon.wait_until([&] { return state(daemon, loop) == "exited"; }, "the loop to be over");
  const auto id = daemon.shell("trap 'exit 3' USR1");
  BOOST_TEST(daemon.sup({"update", "--restart", "on-failure:1", id}).code == 0);
  BOOST_TEST(has(daemon.sup({"inspect", id}).out, "on-failure:1"));
  BOOST_TEST(daemon.sup({"kill", "-s", "USR1", id}).code == 0);
  daemon.wait_until([&] { return Events(daemon.events()).any("restarting", "/id", id); }, "its restart");
  const auto removed = daemon.detached({"--rm", "sleep", "1000"});
  BOOST_TEST(daemon.sup({"update", "--restart", "always", removed}).code == 125);
  BOOST_TEST(daemon.sup({"update", "--restart", "sometimes", id}).code == 125);
  BOOST_TEST(daemon.sup({"update", id}).code == 125);
}

// From each event one can ask back why.
BOOST_AUTO_TEST_CASE(causes_lead_from_each_run_to_the_one_before) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--rm", "sleep", "1000"});
  BOOST_TEST(daemon.sup({"restart", id}).code == 0);
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  const auto loop = daemon.detached({"--restart", "on-failure:2", "false"});
  daemon.wait_until([&] { return state(daemon, loop) == "exited"; }, "two restarts");
  std::map<std::string, std::string> last;   // by container: what was told of it last
  std::map<long, std::string> names;
  for (const auto& event : Events(daemon.events()).all()) {
    const auto of = event.text("/id");
    const auto cause = event.number("/cause");
    names[event.number("/seq")] = event.name();
    if (event.name() == "starting" && last.contains(of)) BOOST_TEST(names[cause] == "restarting", event.name());
    if (event.name() == "restarting" || event.name() == "removed") BOOST_TEST(names[cause] == "exited", event.name());
    last[of] = event.name();
  }
  BOOST_TEST(last[id] == "removed");
}

// As with docker: a policy is for what ends by itself.
BOOST_AUTO_TEST_CASE(what_a_user_has_killed_stays_so) {
  DaemonProcess daemon;
  const auto dies = daemon.detached({"--restart", "always", "--init", "sleep", "1000"});
  BOOST_TEST(daemon.sup({"kill", "-s", "HUP", dies}).code == 0);
  const auto leaves = daemon.shell("trap 'exit 0' TERM", {"--restart", "always"});
  BOOST_TEST(daemon.sup({"kill", "-s", "TERM", leaves}).code == 0);
  const auto goes_on = daemon.shell("trap 'exit 0' USR1", {"--restart", "always"});
  BOOST_TEST(daemon.sup({"kill", "-s", "USR1", goes_on}).code == 0);
  daemon.wait_until([&] { return Events(daemon.events()).any("restarting", "/id", goes_on); }, "its restart");
  daemon.wait_until([&] { return state(daemon, dies) == "exited" && state(daemon, leaves) == "exited"; }, "their ends");
  for (const auto& id : {dies, leaves}) BOOST_TEST(!Events(daemon.events()).any("restarting", "/id", id));
}

BOOST_AUTO_TEST_SUITE_END()
