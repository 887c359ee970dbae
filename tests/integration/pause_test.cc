// pause, unpause and update: of what runs, under load, and whatever comes in between.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <sstream>
#include <string>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

bool can_freeze() {
  return !as_user() && ::geteuid() == 0 &&
         (exists("/sys/fs/cgroup/unified/cgroup.procs") || exists("/sys/fs/cgroup/cgroup.procs") ||
          exists("/sys/fs/cgroup/freezer"));
}

std::string state_in_ps(const DaemonProcess& daemon, const std::string& id) {
  return parse_json(daemon.sup({"inspect", id}).out).text("/state");
}

}  // namespace

#define NEEDS_FREEZER() \
  if (!can_freeze()) SUP_CANNOT("nothing here that freezes")

BOOST_FIXTURE_TEST_SUITE(pause_verbs, Clean, *but::label("both"))

// Processes that fork all the time, in a container that had no group: all of them stand still, and all go on.
// Those whom process 1 does not reap are not in its way: they can be moved into no group.
BOOST_AUTO_TEST_CASE(zombies_do_not_keep_it) {
  NEEDS_FREEZER();
  DaemonProcess daemon;
  const auto id = daemon.detached({"sh", "-c", "for i in 1 2 3; do sleep 0 & done; exec sleep 1000"});
  const auto first = std::to_string(daemon.pid_of(id));
  daemon.wait_until(
      [&] {
        std::istringstream children(read_text("/proc/" + first + "/task/" + first + "/children"));
        int dead = 0;
        for (pid_t child = 0; children >> child;) dead += state_of(child) == 'Z' ? 1 : 0;
        return dead == 3;
      },
      "three zombies");
  const auto paused = daemon.sup({"pause", id});
  BOOST_TEST(paused.code == 0, paused.err);
  BOOST_TEST(state_in_ps(daemon, id) == "paused");
  BOOST_TEST(daemon.sup({"unpause", id}).code == 0);
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
}

BOOST_AUTO_TEST_CASE(everything_stands_still_and_goes_on) {
  NEEDS_FREEZER();
  DaemonProcess daemon;
  const auto id = daemon.detached({"-w", dir(), "sh", "-c", "i=0; while :; do i=$((i+1)); (echo $i >count); done"});
  const auto file = dir() + "/count";
  daemon.wait_until([&] { return !read_text(file).empty(); }, "the count");
  for (int round = 0; round < 3; ++round) {
    const auto paused = daemon.sup({"pause", id});
    BOOST_TEST(paused.code == 0, paused.err);
    BOOST_TEST(paused.out == id + "\n");
    BOOST_TEST(state_in_ps(daemon, id) == "paused");
    const auto before = read_text(file);
    daemon.watch(50ms);
    BOOST_TEST(read_text(file) == before);
    const auto again = daemon.sup({"pause", id});
    BOOST_TEST(again.code == 125);
    BOOST_TEST(has(again.err, "is already paused"), again.err);
    const auto unpaused = daemon.sup({"unpause", id});
    BOOST_TEST(unpaused.code == 0, unpaused.err);
    BOOST_TEST(state_in_ps(daemon, id) == "running");
    daemon.wait_until(
        [&] {
          const auto now = read_text(file);
          return !now.empty() && now != before;
        },
        "the count goes on");
  }
  BOOST_TEST(has(daemon.sup({"unpause", id}).err, "is not paused"));
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
  const Events events(daemon.events());
  BOOST_TEST(events.count("paused") == 3U);
  BOOST_TEST(events.count("unpaused") == 3U);
}

BOOST_AUTO_TEST_CASE(signals_wait_but_for_kill) {
  NEEDS_FREEZER();
  DaemonProcess daemon;
  const auto id = daemon.shell("trap 'echo got >" + dir() + "/got' USR1");
  BOOST_TEST(daemon.sup({"pause", id}).code == 0);
  BOOST_TEST(daemon.sup({"kill", "-s", "USR1", id}).code == 0);
  daemon.watch(50ms);
  BOOST_TEST(!exists(dir() + "/got"));
  BOOST_TEST(daemon.sup({"unpause", id}).code == 0);
  daemon.wait_until([&] { return exists(dir() + "/got"); }, "the signal");
  BOOST_TEST(daemon.sup({"pause", id}).code == 0);
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
  BOOST_TEST((std::chrono::steady_clock::now() - begin < patient(3s)));
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
}

