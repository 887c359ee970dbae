// Many at once: run -d, ps, stop, kill, wait, rm and inspect, and the supervisor behind them.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// The supervisors that were started by the way: orphans, and so our children. Only where no Process is alive.
std::set<pid_t> supervisors() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  std::set<pid_t> all;
  const std::string text = read_text("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  std::size_t at = 0;
  for (std::size_t blank; (blank = text.find(' ', at)) != std::string::npos; at = blank + 1) {
    const auto pid = static_cast<pid_t>(std::stol(text.substr(at, blank - at)));
    const std::string words = read_text("/proc/" + std::to_string(pid) + "/cmdline");
    if (has(words, std::string("\0daemon\0", 8))) all.insert(pid);
  }
  return all;
}

void end_supervisors() {
  for (const pid_t pid : supervisors()) {
    ::kill(pid, SIGTERM);
    BOOST_TEST(gone(pid, 20s), "a supervisor that was started by the way does not end");
    int status = 0;
    if (::waitpid(pid, &status, 0) == pid) BOOST_TEST(WIFEXITED(status), "it was killed");
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(daemon_verbs, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(run_d_prints_the_id_and_ps_shows_it) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "web", "sleep", "1000"});
  BOOST_TEST(is_id(id), shown(id));
  const auto shown_by_ps = daemon.sup({"ps"});
  BOOST_TEST(shown_by_ps.code == 0);
  const auto rows = lines(shown_by_ps.out);
  BOOST_TEST_REQUIRE(rows.size() == 2U, shown(shown_by_ps.out));
  for (const auto& part :
       {id, std::string(" web "), std::string(" running "), std::string("sleep 1000"), std::string(" t ")})
    BOOST_TEST(has(rows[1], part), rows[1]);
  const auto json = daemon.sup({"ps", "--format", "json"});
  BOOST_TEST(parse_json(json.out).text("/items/0/id") == id, json.out);
  BOOST_TEST(parse_json(json.out).text("/items/0/state") == "running", json.out);
  const auto pid = static_cast<pid_t>(parse_json(json.out).number("/items/0/pid"));
  BOOST_TEST_REQUIRE(pid > 1);
  BOOST_TEST(read_text("/proc/" + std::to_string(pid) + "/cmdline") == std::string("sleep\0001000\0", 11));
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(gone(pid, 1s));
  const Events events(daemon.events());
  BOOST_TEST(events.any("started", "/id", id));
  BOOST_TEST(events.any("exited", "/id", id));
}

BOOST_AUTO_TEST_CASE(ps_shows_those_that_ended_with_a_only) {
  DaemonProcess daemon;
  const auto id = daemon.detached({probe_path(), "exit", "3"});
  BOOST_TEST(daemon.sup({"wait", id}).out == "3\n");
  BOOST_TEST(lines(daemon.sup({"ps"}).out).size() == 1U);
  const auto all = daemon.sup({"ps", "-a"});
  BOOST_TEST_REQUIRE(lines(all.out).size() == 2U, shown(all.out));
  BOOST_TEST(has(lines(all.out)[1], "exited 3"), all.out);
  BOOST_TEST(daemon.sup({"rm", id}).out == id + "\n");
  BOOST_TEST(daemon.ids().empty());
  daemon.wait_event("\"removed\"");
}

BOOST_AUTO_TEST_CASE(rm_with_run_forgets_it_at_its_end) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap 'exit 5' TERM", {"--rm"});
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  daemon.wait_event("\"removed\"");
  BOOST_TEST(daemon.ids().empty());
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_names_the_holder) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "one", "sleep", "1000"});
  const auto again = daemon.sup({"run", "-d", "--name", "one", "sleep", "1000"});
  BOOST_TEST(again.code == 125);
  BOOST_TEST(again.out.empty());
  BOOST_TEST(has(again.err, id), again.err);
  BOOST_TEST(lines(again.err).size() == 1U, again.err);
  // Free again when the holder is forgotten.
  BOOST_TEST(daemon.sup({"rm", "-f", "one"}).code == 0);
  BOOST_TEST(is_id(daemon.detached({"--name", "one", "sleep", "1000"})));
}

