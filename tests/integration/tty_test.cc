// On a real terminal: raw and cooked, ctrl-c, sizes, and the terminal as it was before.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

BOOST_FIXTURE_TEST_SUITE(tty, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(ti_is_raw_while_it_runs_and_restored_after) {
  Terminal terminal(running({"-ti", probe_path(), "keys"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST(terminal.raw());
  terminal.ask("a", "key 61");
  terminal.ask("\x03", "key 03");
  terminal.ask("\x1a", "key 1a");
  terminal.ask("\x11", "key 11");
  terminal.ask("\x10", "key 10");  // no detach keys in a foreground run
  terminal.ask("\xff", "key ff");
  terminal.ask("\r", "key 0d");
  terminal.send("q");
  BOOST_TEST(terminal.finish().code() == 0);
}

BOOST_AUTO_TEST_CASE(the_other_rows_leave_it_cooked) {
  for (const char* flag : {"--rm", "-i", "-t"}) {
    Terminal terminal(running({flag, probe_path(), "sigwatch", "1"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
    BOOST_TEST(!terminal.raw(), flag << " made the terminal raw");
    terminal.signal(SIGUSR1);
    BOOST_TEST(terminal.finish().code() == 42);
  }
}

BOOST_AUTO_TEST_CASE(the_callers_terminal_is_never_handed_in) {
  for (const char* flag : {"--rm", "-i", "-t", "-ti"}) {
    Terminal terminal(running({flag, probe_path(), "streams"}));
    terminal.finish();
    const bool tty = std::string(flag).starts_with("-t");
    BOOST_TEST(has(terminal.out(), tty ? "stream 1 tty" : "stream 1 pipe"), flag << ": " << shown(terminal.out()));
    BOOST_TEST(has(terminal.out(), tty ? "ctty yes" : "ctty No such device"), flag << ": " << shown(terminal.out()));
  }
}

BOOST_AUTO_TEST_CASE(ctrl_c_is_a_byte_with_ti) {
  // The container's own line discipline makes the SIGINT, so sup sees none.
  Terminal terminal(running({"-ti", probe_path(), "sigwatch", "1"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST(terminal.wait_raw());
  terminal.send("\x03");
  BOOST_TEST(terminal.finish().code() == 42);
  BOOST_TEST(has(terminal.out(), "signal 2"));
  BOOST_TEST(Events(terminal.events()).count("signal") == 0U);
}

BOOST_AUTO_TEST_CASE(ctrl_c_is_proxied_else) {
  for (const char* flag : {"--rm", "-i", "-t"}) {
    Terminal terminal(running({flag, probe_path(), "sigwatch", "1"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
    terminal.send("\x03");
    BOOST_TEST(terminal.finish().code() == 42);
    BOOST_TEST(has(terminal.out(), "signal 2"), flag << shown(terminal.out()));
    BOOST_TEST(Events(terminal.events()).any("signal", "/signal", "SIGINT"));
  }
}

BOOST_AUTO_TEST_CASE(the_size_is_there_before_the_first_instruction) {
  for (const char* flags : {"-t", "-ti"}) {
    Terminal terminal(running({flags, probe_path(), "winsize"}), {50, 132});
    terminal.finish();
    BOOST_TEST(has(terminal.out(), "size 50 132"), flags << shown(terminal.out()));
  }
}

BOOST_AUTO_TEST_CASE(without_a_terminal_the_size_is_said_by_the_environment) {
  BOOST_TEST(has(sup_run({"-t", probe_path(), "winsize"}).out, "size 24 80"));
  Start start;
  start.env = {"LINES=33", "COLUMNS=111"};
  BOOST_TEST(has(sup_run({"-t", probe_path(), "winsize"}, start).out, "size 33 111"));
  for (const char* bad : {"0", "-5", "70000", "many", ""}) {
    start.env = {std::string("LINES=") + bad, std::string("COLUMNS=") + bad};
    const auto result = sup_run({"-t", probe_path(), "winsize"}, start);
    BOOST_TEST(has(result.out, "size 24 80"), "LINES=" << bad << shown(result.out));
  }
}

BOOST_AUTO_TEST_CASE(sigwinch_is_passed_on) {
  Terminal terminal(running({"-ti", probe_path(), "sizewatch"}), {24, 80});
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST(has(terminal.out(), "size 24 80"));
  terminal.resize({61, 201});
  BOOST_TEST(terminal.wait_out("size 61 201"));
  terminal.resize({10, 20});
  BOOST_TEST(terminal.wait_out("size 10 20"));
  terminal.signal(SIGTERM);
  BOOST_TEST(terminal.finish().code() == 0);
  const Events events(terminal.events());
  BOOST_TEST(events.any("resized", "/rows", "61"));
  BOOST_TEST(events.any("resized", "/cols", "20"));
}

BOOST_AUTO_TEST_CASE(a_storm_of_resizes_ends_with_the_right_size) {
  Terminal terminal(running({"-ti", probe_path(), "sizewatch"}), {24, 80});
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  for (int i = 0; i < 5000; ++i)
    terminal.resize({static_cast<unsigned short>(20 + i % 50), static_cast<unsigned short>(80 + i % 90)});
  terminal.resize({77, 99});
  BOOST_TEST(terminal.wait_out("size 77 99"));
  BOOST_TEST(rss_peak_kib(terminal.pid()) < memory_bound_kib());
  terminal.signal(SIGTERM);
  BOOST_TEST(terminal.finish().code() == 0);
}

BOOST_AUTO_TEST_CASE(restored_on_every_way_out) {
  // Code, fault, not found, timeout, signals to sup that the command obeys.
  const std::vector<std::vector<std::string>> ways = {{"-ti", probe_path(), "exit", "3"},
                                                      {"-ti", probe_path(), "segv"},
                                                      {"-ti", "no-such-command-anywhere"},
                                                      {"-ti", "-w", "/no/such/dir", "true"},
                                                      {"-ti", "--timeout", "200ms", probe_path(), "sleep"}};
  const int codes[] = {3, 139, 127, 125, 137};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    Terminal terminal(running(ways[i]));
    BOOST_TEST(terminal.finish().code() == codes[i], "way " << i << shown(terminal.out()));
  }
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1}) {
    Terminal terminal(running({"-ti", probe_path(), "sigwatch", "1"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
    terminal.wait_raw();
    terminal.signal(number);
    BOOST_TEST(terminal.finish().code() == 42);
  }
}

BOOST_AUTO_TEST_CASE(restored_when_sup_itself_is_told_to_end) {
  Terminal terminal(running({"-ti", "--sig-proxy=false", probe_path(), "sleep"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  terminal.wait_raw();
  const auto inside = pid_inside(terminal);
  terminal.signal(SIGTERM);
  const int code = terminal.finish().code();
  BOOST_TEST((code == 143 || code == 1000 + SIGTERM || code == 137), code);
  BOOST_TEST(gone(inside, 1s));
}

BOOST_AUTO_TEST_CASE(events_wait_while_the_terminal_is_raw) {
  auto start = running({"-ti", probe_path(), "keys"});
  start.events = false;
  Terminal terminal(start);
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  const auto upto = terminal.out().find("ready");
  BOOST_TEST(has(terminal.out().substr(0, upto), "init come on"));
  terminal.take_out();
  terminal.resize({30, 90});
  terminal.ask("a", "key 61");
  BOOST_TEST(!has(terminal.out(), "{"), "an event in the middle of a raw screen: " << shown(terminal.out()));
  terminal.send("q");
  BOOST_TEST(terminal.finish().code() == 0);
  BOOST_TEST(has(terminal.out(), "\"event\":\"exited\""), shown(terminal.out()));
}

BOOST_AUTO_TEST_CASE(stdin_a_terminal_and_stdout_a_pipe) {
  int ends[2];
  BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  auto start = running({"-ti", probe_path(), "keys"});
  start.out_fd = ends[1];
  Terminal terminal(start);
  ::close(ends[1]);
  terminal.wait_raw();
  char text[64] = "";
  BOOST_TEST(::read(ends[0], text, sizeof text - 1) > 0);
  terminal.send("q");
  BOOST_TEST(terminal.finish().code() == 0);
  ::close(ends[0]);
}

BOOST_AUTO_TEST_CASE(the_terminal_vanishes) {  // B49
  const long rounds = scaled(10);
  for (long i = 0; i < rounds; ++i) {
    Terminal terminal(running({i % 2 == 0 ? "-ti" : "-i", "--stop-timeout", "1", probe_path(), "sleep"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
    const auto inside = pid_inside(terminal);
    terminal.hang_up();
    const auto ended = terminal.wait(5s);
    BOOST_TEST(ended.code() != 0);
    BOOST_TEST(gone(inside, 1s));
    BOOST_TEST(ended.usage.ru_utime.tv_sec + ended.usage.ru_stime.tv_sec == 0, "busy after the terminal had gone");
  }
}

BOOST_AUTO_TEST_CASE(kill_9_leaves_the_description_blocking) {  // B50
  Terminal terminal(running({"-ti", probe_path(), "sleep"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  terminal.wait_raw();
  terminal.expect_restored(false);  // nobody can put the terminal's settings back after a SIGKILL
  BOOST_TEST(has(terminal.settings(), "nonblock=0"),
             "O_NONBLOCK on the user's own description: " << terminal.settings());
  const auto inside = pid_inside(terminal);
  terminal.signal(SIGKILL);
  BOOST_TEST(terminal.finish().code() == 1000 + SIGKILL);
  BOOST_TEST(gone(inside, 1s));
}

// Both are on their way to the same terminal, which takes its time.
BOOST_AUTO_TEST_CASE(events_never_stand_inside_of_the_output) {
  for (const char* flag : {"--rm", "-t"}) {
    auto start = running({flag, "seq", "1", "40000"});
    start.events = false;
    Terminal terminal(start);
    // Until all that can be on its way is, and the command has ended.
    terminal.stop_reading(true);
    long before = -1;
    terminal.wait_until(
        [&] {
          return state_of(terminal.pid()) == 'S' &&
                 std::exchange(before, cpu_ms(terminal.pid())) == cpu_ms(terminal.pid());
        },
        "sup to have all of the output");
    terminal.stop_reading(false);
    BOOST_TEST(terminal.finish().code() == 0);
    const auto last = terminal.out().find("\n40000\r");
    const auto exited = terminal.out().find("\"event\":\"exited\"");
    BOOST_TEST_REQUIRE(last != std::string::npos);
    BOOST_TEST_REQUIRE(exited != std::string::npos);
    BOOST_TEST(last < exited, flag);
  }
}

BOOST_AUTO_TEST_SUITE_END()
