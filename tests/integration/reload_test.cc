// Live upgrade: the supervisor executes sup again in its place, and nothing is lost.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

void reload(const DaemonProcess& daemon) {
  const auto done = daemon.sup({"reload"});
  BOOST_TEST(done.code == 0, done.err);
  BOOST_TEST(has(done.out, "reloaded"), shown(done.out));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reload_verb, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(the_supervisor_and_its_containers_stay_the_same_processes) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "web", "--init", "sleep", "1000"});
  const pid_t before = daemon.pid_of(id);
  reload(daemon);
  BOOST_TEST(daemon.wait_event("\"reloaded\""));
  BOOST_TEST(daemon.pid_of("web") == before);
  BOOST_TEST(state_of(before) != 0);
  BOOST_TEST(has(read_text("/proc/" + std::to_string(daemon.pid()) + "/cmdline"), "--resume"));
  BOOST_TEST(daemon.sup({"stop", "web"}).code == 0);
  BOOST_TEST(has(daemon.sup({"inspect", id}).out, "\"exited\""));
}

BOOST_AUTO_TEST_CASE(exit_statuses_times_and_what_has_ended_are_kept) {
  DaemonProcess daemon;
  const auto ended = daemon.detached({"--name", "done", "sh", "-c", "exit 7"});
  BOOST_TEST(daemon.sup({"wait", ended}).out == "7\n");
  const auto before = daemon.sup({"inspect", ended}).out;
  const auto later = daemon.shell("trap 'exit 9' TERM");
  reload(daemon);
  BOOST_TEST(daemon.sup({"inspect", ended}).out == before);
  BOOST_TEST(daemon.sup({"stop", later}).code == 0);
  BOOST_TEST(daemon.sup({"wait", later}).out == "9\n");
}

BOOST_AUTO_TEST_CASE(who_waits_is_told_by_the_new_program) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap 'exit 5' TERM");
  RawClient waiting(daemon.socket());
  (void)waiting.line();
  BOOST_TEST(waiting.send(R"({"jsonrpc":"2.0","id":"w","method":"container.wait","params":{"container":")" + id +
                          "\"}}\n" + R"({"jsonrpc":"2.0","id)"));
  // Answered after what was sent before it: so the wait is known.
  RawClient other(daemon.socket());
  (void)other.line();
  (void)other.ask("hello");
  reload(daemon);
  // The half of a request that was there already counts as well.
  BOOST_TEST(waiting.send("\":\"h\",\"method\":\"hello\"}\n"));
  BOOST_TEST(has(waiting.line(), "\"id\":\"h\""));
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  const auto told = waiting.line();
  BOOST_TEST(has(told, "\"id\":\"w\""), told);
  BOOST_TEST(has(told, "\"exit_code\":5"), told);
}

BOOST_AUTO_TEST_CASE(not_a_byte_of_output_is_lost_over_many_reloads) {
  const long count = scaled(5);
  DaemonProcess daemon;
  // Numbers without a pause, until told to stop: every one of them must be in the log, and the last one says how many.
  const auto id =
      daemon.detached({"--name", "writer", "--stop-timeout", "20", "sh", "-c",
                       "trap 'run=0' TERM; run=1; i=0; while [ $run = 1 ]; do i=$((i+1)); echo $i; done; exit 3"});
  const auto tty = daemon.detached(
      {"-t", "--name", "tty", "--stop-timeout", "20", "sh", "-c",
       "trap 'run=0' TERM; run=1; i=0; while [ $run = 1 ]; do i=$((i+1)); echo $i; sleep 0.01; done; exit 4"});
  BOOST_TEST(
      daemon.wait_until([&] { return has(daemon.sup({"logs", "--tail", "1", tty}).out, "\n"); }, "the first output"));
  for (long i = 0; i < count; ++i) reload(daemon);
  for (const auto& name : {"writer", "tty"}) {
    BOOST_TEST(daemon.sup({"stop", name}).code == 0);
    BOOST_TEST(daemon.sup({"wait", name}).out == (name == std::string("tty") ? "4\n" : "3\n"));
    // The log is bounded: the beginning of a long one may have been rotated away, but what is there has no hole.
    const auto all = lines(daemon.sup({"logs", name}).out);
    BOOST_TEST_REQUIRE(all.size() > 1U);
    long previous = std::stol(all.front()) - 1;
    bool whole = true;
    for (const auto& line : all) {
      const long now = std::stol(line);
      if (now != previous + 1) {
        whole = false;
        BOOST_TEST(false, name << ": " << now << " after " << previous);
        break;
      }
      previous = now;
    }
    BOOST_TEST(whole);
  }
  const auto told = parse_json(daemon.sup({"inspect", id}).out);
  BOOST_TEST(told.number("/outcome/exit_code") == 3);
}

