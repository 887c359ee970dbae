// Signals to sup: proxied, or the truth about why not; time-outs and the stop signal.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

const char* const kNoHandler = "has no handler for SIG";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(signals, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(every_catchable_signal_is_proxied) {
  for (const char* mode : {"--sig-proxy", "--init"}) {
    auto start = running({mode, probe_path(), "sigwatch"});
    Process process(start);
    BOOST_TEST_REQUIRE(process.wait_out("ready"));
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGXCPU, SIGXFSZ, SIGVTALRM,
                             SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, 34, 35, 50, 64}) {
      process.take_out();
      process.signal(number);
      if (!process.wait_out("signal " + std::to_string(number) + "\n")) break;
    }
    process.signal(SIGTERM);
    BOOST_TEST(process.wait().code() == 42);
    const Events events(process.events());
    BOOST_TEST(events.any("signal", "/signal", "SIGUSR1"));
    BOOST_TEST(events.any("signal", "/effect", "delivered"));
  }
}

// A key of the terminal's, or timeout(1), say it to all of the caller's process group: sup passes it on, and nobody besides.
BOOST_AUTO_TEST_CASE(what_the_whole_group_gets_comes_once) {
  for (const char* mode : {"--sig-proxy", "--init"}) {
    auto start = running({mode, probe_path(), "sigwatch"});
    start.new_session = true;
    Process process(start);
    BOOST_TEST_REQUIRE(process.wait_out("ready"));
    // Those from 32 up are counted by the kernel, and come in the order of their numbers.
    constexpr int kTimes = 5;
    for (int i = 0; i < kTimes; ++i) BOOST_TEST(::kill(-process.pid(), 40) == 0);
    process.signal(50);
    BOOST_TEST(process.wait_out("signal 50\n"));
    const auto said = lines(process.out());
    BOOST_TEST(std::ranges::count(said, "signal 40") == kTimes, mode << ": " << process.out());
    process.signal(SIGTERM);
    BOOST_TEST(process.wait().code() == 42);
  }
}

BOOST_AUTO_TEST_CASE(some_are_sups_own) {
  Process process(running({probe_path(), "sigwatch"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  for (const int number : {SIGCHLD, SIGPIPE, SIGWINCH, SIGURG}) process.signal(number);
  process.signal(SIGTERM);  // comes after them, so they would have been seen before it
  BOOST_TEST(process.wait().code() == 42);
  for (const char* never : {"signal 17\n", "signal 13\n", "signal 28\n", "signal 23\n"})
    BOOST_TEST(!has(process.out(), never), process.out());
}

BOOST_AUTO_TEST_CASE(the_sender_is_named) {
  Process process(running({probe_path(), "sigwatch", "1"}));
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  process.signal(SIGUSR1);
  process.wait();
  const auto event = Events(process.events()).first("signal");
  if (event.has("/sender")) BOOST_TEST(event.number("/sender") == ::getpid());
  BOOST_TEST(event.text("/signal") == "SIGUSR1");
}

BOOST_AUTO_TEST_CASE(sig_proxy_false_ends_sup_and_takes_the_container_along) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    Process process(running({"--sig-proxy=false", probe_path(), "sigwatch"}));
    BOOST_TEST_REQUIRE(process.wait_out("ready"));
    const auto inside = pid_inside(process);
    process.signal(number);
    const int code = process.wait().code();
    BOOST_TEST((code == 128 + number || code == 1000 + number || code == 137), "ended with " << code);
    BOOST_TEST(!has(process.out(), "signal "), process.out());
    BOOST_TEST(gone(inside, 1s));
  }
}

BOOST_AUTO_TEST_CASE(a_pid_1_without_a_handler_is_reported_and_the_second_kills) {
  for (const int number : {SIGINT, SIGTERM}) {
    Process process(running({"sleep", "600"}));
    BOOST_TEST_REQUIRE(process.wait_event("\"started\""));
    process.signal(number);
    const std::string name = number == SIGINT ? "SIGINT" : "SIGTERM";
    BOOST_TEST(
        process.wait_err("PID 1 (sleep) has no handler for " + name + "; press again to kill it, or use --init\n"));
    BOOST_TEST(state_of(pid_inside(process)) != '\0');
    process.signal(number);
    BOOST_TEST(process.wait().code() == 137);
    const Events events(process.events());
    BOOST_TEST(events.any("signal", "/effect", "dropped-pid1"), process.events());
    BOOST_TEST(events.first("exited").text("/signal") == "SIGKILL");
    BOOST_TEST(lines(process.err()).size() == 1U, process.err());
  }
}

BOOST_AUTO_TEST_CASE(the_same_from_the_keyboard) {
  Terminal terminal(running({"sleep", "600"}));
  BOOST_TEST_REQUIRE(terminal.wait_event("\"started\""));
  terminal.ask("\x03", kNoHandler);
  terminal.send("\x03");
  BOOST_TEST(terminal.finish().code() == 137);
}

BOOST_AUTO_TEST_CASE(with_init_the_default_action_works) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Process process(running({"--init", "sleep", "600"}));
    BOOST_TEST_REQUIRE(process.wait_event("\"started\""));
    process.signal(number);
    BOOST_TEST(process.wait().code() == 128 + number);
    BOOST_TEST(!has(process.err(), kNoHandler), process.err());
  }
}