BOOST_AUTO_TEST_CASE(wait_tells_how_each_ended) {
  DaemonProcess daemon;
  std::vector<std::string> args{"wait"};
  std::string expected;
  for (const int code : {0, 1, 42, 125, 127, 255}) {
    args.push_back(daemon.detached({probe_path(), "exit", std::to_string(code)}));
    expected += std::to_string(code) + "\n";
  }
  args.push_back(daemon.detached({"--init", probe_path(), "kill", std::to_string(SIGUSR1)}));
  expected += std::to_string(128 + SIGUSR1) + "\n";
  const auto result = daemon.sup(args);
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == expected);
  BOOST_TEST(daemon.sup({"wait", "--exit-code", args[3]}).code == 42);
  BOOST_TEST(daemon.sup({"wait", "--exit-code", args[7]}).code == 128 + SIGUSR1);
  BOOST_TEST(daemon.sup({"wait", args[3]}).code == 0);
}

BOOST_AUTO_TEST_CASE(wait_waits) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap 'exit 7' TERM");
  Start start = plain();
  start.args = {"-S", "t", "wait", "--exit-code", id};
  Process waiting(start);
  waiting.watch(100ms);
  BOOST_TEST(!waiting.ended());
  BOOST_TEST(daemon.sup({"kill", "-s", "TERM", id}).code == 0);
  BOOST_TEST(waiting.wait().code() == 7);
  BOOST_TEST(waiting.out() == "7\n");
}

BOOST_AUTO_TEST_CASE(a_command_that_cannot_be_run_leaves_nothing) {
  DaemonProcess daemon;
  const auto missing = daemon.sup({"run", "-d", "--name", "x", "no-such-command-anywhere"});
  BOOST_TEST(missing.code == 127);
  BOOST_TEST(missing.out.empty(), missing.out);
  BOOST_TEST(lines(missing.err).size() == 1U, missing.err);
  BOOST_TEST(has(missing.err, "no-such-command-anywhere"), missing.err);
  const auto foreground = sup_run({"no-such-command-anywhere"});
  BOOST_TEST(has(foreground.err, missing.err.substr(0, missing.err.size() - 1)),
             "in the foreground: " << foreground.err << "with -d: " << missing.err);
  const auto directory = daemon.sup({"run", "-d", "/etc"});
  BOOST_TEST(directory.code == 126, directory.err);
  const auto workdir = daemon.sup({"run", "-d", "-w", "/no/such", "true"});
  BOOST_TEST(workdir.code == 125, workdir.err);
  daemon.wait_until([&] { return daemon.ids().empty(); }, "an empty ps -a");
  // The name is free.
  BOOST_TEST(is_id(daemon.detached({"--name", "x", "sleep", "1000"})));
}

BOOST_AUTO_TEST_CASE(what_belongs_to_the_caller_cannot_be_detached) {
  DaemonProcess daemon;
  for (const auto& args :
       {std::vector<std::string>{"--status-fd", "2"}, {"-t", "--record", dir() + "/r"}, {"--pidfile", dir() + "/p"}}) {
    std::vector<std::string> all{"run", "-d"};
    all.insert(all.end(), args.begin(), args.end());
    all.emplace_back("true");
    const auto result = daemon.sup(all);
    BOOST_TEST(result.code == 125, args[0]);
    BOOST_TEST(has(result.err, "-d"), result.err);
  }
  BOOST_TEST(daemon.ids().empty());
}

BOOST_AUTO_TEST_CASE(the_callers_surroundings_come_along) {
  DaemonProcess daemon;
  const std::string there = dir() + "/sub";
  std::filesystem::create_directory(there);
  ::chmod(there.c_str(), 0777);
  Start start = plain();
  start.cwd = there;
  start.env = {"FROM_CALLER=yes"};
  start.args = {"-S", "t",         "run",
                "-d", "--cidfile", dir() + "/cid",
                "sh", "-c",        "test \"$FROM_CALLER\" = yes && test \"$PWD\" = \"$1\" && cmp /dev/null - && exit 9",
                "sh", there};
  const auto result = run(start);
  BOOST_TEST_REQUIRE(result.code == 0, result.err);
  const auto id = lines(result.out).at(0);
  BOOST_TEST(has(read_text(dir() + "/cid"), id));
  BOOST_TEST(daemon.sup({"wait", id}).out == "9\n");
}