// B51: stopped while frozen: it can answer, and it is gone in time. And one that will not answer.
BOOST_AUTO_TEST_CASE(b51_a_frozen_one_can_be_stopped_and_removed) {
  NEEDS_FREEZER();
  DaemonProcess daemon;
  const auto polite = daemon.shell("trap 'exit 7' TERM");
  BOOST_TEST(daemon.sup({"pause", polite}).code == 0);
  BOOST_TEST(daemon.sup({"stop", polite}).code == 0);
  BOOST_TEST(daemon.sup({"wait", polite}).out == "7\n");
  const auto deaf = daemon.shell("trap '' TERM");
  BOOST_TEST(daemon.sup({"pause", deaf}).code == 0);
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(daemon.sup({"stop", "-t", "0.2", deaf}).code == 0);
  BOOST_TEST((std::chrono::steady_clock::now() - begin < patient(2s)));
  BOOST_TEST(daemon.sup({"wait", deaf}).out == "137\n");
  const auto removed = daemon.shell("trap '' TERM");
  BOOST_TEST(daemon.sup({"pause", removed}).code == 0);
  BOOST_TEST(daemon.sup({"rm", "-f", removed}).code == 0);
  // And a supervisor that leaves takes a frozen one along.
  const auto last = daemon.shell("trap 'exit 0' TERM");
  const auto pid = daemon.pid_of(last);
  BOOST_TEST(daemon.sup({"pause", last}).code == 0);
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(gone(pid, 1s));
}

// Runs until the next sup has removed what the one that was killed has left.
void sweep(const std::vector<std::string>& options, const std::string& directory) {
  const auto end = std::chrono::steady_clock::now() + patient(5s);
  while (exists(directory) && std::chrono::steady_clock::now() < end) BOOST_TEST(sup_run(options).code == 0);
  BOOST_TEST(!exists(directory), directory);
}

// With another's pid namespace no PID 1 dies with the supervisor, but its guard kills the others: it stands not still with them.
BOOST_AUTO_TEST_CASE(a_frozen_one_among_the_hosts_processes_ends_with_its_supervisor) {
  NEEDS_FREEZER();
  if (const auto tried = sup_run({"--pid", "host", "true"}); tried.code != 0)
    SUP_CANNOT("there is no cgroup.kill here");
  for (const bool updated : {false, true}) {
    Process process(running({"--pid", "host", "sh", "-c", "sleep 1000 & echo up $! $$; wait"}));
    BOOST_TEST_REQUIRE(process.wait_out("up "));
    BOOST_TEST_REQUIRE(process.wait_event("\"started\""));  // what it has said may be there before
    const auto id = Events(process.events()).first("starting").text("/id");
    const auto words = value(process.out(), "up");
    const pid_t sleeper = std::atoi(words.c_str());
    const pid_t shell = std::atoi(words.substr(words.find(' ')).c_str());
    const auto paused = sup_cli({"pause", id});
    BOOST_TEST(paused.code == 0, paused.err);
    // It is not taken in again by what looks for who is outside.
    if (updated) BOOST_TEST(sup_cli({"update", "--pids-limit", "100", id}).code == 0);
    process.signal(SIGKILL);
    process.wait();
    BOOST_TEST(gone(shell, 5s));
    BOOST_TEST(gone(sleeper, 5s));
    forget_events_file(process.events_file());
    for (const std::string mount : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      if (!exists(mount + "/cgroup.procs")) continue;
      for (const auto& line : lines(read_text("/proc/self/cgroup"))) {
        if (line.starts_with("0::"))
          sweep({"--pid", "host", "true"}, mount + (line == "0::/" ? "" : line.substr(3)) + "/sup/" + id);
      }
      break;
    }
  }
}

// It goes on after the pause, and its guard with it.
BOOST_AUTO_TEST_CASE(one_among_the_hosts_processes_is_paused_and_goes_on) {
  NEEDS_FREEZER();
  if (const auto tried = sup_run({"--pid", "host", "true"}); tried.code != 0)
    SUP_CANNOT("there is no cgroup.kill here");
  Process process(
      running({"--pid", "host", "sh", "-c", "trap 'exit 5' TERM; echo up $$; while :; do sleep 0.05; done"}));
  BOOST_TEST_REQUIRE(process.wait_out("up "));
  BOOST_TEST_REQUIRE(process.wait_event("\"started\""));
  const auto id = Events(process.events()).first("starting").text("/id");
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(sup_cli({"pause", id}).code == 0);
    BOOST_TEST(sup_cli({"unpause", id}).code == 0);
  }
  BOOST_TEST(sup_cli({"stop", id}).code == 0);
  BOOST_TEST(process.wait().code() == 5, process.err());
}