BOOST_AUTO_TEST_CASE(a_signal_before_the_command_runs_is_not_lost) {
  // Sent the moment sup exists: either sup had no time to take it over (it dies of it), or the command's
  // end shows it. It must never be swallowed.
  for (int i = 0; i < 20; ++i) {
    Process process(running({"--init", "sleep", "600"}));
    process.wait_event("init come on");
    process.signal(SIGTERM);
    const int code = process.wait().code();
    BOOST_TEST((code == 143 || code == 1000 + SIGTERM), "ended with " << code);
  }
}

BOOST_AUTO_TEST_CASE(a_parent_that_blocked_every_signal_does_not_matter) {
  auto start = running({probe_path(), "sigwatch", "1"});
  start.block_signals = true;
  Process process(start);
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  process.signal(SIGTERM);
  BOOST_TEST(process.wait().code() == 42);
}

BOOST_AUTO_TEST_CASE(what_the_parent_ignores_stays_ignored_as_under_nohup) {
  auto start = running({probe_path(), "sigwatch"});
  start.ignore_signals = true;
  Process process(start);
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  const auto inside = pid_inside(process);
  process.signal(SIGHUP);
  process.watch(200ms);
  BOOST_TEST(!process.ended());
  BOOST_TEST(!has(process.out(), "signal 1\n"), process.out());
  BOOST_TEST(::kill(inside, SIGKILL) == 0);
  BOOST_TEST(process.wait().code() == 137);
}

BOOST_AUTO_TEST_CASE(timeout_stops_then_kills) {
  const auto began = std::chrono::steady_clock::now();
  const auto polite = sup_run({"--timeout", "300ms", probe_path(), "sigwatch"});
  BOOST_TEST(polite.code == 42);
  BOOST_TEST(has(polite.out, "signal 15"));
  BOOST_TEST(Events(polite.events).first("exited").text("/reason") == "timeout");
  BOOST_TEST(Events(polite.events).first("stopping").text("/reason") == "timeout");

  const auto deaf = sup_run({"--timeout", "0.3s", "--stop-timeout", "1", probe_path(), "deaf"});
  BOOST_TEST(deaf.code == 137);
  BOOST_TEST(Events(deaf.events).first("exited").text("/reason") == "timeout");

  // No handler at all: the ten seconds of --stop-timeout would be for nothing.
  const auto useless = sup_run({"--timeout", "300ms", probe_path(), "sleep"});
  BOOST_TEST(useless.code == 137);
  BOOST_TEST(Events(useless.events).first("exited").text("/reason") == "timeout");
  BOOST_TEST((std::chrono::steady_clock::now() - began < patient(8s)));
}

BOOST_AUTO_TEST_CASE(an_early_end_beats_the_timeout) {
  const auto result = sup_run({"--timeout", "30s", probe_path(), "exit", "3"});
  BOOST_TEST(result.code == 3);
  BOOST_TEST(Events(result.events).first("exited").text("/reason") == "exit");
}