BOOST_AUTO_TEST_CASE(stop_gives_a_handler_its_time) {
  DaemonProcess daemon;
  const auto id =
      daemon.shell("trap 'for i in 1 2 3 4 5 6 7 8 9 10; do cat /proc/self/status > /dev/null; done; exit 7' TERM");
  const auto result = daemon.sup({"stop", id});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == id + "\n");
  BOOST_TEST(daemon.sup({"wait", id}).out == "7\n");
  BOOST_TEST(Events(daemon.events()).any("exited", "/exit_code", "7"));
  // Done already: no error, as with docker.
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
}

BOOST_AUTO_TEST_CASE(stop_does_not_wait_for_a_process_1_without_handler) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"sleep", "1000"});
  const auto begin = Clock::now();
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  BOOST_TEST(since(begin) < patient(3s), "stop took " << since(begin).count() << " ms");
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
}

BOOST_AUTO_TEST_CASE(stop_kills_when_the_time_is_over) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap : TERM");
  const auto begin = Clock::now();
  BOOST_TEST(daemon.sup({"stop", "-t", "1", id}).code == 0);
  BOOST_TEST(since(begin) >= 1000ms);
  BOOST_TEST(since(begin) < patient(4s), "stop took " << since(begin).count() << " ms");
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
  // -t 0 does not wait at all; -s is another question.
  const auto at_once = daemon.shell("trap : TERM");
  BOOST_TEST(daemon.sup({"stop", "-t", "0", at_once}).code == 0);
  const auto other = daemon.shell("trap : TERM; trap 'exit 4' USR2");
  BOOST_TEST(daemon.sup({"stop", "-s", "USR2", other}).code == 0);
  BOOST_TEST(daemon.sup({"wait", at_once, other}).out == "137\n4\n");
}

// On a terminal, whoever waits longer than a second is told for whom; the line is gone from the screen afterwards.
BOOST_AUTO_TEST_CASE(what_takes_long_says_what_it_waits_for) {
  DaemonProcess daemon;
  for (const char* term : {"TERM=xterm", "TERM=dumb"}) {
    (void)daemon.shell("trap : TERM", {"--name", "slow"});
    (void)daemon.detached({"--name", "quick", "sleep", "1000"});
    Start start;
    start.args = {"-S", daemon.name(), "stop", "-t", "2", "slow", "quick"};
    start.events = false;
    start.env = {term};
    Terminal terminal(start, {24, 30});
    BOOST_TEST(terminal.finish().code() == 0);
    const std::string output = terminal.out();
    const bool says = std::string_view(term) == "TERM=xterm";
    BOOST_TEST(has(output, "\r\x1b[Kstop: 1 s, 1 of 2 done, wait>") == says, shown(output));
    BOOST_TEST(has(output, "\x1b") == says, shown(output));
    BOOST_TEST(output.ends_with(says ? "\x1b[Kslow\r\nquick\r\n" : "slow\r\nquick\r\n"), shown(output));
    BOOST_TEST(daemon.sup({"rm", "slow", "quick"}).code == 0);
  }
}

BOOST_AUTO_TEST_CASE(kill_sends_what_it_is_told) {
  DaemonProcess daemon;
  const std::string got = dir() + "/got";
  const auto id = daemon.shell("trap ': > " + got + "' USR1");
  const auto result = daemon.sup({"kill", "-s", "SIGUSR1", id});
  BOOST_TEST(result.code == 0, result.err);
  daemon.wait_until([&] { return exists(got); }, "the handler's file");
  // Dropped by the kernel, and said so.
  const auto dropped = daemon.sup({"kill", "-s", "USR2", id});
  BOOST_TEST(has(dropped.err, "handler"), dropped.err);
  BOOST_TEST(daemon.pid_of(id) > 1);
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
  // There is nothing left to kill.
  BOOST_TEST(daemon.sup({"kill", id}).code == 125);
  for (const char* wrong : {"NOPE", "0", "65"}) BOOST_TEST(daemon.sup({"kill", "-s", wrong, id}).code == 125, wrong);
}

BOOST_AUTO_TEST_CASE(rm_refuses_what_runs_unless_forced) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"sleep", "1000"});
  const pid_t pid = daemon.pid_of(id);
  BOOST_TEST_REQUIRE(pid > 1);
  const auto refused = daemon.sup({"rm", id});
  BOOST_TEST(refused.code == 125);
  BOOST_TEST(has(refused.err, "running"), refused.err);
  BOOST_TEST(has(refused.err, "rm -f"), refused.err);
  BOOST_TEST(daemon.ids().size() == 1U);
  const auto forced = daemon.sup({"rm", "-f", id});
  BOOST_TEST(forced.code == 0, forced.err);
  BOOST_TEST(forced.out == id + "\n");
  BOOST_TEST(gone(pid, 1s));
  BOOST_TEST(daemon.ids().empty());
}

