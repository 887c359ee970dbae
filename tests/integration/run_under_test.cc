// run under a named supervisor, attached: as a foreground run is, but others reach it by name, and it can be left.
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

Start under(const DaemonProcess& daemon, std::vector<std::string> args) {
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "run"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run_under, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(its_output_and_its_status_are_the_commands) {
  DaemonProcess daemon;
  auto start = under(daemon, {"-i", "--name", "web", "--cidfile", dir() + "/cid", "sh", "-c", "echo wrong >&2; tr a-z A-Z; exit 7"});
  start.input = "words\n";
  const auto result = run(start);
  BOOST_TEST(result.code == 7);
  BOOST_TEST(result.out == "WORDS\n");
  BOOST_TEST(result.err == "wrong\n");
  const Events events(daemon.events());
  BOOST_TEST(events.any("exited", "/id", read_text(dir() + "/cid")));
  BOOST_TEST(daemon.ids().empty());   // as in the foreground: gone at its end
  BOOST_TEST(daemon.sup({"run", "--keep", "sh", "-c", "kill -9 $$; exit 3"}).code == 3);
  BOOST_TEST(daemon.ids().size() == 1U);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(nothing_of_much_output_is_lost) {
  DaemonProcess daemon;
  const std::size_t size = 3'000'000;
  BOOST_TEST(run(under(daemon, {probe_path(), "write", std::to_string(size)})).out.size() == size);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(what_never_ran_is_said_as_in_the_foreground) {
  DaemonProcess daemon;
  const auto plain = write_file("plain", "text\n");
  for (const std::vector<std::string>& args : {std::vector<std::string>{"no-such-command"}, {plain}, {"-w", "/no/such", "true"}, {"-u", "no-such-user", "true"}}) {
    auto expected = sup_run(args, [] { Start s; s.events = false; s.env = {"SUP_EVENTS=none"}; return s; }());
    const auto result = run(under(daemon, args));
    BOOST_TEST(result.code == expected.code);
    BOOST_TEST(result.err == expected.err);
    BOOST_TEST(result.code >= 125);
  }
  BOOST_TEST(daemon.ids().empty());
  BOOST_TEST(has(daemon.sup({"run", "--preserve-fds", "1", "true"}).err, "sup: --preserve-fds"));
  BOOST_TEST(has(daemon.sup({"run", "--restart", "always", "true"}).err, "add -d"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(the_callers_files_are_written_by_the_caller) {
  DaemonProcess daemon;
  const auto pidfile = dir() + "/pid", cidfile = dir() + "/cid";
  {
    auto start = under(daemon, {"-i", "--pidfile", pidfile, "--cidfile", cidfile, "--status-fd", "2", "--name", "web", "sh", "-c", "echo ready; read x; exit 4"});
    start.in = Start::In::open;
    Process client(start);
    BOOST_TEST(client.wait_out("ready"));
    BOOST_TEST(read_text(pidfile) == std::to_string(daemon.pid_of("web")) + "\n");
    client.close_input();
    BOOST_TEST(client.wait().code() == 4);
    BOOST_TEST(has(client.err(), R"("name":"web","exit_code":4,"status":4,"origin":"command","reason":"exit"})"), client.err());
    BOOST_TEST(has(client.err(), read_text(cidfile)));
    BOOST_TEST(!exists(pidfile));
  }
  // A file that is there is somebody's: nothing is started.
  const auto taken = run(under(daemon, {"--cidfile", cidfile, "true"}));
  BOOST_TEST(taken.code == 125);
  BOOST_TEST(has(taken.err, "--cidfile"), taken.err);
  BOOST_TEST(Events(daemon.events()).count("starting") == 1U);
  const auto failed = run(under(daemon, {"--status-fd", "1", "--cidfile", dir() + "/none", "no-such-command"}));
  BOOST_TEST(failed.code == 127);
  BOOST_TEST(has(failed.out, R"("status":127,"origin":"sup")"), failed.out);
  BOOST_TEST(!exists(dir() + "/none"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(the_terminal_has_its_size_before_the_first_instruction) {
  DaemonProcess daemon;
  Terminal terminal(under(daemon, {"-ti", "--name", "size", "--record", dir() + "/cast", probe_path(), "sizewatch"}), {31, 101});
  BOOST_TEST(terminal.wait_out("size 31 101"));
  BOOST_TEST(terminal.wait_out("ready"));
  BOOST_TEST(terminal.wait_raw());
  terminal.resize({40, 120});
  terminal.signal(SIGWINCH);
  BOOST_TEST(terminal.wait_out("size 40 120"));
  terminal.signal(SIGTERM);
  BOOST_TEST(terminal.finish().code() == 0);
  const auto cast = read_text(dir() + "/cast");
  BOOST_TEST(has(cast, R"("cols":101,"rows":31)"), cast);
  BOOST_TEST(has(cast, R"("r", "120x40")"), cast);
  BOOST_TEST(has(cast, R"("x", "0")"), cast);
  // Only the one change of the window is one.
  BOOST_TEST(Events(daemon.events()).count("resized") == 1U);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(it_is_left_by_the_keys_and_attached_to_again) {
  DaemonProcess daemon;
  {
    Terminal terminal(under(daemon, {"-ti", "--name", "keys", probe_path(), "keys"}));
    BOOST_TEST(terminal.wait_out("ready"));
    BOOST_TEST(terminal.wait_raw());
    BOOST_TEST(terminal.ask("a", "key 61"));
    terminal.send("\x10\x11");
    BOOST_TEST(terminal.finish().code() == 0);
  }
  BOOST_TEST(daemon.ids().size() == 1U);
  auto again = under(daemon, {});
  again.args = {"-S", daemon.name(), "attach", "keys"};
  Terminal terminal(again);
  BOOST_TEST(terminal.wait_out("key 61"));
  BOOST_TEST(terminal.wait_raw());
  terminal.send("q");
  BOOST_TEST(terminal.finish().code() == 0);
  BOOST_TEST(daemon.wait_event("\"event\":\"removed\""));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(signals_reach_it) {
  DaemonProcess daemon;
  {
    Process client(under(daemon, {probe_path(), "sigwatch", "2"}));
    BOOST_TEST(client.wait_out("ready"));
    client.signal(SIGUSR1);
    BOOST_TEST(client.wait_out("signal " + std::to_string(SIGUSR1)));
    client.signal(SIGTERM);
    BOOST_TEST(client.wait().code() == 42);
  }
  {
    Process client(under(daemon, {"--name", "deaf", probe_path(), "sleep"}));
    BOOST_TEST(client.wait_out("ready"));
    client.signal(SIGINT);
    BOOST_TEST(client.wait_err("no handler for SIGINT; press again to kill it, or use --init"));
    client.signal(SIGINT);
    BOOST_TEST(client.wait().code() == 128 + SIGKILL);
  }
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_client_gone_before_the_start_was_told_leaves_nothing_running) {
  if (as_user()) return;   // by hand: see RawClient
  DaemonProcess daemon;
  for (int i = 0; i < 3; ++i) {
    RawClient client(daemon.socket());
    (void)client.line();
    BOOST_TEST(client.send(R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"attach":true,"spec":{"argv":["/bin/sleep","1000"],"rm":true}}})"
                           "\n"));
  }
  BOOST_TEST(daemon.wait_until([&] { return Events(daemon.events()).count("removed") == 3U; }, "what nobody waits for to be gone"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_dies_is_told_of) {
  DaemonProcess daemon;
  {
    Terminal terminal(under(daemon, {"-ti", probe_path(), "keys"}));
    BOOST_TEST(terminal.wait_out("ready"));
    BOOST_TEST(terminal.wait_raw());
    daemon.murder();
    BOOST_TEST(terminal.finish().code() == 125);
    BOOST_TEST(has(terminal.out(), "connection lost"), shown(terminal.out()));
  }
  // What a killed one leaves, the next one of its name takes away.
  DaemonProcess next;
  BOOST_TEST(next.end() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