BOOST_AUTO_TEST_CASE(restarts_and_timeouts_that_were_due_come_all_the_same) {
  DaemonProcess daemon;
  const auto limited = daemon.detached({"--timeout", "1500ms", "--init", "sleep", "1000"});
  const auto again = daemon.detached({"--name", "again", "--restart", "always", "sh", "-c", "sleep 0.05; exit 1"});
  reload(daemon);
  reload(daemon);
  BOOST_TEST(has(daemon.sup({"wait", limited}).out, "143"));
  BOOST_TEST(daemon.wait_until([&] { return parse_json(daemon.sup({"inspect", again}).out).number("/restarts") >= 3; },
                               "three restarts"));
}

BOOST_AUTO_TEST_CASE(what_cannot_take_over_leaves_the_old_one_running) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--init", "sleep", "1000"});
  const auto not_sup = write_file("other", "#!/bin/sh\necho 'sup: some: reason' >&2\nexit 125\n", 0755);
  const auto missing = dir() + "/nothing";
  const auto no_program = write_file("text", "just words\n");
  for (const auto& [program, words] : {std::pair<std::string, std::string>{not_sup, "some: reason"},
                                       {missing, "No such file"},
                                       {no_program, "ermission denied"}}) {
    const auto refused = daemon.sup({"reload", "--exec", program});
    BOOST_TEST(refused.code == 125);
    BOOST_TEST(lines(refused.err).size() == 1U, refused.err);
    BOOST_TEST((has(refused.err, words) || has(refused.err, "no such file")), refused.err);
    BOOST_TEST(has(refused.err, "goes on as it was"), refused.err);
    BOOST_TEST(state_of(daemon.pid_of(id)) != 0);
  }
  // One that ends well whatever it is asked is no sup for it; and nobody waits for whom it leaves behind.
  const auto leaves = write_file("leaves", "#!/bin/sh\nsleep 1000 &\necho $! >'" + dir() + "/left'\nexit 0\n", 0755);
  for (const auto& program : {std::string("/bin/true"), std::string("/bin/echo"), leaves}) {
    const auto refused = daemon.sup({"reload", "--exec", program});
    BOOST_TEST(refused.code == 125, program);
    BOOST_TEST(has(refused.err, "it is no sup"), refused.err);
    BOOST_TEST_REQUIRE(!daemon.ended());
    BOOST_TEST(state_of(daemon.pid_of(id)) != 0);
  }
  ::kill(std::atoi(read_text(dir() + "/left").c_str()), SIGKILL);
  // One that agrees to everything and then is not there: the exec itself fails.
  const auto vanishing = dir() + "/vanishing";
  write_file("vanishing", "#!/bin/sh\nrm -f '" + vanishing + "'\nexec '" + sup_path() + "' \"$@\"\n", 0755);
  const auto refused = daemon.sup({"reload", "--exec", vanishing});
  BOOST_TEST(refused.code == 125);
  BOOST_TEST(has(refused.err, "goes on as it was"), refused.err);
  const auto next = daemon.detached({"--init", "sleep", "1000"});
  BOOST_TEST(daemon.pid_of(next) > 0);
  reload(daemon);
}