BOOST_AUTO_TEST_CASE(an_unknown_one_does_not_keep_the_others_from_it) {
  DaemonProcess daemon;
  for (const char* verb : {"stop", "kill", "wait", "rm", "inspect"}) {
    const auto first = daemon.detached({probe_path(), "sleep"});
    const auto last = daemon.detached({probe_path(), "sleep"});
    if (std::string_view(verb) == "wait" || std::string_view(verb) == "rm")
      BOOST_TEST(daemon.sup({"stop", first, last}).code == 0);
    const auto result = daemon.sup({verb, first, "nobody", last});
    BOOST_TEST_CONTEXT(verb << " " << result.err) {
      BOOST_TEST(result.code == 125);
      BOOST_TEST(lines(result.err).size() == 1U);
      BOOST_TEST(has(result.err, "nobody"));
      if (std::string_view(verb) == "wait")
        BOOST_TEST(result.out == "137\n137\n");
      else
        BOOST_TEST((has(result.out, first) && has(result.out, last)), result.out);
    }
  }
  BOOST_TEST(daemon.sup({"stop"}).code == 125);
}

BOOST_AUTO_TEST_CASE(the_beginning_of_an_id_will_do) {
  DaemonProcess daemon;
  // One of seventeen begins as another: there are sixteen digits.
  std::map<char, std::string> seen;
  std::string one, other;
  for (int i = 0; i < 17 && other.empty(); ++i) {
    const auto id = daemon.detached({"true"});
    BOOST_TEST_REQUIRE(is_id(id));
    if (const auto [at, fresh] = seen.emplace(id[0], id); !fresh) one = at->second, other = id;
  }
  BOOST_TEST_REQUIRE(!other.empty());
  BOOST_TEST(daemon.sup({"wait", one.substr(0, 11)}).out == "0\n");
  const auto ambiguous = daemon.sup({"rm", one.substr(0, 1)});
  BOOST_TEST(ambiguous.code == 125);
  BOOST_TEST((has(ambiguous.err, one) || has(ambiguous.err, other)), ambiguous.err);
  BOOST_TEST(daemon.sup({"inspect", ""}).code == 125);
  // A name goes before the beginning of an id.
  const auto named = daemon.detached({"--name", one.substr(0, 1), "true"});
  BOOST_TEST(parse_json(daemon.sup({"inspect", one.substr(0, 1)}).out).text("/id") == named);
}

BOOST_AUTO_TEST_CASE(inspect_is_json_whatever_the_bytes) {
  DaemonProcess daemon;
  const std::string bytes = "\xff\xfe\x01 \"\\";
  const auto id = daemon.detached({probe_path(), "sleep", bytes, "caf\xc3\xa9"});
  const auto result = daemon.sup({"inspect", id});
  BOOST_TEST(result.code == 0);
  BOOST_TEST_REQUIRE(is_json(result.out), shown(result.out));
  const auto document = parse_json(result.out);
  BOOST_TEST(document.text("/id") == id);
  BOOST_TEST(document.text("/state") == "running");
  BOOST_TEST(document.text("/spec/argv/2/base64") == "//4BICJc", result.out);
  BOOST_TEST(document.text("/spec/argv/3") == "caf\xc3\xa9", result.out);
  // And it is what the command got.
  const auto words = read_text("/proc/" + document.text("/pid") + "/cmdline");
  BOOST_TEST(words == probe_path() + '\0' + "sleep" + '\0' + bytes + '\0' + "caf\xc3\xa9" + '\0', shown(words));
  const auto table = daemon.sup({"ps"});
  BOOST_TEST(table.code == 0);
  BOOST_TEST(!has(table.out, "\xff"), shown(table.out));
  BOOST_TEST(is_json(daemon.sup({"ps", "--format", "json"}).out));
}

