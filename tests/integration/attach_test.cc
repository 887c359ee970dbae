// Watching a container and typing into it through the control socket: attach.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <memory>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start attaching(const DaemonProcess& daemon, std::vector<std::string> args) {
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "attach"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  start.in = Start::In::open;
  return start;
}

// A client by hand: the upgrade, then frames.
struct Framer {
  RawClient client;
  explicit Framer(const DaemonProcess& daemon) : client(daemon.socket()) { (void)client.line(); }
  static std::string request(const std::string& container, const std::string& more = "") {
    return R"({"jsonrpc":"2.0","id":1,"method":"container.attach","params":{"container":")" + container + '"' + more +
           "}}\n";
  }
  // Of less than 256 bytes.
  static std::string data(std::string_view bytes) {
    return std::string("\0\0\0\0", 4) + static_cast<char>(bytes.size()) + std::string(bytes);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attach, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(input_goes_in_output_and_the_status_come_back) {
  DaemonProcess daemon;
  const auto id = daemon.detached(
      {"-i", "--name", "echo", "sh", "-c", "echo ready; echo wrong >&2; while read x; do echo got $x; done; exit 7"});
  Process client(attaching(daemon, {"echo"}));
  // Put out before anybody watched: shown all the same, each stream as what it was.
  BOOST_TEST(client.wait_out("ready\n"));
  BOOST_TEST(client.wait_err("wrong\n"));
  client.send("one\ntwo\n");
  BOOST_TEST(client.wait_out("got one\ngot two\n"));
  client.close_input();
  BOOST_TEST(client.wait().code() == 7);
  const Events events(daemon.events());
  BOOST_TEST(events.any("attached", "/id", id));
  BOOST_TEST(events.count("detached") == 0U);   // its end is `exited`
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_run_cannot_be_attached_to) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "over", "true"});
  BOOST_TEST(daemon.sup({"wait", "over"}).code == 0);
  const auto over = daemon.sup({"attach", "over"});
  BOOST_TEST(over.code == 125);
  BOOST_TEST(has(over.err, "attach: over: does not run"), over.err);
  BOOST_TEST(has(daemon.sup({"attach", "nobody"}).err, "no such container"));
  BOOST_TEST(has(daemon.sup({"attach"}).err, "no container named"));
  BOOST_TEST(has(daemon.sup({"attach", "--detach-keys", "ctrl-!", "over"}).err, "--detach-keys"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(the_keys_detach_and_a_lone_prefix_goes_on) {
  DaemonProcess daemon;
  (void)daemon.detached({"-ti", "--name", "keys", probe_path(), "keys"});
  {
    Terminal terminal(attaching(daemon, {"keys"}), {30, 100});
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));   // of before: the repaint
    BOOST_TEST(terminal.wait_raw());
    terminal.ask("a", "key 61");
    terminal.ask("\x10", "key 10");                   // alone: the command's, a moment later
    terminal.ask(
        "\x10"
        "b",
        "key 62");
    terminal.send("\x10\x11");
    BOOST_TEST(terminal.finish().code() == 0);
  }
  BOOST_TEST(daemon.wait_event("\"event\":\"detached\""));
  BOOST_TEST(Events(daemon.events()).last("detached").text("/reason") == "client");
  {
    Terminal terminal(attaching(daemon, {"--detach-keys", "x,y", "keys"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("key 62"));
    BOOST_TEST(terminal.wait_raw());
    terminal.ask("\x10\x11", "key 11");
    terminal.send("xy");
    BOOST_TEST(terminal.finish().code() == 0);
  }
  {
    Terminal terminal(attaching(daemon, {"keys"}));
    BOOST_TEST(terminal.wait_raw());
    terminal.send("q");
    BOOST_TEST(terminal.finish().code() == 0);
  }
  BOOST_TEST(daemon.sup({"wait", "--exit-code", "keys"}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(several_watch_at_once_and_one_leaves) {
  DaemonProcess daemon;
  (void)daemon.detached(
      {"-ti", "--name", "many", "sh", "-c", "stty -echo; echo ready; while read x; do echo got $x; done"});
  Terminal one(attaching(daemon, {"many"}));
  Terminal two(attaching(daemon, {"many"}));
  Process watcher(attaching(daemon, {"--no-stdin", "many"}));
  BOOST_TEST_REQUIRE(one.wait_out("ready"));
  BOOST_TEST_REQUIRE(two.wait_out("ready"));
  BOOST_TEST_REQUIRE(watcher.wait_out("ready"));
  BOOST_TEST(one.wait_raw());
  BOOST_TEST(two.wait_raw());
  one.send("first\r");
  for (Process* each : {static_cast<Process*>(&one), static_cast<Process*>(&two), &watcher})
    BOOST_TEST(each->wait_out("got first"));
  watcher.send("unheard\n");
  two.send("second\r");
  for (Process* each : {static_cast<Process*>(&one), static_cast<Process*>(&two), &watcher})
    BOOST_TEST(each->wait_out("got second"));
  BOOST_TEST(!has(one.out(), "unheard"));
  one.send("\x10\x11");
  BOOST_TEST(one.finish().code() == 0);
  two.send("third\r");
  BOOST_TEST(watcher.wait_out("got third"));
  two.send("\x04");
  BOOST_TEST(two.finish().code() == 0);
  BOOST_TEST(watcher.wait().code() == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(the_window_is_that_of_who_was_active_last) {
  DaemonProcess daemon;
  // Tells each size that it gets, once.
  (void)daemon.detached({"-ti", "--name", "size", probe_path(), "sizewatch"});
  Terminal small(attaching(daemon, {"size"}), {20, 60});
  BOOST_TEST_REQUIRE(small.wait_out("size 20 60"));
  BOOST_TEST_REQUIRE(small.wait_out("ready"));
  BOOST_TEST(small.wait_raw());
  Terminal large(attaching(daemon, {"size"}), {50, 150});
  BOOST_TEST(large.wait_raw());
  BOOST_TEST(small.wait_out("size 50 150"));
  (void)small.take_out();
  BOOST_TEST(small.ask("\r", "size 20 60"));       // it types, so its window counts again
  large.resize({40, 130});
  large.signal(SIGWINCH);
  BOOST_TEST(large.wait_out("size 40 130"));
  BOOST_TEST(small.wait_out("size 40 130"));
  (void)small.take_out();
  large.send("\x10\x11");
  BOOST_TEST(large.finish().code() == 0);
  BOOST_TEST(small.wait_out("size 20 60"));
  BOOST_TEST(daemon.wait_event("\"rows\":40"));
  small.send("\x10\x11");
  BOOST_TEST(small.finish().code() == 0);
  BOOST_TEST(daemon.sup({"kill", "size"}).code == 0);
  BOOST_TEST(daemon.sup({"wait", "size"}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(what_comes_behind_the_request_is_not_lost) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"-i", "sh", "-c", "read x; echo got $x; exit 3"});
  if (as_user()) return;   // by hand: see RawClient
  Framer framer(daemon);
  BOOST_TEST(framer.client.send(Framer::request(id) + Framer::data("early\n")));
  const auto answer = framer.client.line();
  BOOST_TEST(has(answer, "\"interactive\":true"), answer);
  BOOST_TEST(daemon.sup({"wait", "--exit-code", id}).code == 3);
  BOOST_TEST(daemon.sup({"logs", id}).out == "got early\n");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_malformed_frame_ends_that_client_alone) {
  if (as_user()) return;
  DaemonProcess daemon({"--pool", "0"});
  const auto id = daemon.shell("true");
  const auto fds = fds_of(daemon.pid());
  for (const std::string& bytes : {std::string("\x09\0\0\0\0", 5), std::string("\x00\xff\xff\xff\xff", 5),
                                   std::string("\x01\0\0\0\0", 5), std::string("\x03\0\0\0\x01x", 6)}) {
    Framer framer(daemon);
    BOOST_TEST(framer.client.send(Framer::request(id) + bytes));
    BOOST_TEST(framer.client.ends());
  }
  // Cut off in the middle of a frame.
  for (int i = 0; i < 20; ++i) {
    Framer framer(daemon);
    BOOST_TEST(framer.client.send(Framer::request(id) + std::string("\0\0\0\x10\0half", 9)));
    if (i % 2 == 0) BOOST_TEST(has(framer.client.line(), "\"result\""));
    framer.client.close();
  }
  BOOST_TEST(
      daemon.wait_until([&] { return fds_of(daemon.pid()) <= fds; }, "the descriptors of the clients to be closed"));
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_takes_nothing_is_let_go_and_nothing_waits_for_it) {
  DaemonProcess daemon;
  // As much as no buffer on the way holds, when somebody watches.
  const auto id = daemon.detached({"-i", "--name", "loud", "sh", "-c",
                                   "until [ -e " + dir() + "/go ]; do sleep 0.02; done; " + probe_path() +
                                       " write 3000000; : > " + dir() + "/done; sleep 1000"});
  const auto rss = rss_peak_kib(daemon.pid());
  Process slow(attaching(daemon, {"loud"}));
  BOOST_TEST(daemon.wait_event("\"event\":\"attached\""));
  slow.signal(SIGSTOP);
  (void)write_file("go", "");
  BOOST_TEST(daemon.wait_until([&] { return exists(dir() + "/done"); }, "the command to have written all", 20s));
  BOOST_TEST(daemon.wait_event("\"reason\":\"slow_client\""));
  BOOST_TEST(rss_peak_kib(daemon.pid()) < rss + 20 * 1024);
  slow.signal(SIGCONT);
  BOOST_TEST(slow.wait().code() == 125);
  BOOST_TEST(has(slow.err(), "sup: attach: loud: let go by the supervisor"), slow.err());
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_client_killed_while_it_types_harms_nobody) {
  DaemonProcess daemon({"--pool", "0"});
  // Never reads: what is typed fills every buffer up to the client's own.
  const auto id = daemon.detached({"-i", "--name", "deaf", "sh", "-c", "while :; do sleep 1000; done"});
  const auto fds = fds_of(daemon.pid());
  for (int i = 0; i < 3; ++i) {
    auto start = attaching(daemon, {"deaf"});
    Process client(start);
    BOOST_TEST(
        daemon.wait_until([&] { return Events(daemon.events()).count("attached") == static_cast<std::size_t>(i + 1); },
                          "the client to be attached"));
    client.send(std::string(3'000'000, 'x'));
    client.watch(100ms);
    client.signal(SIGKILL);
    BOOST_TEST(client.wait().code() == 1000 + SIGKILL);
  }
  BOOST_TEST(daemon.wait_until([&] { return fds_of(daemon.pid()) <= fds; }, "the clients' descriptors to be closed"));
  BOOST_TEST(rss_peak_kib(daemon.pid()) < memory_bound_kib());
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(ctrl_c_reaches_the_command_or_says_why_not) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "deaf", "sleep", "1000"});
  (void)daemon.detached({"--name", "hears", probe_path(), "sigwatch", "1"});
  {
    Terminal terminal(attaching(daemon, {"hears"}));
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
    terminal.send("\x03");
    BOOST_TEST(terminal.finish().code() == 42);
  }
  {
    Terminal terminal(attaching(daemon, {"deaf"}));
    BOOST_TEST(daemon.wait_until([&] { return Events(daemon.events()).any("attached", "/name", "deaf"); },
                                 "the client to be attached"));
    BOOST_TEST(terminal.ask("\x03", "no handler for SIGINT; press again to leave it"));
    terminal.send("\x03");
    BOOST_TEST(terminal.finish().code() == 128 + SIGINT);
  }
  BOOST_TEST(daemon.sup({"rm", "-f", "deaf"}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_dies_gives_the_terminal_back) {
  DaemonProcess daemon;
  (void)daemon.detached({"-ti", "--name", "keys", probe_path(), "keys"});
  Terminal terminal(attaching(daemon, {"keys"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST(terminal.wait_raw());
  daemon.murder();
  BOOST_TEST(terminal.finish().code() == 125);
  BOOST_TEST(has(terminal.out(), "connection lost"), shown(terminal.out()));
  // What a killed one leaves, the next one of its name takes away.
  DaemonProcess next;
  BOOST_TEST(next.end() == 0);
}

// What was typed for a command that reads no more is for nobody: what its client says besides is heard all the same.
BOOST_AUTO_TEST_CASE(a_command_that_reads_no_more_leaves_its_client_heard) {
  if (as_user()) return;   // by hand: see RawClient
  DaemonProcess daemon;
  const auto go = dir() + "/go";
  BOOST_TEST_REQUIRE(::mkfifo(go.c_str(), 0600) == 0);
  (void)daemon.detached({"-i", "--name", "deaf", "sh", "-c", "read go <" + go + "; exec 0<&-; sleep 1000"});
  Framer by_hand(daemon);
  BOOST_TEST(by_hand.client.send(Framer::request("deaf")));
  BOOST_TEST(has(by_hand.client.line(), "\"result\""));
  // More than its pipe and what may wait before that, so nothing more is read.
  std::string typed;
  for (int i = 0; i < 1000; ++i) typed += Framer::data(std::string(200, 'x'));
  BOOST_TEST(by_hand.client.send(typed));
  BOOST_TEST(by_hand.client.send(std::string("\7\0\0\0\3hi\n", 8)));
  std::ofstream(go) << "go\n";
  BOOST_TEST(has(by_hand.client.line(), "hi"));
  by_hand.client.close();
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