// sup ARGS… where control groups are v1 alone, in groups of its own: who does not see the v2 tree takes what others have just made
// beside it for a dead one's.
Start with_v1(std::vector<std::string> args) {
  Start start;
  start.program = "/usr/bin/unshare";
  start.events = false;
  const std::string script =
      "cd /sys/fs/cgroup; for each in *; do case $each in pids|freezer) ;; *) umount -l $each 2>/dev/null;; esac; done; "
      "for each in pids freezer; do own=$each$(sed -n s/^[0-9]*:$each://p /proc/self/cgroup)/suptest-v1; "
      "mkdir -p $own; echo $$ >$own/cgroup.procs; done; exec \"$@\"";
  start.args = {"-m", "sh", "-c", script, "sh", sup_path(), "--events", "none"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

// There what is frozen is not reached by the KILL that its supervisor's end sends; the next sup thaws it.
BOOST_AUTO_TEST_CASE(what_v1_keeps_frozen_is_ended_by_the_next) {
  NEEDS_FREEZER();
  if (!exists("/sys/fs/cgroup/freezer/tasks") || !exists("/sys/fs/cgroup/unified/cgroup.procs"))
    SUP_CANNOT("no v1 freezer beside a v2 tree here");
  Process process(with_v1({"run", "--name", "v1frozen", "--pids-limit", "20", "sh", "-c", "echo up; exec sleep 1000"}));
  BOOST_TEST_REQUIRE(process.wait_out("up\n"));
  const auto facts = parse_json(sup_cli({"inspect", "v1frozen"}).out);
  const auto inside = static_cast<pid_t>(facts.number("/pid"));
  std::string group;
  for (const auto& line : lines(read_text("/proc/" + std::to_string(inside) + "/cgroup"))) {
    if (const auto at = line.find(":freezer:"); at != std::string::npos)
      group = "/sys/fs/cgroup/freezer" + line.substr(at + 9);
  }
  BOOST_TEST_REQUIRE(group.ends_with("/sup/" + facts.text("/id")), group);
  BOOST_TEST(sup_cli({"pause", "v1frozen"}).code == 0);
  // Paused by somebody who lives: nobody thaws it.
  const auto other = [] { return run(with_v1({"run", "--pids-limit", "20", "true"})).code; };
  BOOST_TEST(other() == 0);
  BOOST_TEST(read_text(group + "/freezer.state") == "FROZEN\n");
  process.signal(SIGKILL);
  BOOST_TEST(gone(process.pid(), 5s));  // its output is held by who is frozen
  const auto end = std::chrono::steady_clock::now() + patient(5s);
  while (exists(group) && std::chrono::steady_clock::now() < end) BOOST_TEST(other() == 0);
  BOOST_TEST(!exists(group), group);
  BOOST_TEST(gone(inside, 5s));
  process.wait();
  for (const std::string controller : {"pids", "freezer"}) {
    for (const auto& line : lines(read_text("/proc/self/cgroup"))) {
      if (const auto at = line.find(":" + controller + ":"); at != std::string::npos) {
        const auto own = "/sys/fs/cgroup/" + controller + line.substr(at + controller.size() + 2) + "/suptest-v1";
        BOOST_TEST(::rmdir(own.c_str()) == 0, own);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(update_changes_what_runs_and_what_will) {
  NEEDS_FREEZER();
  if (!exists("/sys/fs/cgroup/pids") && !has(read_text("/sys/fs/cgroup/cgroup.controllers"), "pids"))
    SUP_CANNOT("no pids controller here");
  DaemonProcess daemon;
  const auto id = daemon.detached(
      {"-w", dir(), "sh", "-c",
       "while ! [ -e go ]; do sleep 0.02; done; if (sleep 5 & sleep 5 & sleep 5 & sleep 5 & sleep 5 & :) 2>/dev/null; then echo forked; else echo held; fi; exec sleep 1000"});
  const auto updated = daemon.sup({"update", "--pids-limit", "3", id});
  BOOST_TEST(updated.code == 0, updated.err);
  BOOST_TEST(parse_json(daemon.sup({"inspect", id}).out).number("/spec/limits/pids") == 3);
  write_file("go", "");
  daemon.wait_until([&] { return has(daemon.sup({"logs", id}).out, "held"); }, "the limit to be met");
  BOOST_TEST(daemon.sup({"update", "--pids-limit", "-1", id}).code == 0);
  BOOST_TEST(daemon.sup({"update", "-m", "1k", id}).code == 125);
  BOOST_TEST(has(daemon.sup({"update", "--memory-swap", "1g", id}).err, "give --memory as well"));
  BOOST_TEST(has(daemon.sup({"update", id}).err, "nothing to change"));
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
}

// Raised and lowered in either order: on v1 the two limits of memory must never cross.
BOOST_AUTO_TEST_CASE(memory_goes_up_and_down) {
  NEEDS_FREEZER();
  if (!has(read_text("/proc/self/cgroup"), "memory") && !has(read_text("/sys/fs/cgroup/cgroup.controllers"), "memory"))
    SUP_CANNOT("no memory controller here");
  DaemonProcess daemon;
  const auto id = daemon.detached({"-m", "64m", "sleep", "1000"});
  for (const char* size : {"256m", "32m", "128m"}) {
    const auto r = daemon.sup({"update", "-m", size, id});
    BOOST_TEST(r.code == 0, r.err);
  }
  const auto both = daemon.sup({"update", "-m", "64m", "--memory-swap", "64m", id});
  BOOST_TEST(both.code == 0, both.err);
  BOOST_TEST(has(daemon.sup({"update", "-m", "128m", id}).err, "is less than --memory"));
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
}

// B56: the group taken away beneath, as far as the kernel lets anybody.
BOOST_AUTO_TEST_CASE(b56_groups_that_vanish_harm_nobody) {
  NEEDS_FREEZER();
  DaemonProcess daemon;
  const auto id = daemon.shell(":");
  const auto pid = daemon.pid_of(id);
  BOOST_TEST(daemon.sup({"pause", id}).code == 0);
  BOOST_TEST(daemon.sup({"unpause", id}).code == 0);
  // Moved out by somebody, and the empty group removed.
  std::string v2;
  for (const std::string mount : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    if (!exists(mount + "/cgroup.procs")) continue;
    for (const auto& line : lines(read_text("/proc/" + std::to_string(pid) + "/cgroup"))) {
      if (line.starts_with("0::")) v2 = mount + line.substr(3);
    }
    if (!v2.empty()) break;
  }
  if (v2.empty()) SUP_CANNOT("no v2 tree here");
  BOOST_TEST_REQUIRE(v2.ends_with("/sup/" + id), v2);
  const auto own = v2.substr(0, v2.size() - id.size() - 5);
  for (int i = 0; i < 100 && exists(v2); ++i) {
    for (const auto& process : lines(read_text(v2 + "/cgroup.procs"))) {
      Start move;
      move.program = "/bin/sh";
      move.args = {"-c", "echo " + process + " >" + own + "/cgroup.procs"};
      move.events = false;
      (void)run(move);
    }
    ::rmdir(v2.c_str());
  }
  BOOST_TEST_REQUIRE(!exists(v2));
  const auto r = daemon.sup({"pause", id});
  BOOST_TEST(r.code == 125);
  BOOST_TEST(has(r.err, "removed"), r.err);
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
}

BOOST_AUTO_TEST_CASE(an_ordinary_user_is_told, *but::label("only_user")) {
  if (exists("/run/systemd/system")) SUP_CANNOT("systemd gives users a group of their own");
  DaemonProcess daemon;
  const auto id = daemon.shell(":");
  const auto r = daemon.sup({"pause", id});
  BOOST_TEST(r.code == 125);
  BOOST_TEST(has(r.err, "belongs to another user"), r.err);
  BOOST_TEST(state_in_ps(daemon, id) == "running");
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_run_cannot_be_paused) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"true"});
  BOOST_TEST(daemon.sup({"wait", id}).out == "0\n");
  const auto r = daemon.sup({"pause", id, "nosuch"});
  BOOST_TEST(r.code == 125);
  BOOST_TEST(has(r.err, "only what runs can be paused"), r.err);
  BOOST_TEST(has(r.err, "no such container"), r.err);
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