BOOST_AUTO_TEST_CASE(without_a_supervisor) {
  const auto none = sup_cli({"ps", "-a"}, plain());
  BOOST_TEST(none.code == 0, none.err);
  BOOST_TEST(lines(none.out).size() == 1U, none.out);
  for (const char* verb : {"stop", "kill", "wait", "rm", "inspect"}) {
    const auto result = sup_cli({verb, "x"}, plain());
    BOOST_TEST(result.code == 125, verb);
    BOOST_TEST(has(result.err, "no supervisor"), result.err);
  }
  const auto named = sup_cli({"-S", "other", "ps"}, plain());
  BOOST_TEST(named.code == 125);
  BOOST_TEST(has(named.err, "other"), named.err);
}

BOOST_AUTO_TEST_CASE(containers_of_all_supervisors) {
  DaemonProcess first({}, "a");
  DaemonProcess second({}, "b");
  const auto one = first.detached({"sleep", "1000"});
  const auto two = second.detached({"sleep", "1000"});
  const auto all = sup_cli({"ps"}, plain());
  BOOST_TEST((has(all.out, one) && has(all.out, two)), all.out);
  BOOST_TEST(!has(first.sup({"ps"}).out, two));
  const auto stopped = sup_cli({"stop", two, one}, plain());
  BOOST_TEST(stopped.code == 0, stopped.err);
  BOOST_TEST(stopped.out == two + "\n" + one + "\n");
}

BOOST_AUTO_TEST_CASE(racing_run_d_start_one_supervisor, *but::label("slow")) {
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<Process>> all;
    for (int i = 0; i < 8; ++i) {
      Start start = plain();
      start.args = {"run", "-d", "sleep", "1000"};
      all.push_back(std::make_unique<Process>(start));
    }
    std::set<std::string> ids;
    for (auto& one : all) {
      const int code = one->wait(30s).code();
      BOOST_TEST(code == 0, "round " << round << ": run -d gave " << code << " " << one->err());
      if (code == 0) ids.insert(lines(one->out()).at(0));
    }
    all.clear();
    BOOST_TEST(ids.size() == 8U);
    const auto end = Clock::now() + patient(5s);
    while (supervisors().size() != 1 && Clock::now() < end) ::usleep(1000);
    BOOST_TEST(supervisors().size() == 1U);
    const auto shown_by_ps = sup_cli({"ps"}, plain());
    for (const auto& id : ids) BOOST_TEST(has(shown_by_ps.out, id), shown_by_ps.out);
    end_supervisors();
    BOOST_TEST(!exists(runtime_dir() + "/sup/default.sock"));
    // Each supervisor numbers its events from 1.
    const std::string events = runtime_dir() + "/sup/default.events";
    check_events(read_text(events), events);
    BOOST_TEST(Events(read_text(events)).count("exited") == 8U);
    std::filesystem::remove(events);
  }
}

BOOST_AUTO_TEST_CASE(a_run_that_stays_starts_its_supervisor_too) {
  auto start = plain();
  start.env = {"SUP_SUPERVISOR=other"};
  const auto result = sup_run({"sh", "-c", "echo here; exit 5"}, start);
  BOOST_TEST(result.code == 5);
  BOOST_TEST(result.out == "here\n");
  BOOST_TEST(result.err == "");
  BOOST_TEST(exists(runtime_dir() + "/sup/other.sock"));
  end_supervisors();
  std::filesystem::remove(runtime_dir() + "/sup/other.events");
}

BOOST_AUTO_TEST_CASE(a_killed_supervisor_takes_its_containers_along) {
  {
    DaemonProcess daemon;
    std::vector<pid_t> pids;
    for (int i = 0; i < 20; ++i)
      pids.push_back(
          daemon.pid_of(i % 4 == 0 ? daemon.shell("trap : TERM")
                                   : daemon.detached({i % 4 == 1 ? "--init" : "--clear-env", "/bin/sleep", "1000"})));
    for (const pid_t pid : pids) BOOST_TEST_REQUIRE(pid > 1);
    daemon.murder();
    const auto begin = Clock::now();
    for (const pid_t pid : pids) BOOST_TEST(gone(pid, 1s), "a container outlives its supervisor");
    BOOST_TEST(since(begin) < patient(1s));
    BOOST_TEST(exists(daemon.socket()));
  }
  // What it left is nobody's: it does not count, and is replaced.
  BOOST_TEST(sup_cli({"ps"}, plain()).code == 0);
  BOOST_TEST(sup_cli({"-S", "t", "ps"}, plain()).code == 125);
  DaemonProcess next;
  BOOST_TEST(next.ids().empty());
  BOOST_TEST(is_id(next.detached({"sleep", "1000"})));
}