BOOST_AUTO_TEST_CASE(stop_signal_by_name_and_number) {
  for (const auto& [word, number] :
       {std::pair{"INT", 2}, {"SIGUSR1", 10}, {"12", 12}, {"sigquit", 3}, {"RTMIN+1", 35}}) {
    const auto result = sup_run({"--stop-signal", word, "--timeout", "200ms", probe_path(), "sigwatch", "1"});
    BOOST_TEST(result.code == 42);
    BOOST_TEST(has(result.out, "signal " + std::to_string(number) + "\n"), word << ": " << result.out << result.err);
  }
}

BOOST_AUTO_TEST_CASE(sup_killed_takes_the_container_along) {
  const std::vector<std::vector<std::string>> ways = {{}, {"--init"}, {"-t"}, {"-i"}, {"-t", "--init"}};
  for (const auto& flags : ways) {
    for (const int number : {SIGKILL, SIGSEGV, SIGABRT}) {
      auto args = flags;
      args.insert(args.end(), {probe_path(), "tree"});
      auto start = running(args);
      Process process(start);
      BOOST_TEST_REQUIRE(process.wait_out("ready"));
      const auto inside = pid_inside(process);
      BOOST_TEST_REQUIRE(inside > 1);
      forget_events_file(process.events_file());  // its last line may be cut
      process.signal(number);
      if (number != SIGKILL && !process.ended()) {
        // Proxied, perhaps: then the end is the container's. What counts is that the two end together.
        process.watch(200ms);
        if (!process.ended() && state_of(process.pid()) != 'Z' && state_of(process.pid()) != 0) process.signal(SIGKILL);
      }
      process.wait();
      BOOST_TEST(gone(inside, 1s), "the container outlived sup killed by " << number);
    }
  }
}

// However full the way out is, sup can be ended without KILL: the first asks, the second kills, the third leaves the reader.
BOOST_AUTO_TEST_CASE(a_reader_that_takes_nothing_does_not_keep_sup) {
  for (const char* command : {"exec yes", "head -c 1000000 /dev/zero", "exec yes >&2"}) {
    for (const char* mode : {"-t", "-i"}) {
      int out[2];
      BOOST_TEST_REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
      const sup::Fd reader(out[0]);
      sup::Fd writer(out[1]);
      Start start;
      start.args = {"--events", "stderr", "run", mode, "/bin/sh", "-c", command};
      start.events = false;
      start.out_fd = start.err_fd = writer.get();
      Process process(start);
      pollfd room{.fd = writer.get(), .events = POLLOUT, .revents = 0};
      BOOST_TEST(process.wait_until([&] { return ::poll(&room, 1, 0) == 0; }, "a full pipe"));
      const auto ended = [&process] { return state_of(process.pid()) == 'Z' || state_of(process.pid()) == 0; };
      int signals = 0;
      for (; signals < 30 && !ended(); ++signals) {  // three, on a machine that is not busy
        process.signal(SIGTERM);
        for (int i = 0; i < 20 && !ended(); ++i) process.watch(10ms);
      }
      const auto proc = "/proc/" + std::to_string(process.pid());
      BOOST_TEST(ended(), mode << " " << command << " lives on after " << signals
                               << " signals: " << read_text(proc + "/syscall") << read_text(proc + "/status"));
      if (!ended()) process.signal(SIGKILL);
      BOOST_TEST(process.wait().code() != 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(signals_at_the_end_do_not_change_the_status) {
  for (const char* mode : {"-i", "-t", "--init"}) {
    for (const int number : {SIGUSR1, SIGTERM, SIGALRM, 40}) {
      for (int round = 0; round < 4; ++round) {
        Start start;
        start.args = {
            "--events", "none", "run", mode, "/bin/sh", "-c", "trap '' USR1 TERM ALRM 40; echo ready; exit 7"};
        start.events = false;
        Process process(start);
        process.wait_out("ready");
        while (state_of(process.pid()) != 'Z' && state_of(process.pid()) != 0) ::kill(process.pid(), number);
        const int code = process.wait().code();
        BOOST_TEST(code == 7, mode << " and " << number << " gave " << code);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