BOOST_AUTO_TEST_CASE(a_state_that_is_none_is_refused_by_the_program_itself) {
  const auto file = write_file("state", "not a state");
  const sup::Fd state(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  Start start;
  start.args = {"daemon", "--try-state", "9"};
  start.events = false;
  start.fds = {{state.get(), 9}};
  const auto refused = run(start);
  BOOST_TEST(refused.code == 125);
  BOOST_TEST(has(refused.err, "sealed"), refused.err);
}

BOOST_AUTO_TEST_CASE(who_is_attached_stays_so_and_sees_every_line) {
  // SUP_STRESS=25: a hundred containers, ten of them with a client, and a hundred reloads.
  const long containers = scaled(4);
  const long clients_of = std::min(containers, 10L);
  const long reloads = scaled(4);
  DaemonProcess daemon;
  const auto attaching = [&](const std::string& name, bool input) {
    Start start;
    start.events = false;
    start.args = {"-S", daemon.name(), "attach", name};
    start.in = input ? Start::In::open : Start::In::null;
    return start;
  };
  (void)daemon.detached({"-i", "--name", "echo", "sh", "-c", "while read x; do echo got $x; done; exit 7"});
  std::vector<std::unique_ptr<Process>> clients;
  for (long i = 0; i < containers; ++i) {
    const auto name = "count" + std::to_string(i);
    // Waits for its first line, so that the client is there from the first number on.
    (void)daemon.detached({"-i", "--name", name, "--stop-timeout", "60", probe_path(), "count", "20"});
    clients.push_back(std::make_unique<Process>(attaching(name, true)));
    clients.back()->send("go\n");
    BOOST_TEST(clients.back()->wait_out("1\n2\n"));
    if (i < clients_of) continue;
    // The others write on unwatched. KILL: any other signal would be passed on.
    clients.back()->signal(SIGKILL);
    (void)clients.back()->wait();
  }
  Process echo(attaching("echo", true));
  Process follower([&] {
    Start start;
    start.events = false;
    start.args = {"-S", daemon.name(), "events", "-f", "--format", "json", "--tail", "0"};
    return start;
  }());
  echo.send("one\n");
  BOOST_TEST(echo.wait_out("got one\n"));
  for (long i = 0; i < reloads; ++i) {
    reload(daemon);
    echo.send("round " + std::to_string(i) + "\n");
    BOOST_TEST(echo.wait_out("got round " + std::to_string(i) + "\n"));
  }
  echo.close_input();
  BOOST_TEST(echo.wait().code() == 7);
  for (long i = 0; i < containers; ++i) {
    const auto name = "count" + std::to_string(i);
    BOOST_TEST(daemon.sup({"stop", name}).code == 0);
    BOOST_TEST(daemon.sup({"wait", name}).out == "4\n");
    if (i < clients_of) BOOST_TEST(clients[static_cast<std::size_t>(i)]->wait().code() == 4);
    const auto seen =
        lines(i < clients_of ? clients[static_cast<std::size_t>(i)]->out() : daemon.sup({"logs", name}).out);
    BOOST_TEST_REQUIRE(seen.size() > 2U);
    for (std::size_t at = 0; at + 1 < seen.size(); ++at) BOOST_TEST_REQUIRE(seen[at] == std::to_string(at + 1));
    BOOST_TEST(seen.back() == "last " + std::to_string(seen.size() - 1));
  }
  BOOST_TEST(follower.wait_out("\"reloaded\""));
  BOOST_TEST(follower.wait_out("\"exited\""));
  follower.signal(SIGTERM);
  (void)follower.wait();
}

BOOST_AUTO_TEST_CASE(a_command_of_exec_goes_on_as_well) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "web", "--init", "sleep", "1000"});
  Start start;
  start.events = false;
  start.args = {"-S",  daemon.name(), "exec", "-ti",
                "web", "sh",          "-c",   "stty -echo; echo ready; while read x; do echo got $x; done; exit 9"};
  Terminal terminal(start);
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  reload(daemon);
  terminal.ask("after\r", "got after");
  reload(daemon);
  terminal.send("\x04");
  BOOST_TEST(terminal.finish().code() == 9);
}