BOOST_AUTO_TEST_CASE(term_ends_them_all_at_the_same_time) {
  DaemonProcess daemon;
  std::vector<pid_t> pids;
  for (int i = 0; i < 30; ++i) {
    pids.push_back(daemon.pid_of(i % 6 == 0 ? daemon.shell("trap : TERM", {"--stop-timeout", "1"})
                                            : daemon.detached({"sleep", "1000"})));
    BOOST_TEST_REQUIRE(pids.back() > 1);
  }
  const auto begin = Clock::now();
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(since(begin) >= 900ms);
  BOOST_TEST(since(begin) < patient(4s), "it took " << since(begin).count() << " ms");
  for (const pid_t pid : pids) BOOST_TEST(gone(pid, 0ms));
  BOOST_TEST(Events(daemon.events()).count("exited") == 30U);
}

BOOST_AUTO_TEST_CASE(a_second_term_does_not_wait) {
  DaemonProcess daemon;
  (void)daemon.shell("trap : TERM");
  daemon.signal(SIGTERM);
  daemon.wait_until([&] { return has(daemon.events(), "SIGTERM"); }, "the first one being passed on");
  const auto begin = Clock::now();
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(since(begin) < patient(3s));
}

BOOST_AUTO_TEST_CASE(an_idle_one_leaves) {
  DaemonProcess daemon({"--idle-exit", "100ms"});
  BOOST_TEST(daemon.wait(5s).code() == 0);
  BOOST_TEST(!exists(daemon.socket()));
}

BOOST_AUTO_TEST_CASE(the_second_of_a_name_is_refused) {
  DaemonProcess daemon;
  const auto begin = Clock::now();
  const auto second = daemon.sup({"daemon"});
  BOOST_TEST(second.code == 125);
  BOOST_TEST(has(second.err, "already"), second.err);
  BOOST_TEST(since(begin) < patient(2s));
  BOOST_TEST(daemon.sup({"ps"}).code == 0);
}

BOOST_AUTO_TEST_CASE(a_runtime_directory_that_is_open_to_others_is_refused) {
  for (const mode_t mode : {0755U, 0711U, 0770U}) {
    const std::string open = dir() + "/open-" + std::to_string(mode);
    std::filesystem::create_directory(open);
    BOOST_TEST_REQUIRE(::chown(open.c_str(), uid(), gid()) == 0);
    ::chmod(open.c_str(), mode);
    for (const auto& args : {std::vector<std::string>{"daemon"}, {"run", "-d", "true"}}) {
      Start start = plain();
      start.env = {"SUP_RUNTIME_DIR=" + open};
      start.args = args;
      const auto result = run(start);
      BOOST_TEST(result.code == 125, args[0]);
      BOOST_TEST(has(result.err, "chmod 700"), result.err);
    }
    BOOST_TEST(std::filesystem::is_empty(open));
  }
  // Nor one that is a link, or somebody else's.
  std::filesystem::create_directory_symlink(dir(), dir() + "/link");
  std::filesystem::create_directory(dir() + "/theirs");
  ::chmod((dir() + "/theirs").c_str(), 0700);
  if (::geteuid() != 0) return;  // cannot give anything away
  BOOST_TEST_REQUIRE(::chown((dir() + "/theirs").c_str(), 54321, 54321) == 0);
  for (const char* name : {"/link", "/theirs"}) {
    Start start = plain();
    start.env = {"SUP_RUNTIME_DIR=" + dir() + name};
    start.args = {"daemon"};
    BOOST_TEST(run(start).code == 125, name);
  }
}

BOOST_AUTO_TEST_CASE(a_client_inside_a_container_is_refused) {  // B24
  DaemonProcess daemon;
  const auto inside = sup_run({probe_path(), "talk", daemon.socket()});
  BOOST_TEST(inside.out == "talk connected\ntalk end\n", inside.out);
  daemon.wait_event("E_DENIED");
  BOOST_TEST(has(daemon.events(), "inside a container"), daemon.events());
  const auto as_verb = sup_run({sup_path(), "-S", "t", "ps"});
  BOOST_TEST(as_verb.code == 125, as_verb.out);
  BOOST_TEST(daemon.sup({"ps"}).code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