BOOST_AUTO_TEST_CASE(what_is_paused_or_limited_stays_so) {
  if (as_user()) return;  // control groups are root's here
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "web", "--pids-limit", "50", "--init", "sleep", "1000"});
  BOOST_TEST(daemon.sup({"pause", "web"}).code == 0);
  reload(daemon);
  BOOST_TEST(has(daemon.sup({"inspect", id}).out, "\"paused\""));
  BOOST_TEST(daemon.sup({"update", "--pids-limit", "60", "web"}).code == 0);
  BOOST_TEST(daemon.sup({"unpause", "web"}).code == 0);
  BOOST_TEST(has(daemon.sup({"inspect", id}).out, "\"running\""));
  BOOST_TEST(daemon.sup({"stop", "web"}).code == 0);
}

// Whoever sweeps what the dead have left takes an unlocked group for such: not for the moment of the exec is it unlocked.
BOOST_AUTO_TEST_CASE(the_lock_of_a_group_is_never_let_go_of) {
  if (as_user()) return;  // control groups are root's here
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "web", "--pids-limit", "50", "sleep", "1000"});
  std::string group;
  for (const auto& line : lines(read_text("/proc/" + std::to_string(daemon.pid_of(id)) + "/cgroup"))) {
    if (const auto at = line.find(":pids:"); at != std::string::npos)
      group = "/sys/fs/cgroup/pids" + line.substr(at + 6);
    if (line.starts_with("0::") && group.empty()) group = "/sys/fs/cgroup" + line.substr(3);
  }
  BOOST_TEST_REQUIRE(exists(group), group);
  Start start;
  start.program = "/usr/bin/flock";
  start.args = {group, "echo", "mine"};
  Process other(start);
  // The kernel's list of locks shows who waits with an arrow.
  BOOST_TEST_REQUIRE(other.wait_until(
      [&] {
        for (const auto& line : lines(read_text("/proc/locks"))) {
          if (has(line, "-> FLOCK") && has(line, " " + std::to_string(other.pid()) + " ")) return true;
        }
        return false;
      },
      "a lock to be waited for"));
  reload(daemon);
  BOOST_TEST(daemon.sup({"update", "--pids-limit", "60", "web"}).code == 0);
  BOOST_TEST(other.take_out() == "");
  BOOST_TEST(daemon.sup({"stop", "web"}).code == 0);
  BOOST_TEST(other.wait().code() == 0);
  BOOST_TEST(other.take_out() == "mine\n");
}

// An exec after it is what one before it was: the same user, environment and filter.
BOOST_AUTO_TEST_CASE(an_exec_is_confined_as_before) {
  DaemonProcess daemon;
  write_file(
      "filter.json",
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]})");
  std::vector<std::string> words = {"-e", "GIVEN=yes", "--security-opt", "seccomp=" + dir() + "/filter.json"};
  if (!as_user()) words.insert(words.end(), {"-u", "nobody"});
  words.insert(words.end(), {"sleep", "1000"});
  const auto id = daemon.detached(words);
  const std::vector<std::string> look = {
      "exec", id, "sh", "-c", "mkdir made 2>&1; grep -E '^(Seccomp|Uid|CapEff)' /proc/self/status; env | sort"};
  const auto before = daemon.sup(look);
  BOOST_TEST(before.code == 0, before.err);
  BOOST_TEST(has(before.out, "Operation not permitted"), before.out);
  BOOST_TEST(has(before.out, "GIVEN=yes"), before.out);
  reload(daemon);
  const auto after = daemon.sup(look);
  BOOST_TEST(after.code == 0, after.err);
  BOOST_TEST(after.out == before.out, after.out << " before: " << before.out);
}

BOOST_AUTO_TEST_CASE(descriptors_do_not_grow_with_reloads) {
  DaemonProcess daemon({"--pool", "0"});  // whose descriptors come and go
  (void)daemon.detached({"--init", "sleep", "1000"});
  (void)daemon.detached({"-ti", "sleep", "1000"});
  reload(daemon);
  const auto before = fds_of(daemon.pid());
  for (int i = 0; i < 5; ++i) reload(daemon);
  BOOST_TEST(
      daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "the last client's descriptor to close"));
}

BOOST_AUTO_TEST_SUITE_END()
