// run under a named supervisor, attached: as a foreground run is, but others reach it by name, and it can be left.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
using sup::Fd;
namespace but = boost::unit_test;

namespace {

Start under(const DaemonProcess& daemon, std::vector<std::string> args) {
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "run"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

// Output (bytes) of which some is still in the supervisor's hands when the command has ended and nobody has read any: more than the
// client (256 KiB), its output (a pipe's 64 KiB) and the socket between (208 KiB) hold, 540,672 together; less than the client, the
// pipe and the supervisor (256 KiB) take in any case, 589,824. The socket takes little where the terminal gives it small pieces.
constexpr std::size_t kLastOutput = 560'000;
std::string writing(std::size_t bytes) { return probe_path() + " write " + std::to_string(bytes); }

// The bytes with `count` copies of a descriptor beside them.
bool send_with(const RawClient& client, std::string_view bytes, int fd, std::size_t count) {
  std::vector<int> fds(count, fd);
  std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(count * sizeof(int));
  std::memcpy(CMSG_DATA(rights), fds.data(), count * sizeof(int));
  return ::sendmsg(client.fd(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::string run_request(std::string_view fds, std::string_view more = "") {
  return R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"fds":)" + std::string(fds) +
         R"(,"spec":{"argv":["/bin/echo","words"],"rm":true)" + std::string(more) + "}}}\n";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run_under, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(its_output_and_its_status_are_the_commands) {
  DaemonProcess daemon;
  auto start = under(
      daemon, {"-i", "--name", "web", "--cidfile", dir() + "/cid", "sh", "-c", "echo wrong >&2; tr a-z A-Z; exit 7"});
  start.input = "words\n";
  const auto result = run(start);
  BOOST_TEST(result.code == 7);
  BOOST_TEST(result.out == "WORDS\n");
  BOOST_TEST(result.err == "wrong\n");
  const Events events(daemon.events());
  BOOST_TEST(events.any("exited", "/id", read_text(dir() + "/cid")));
  BOOST_TEST(daemon.ids().empty());  // as in the foreground: gone at its end
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
  for (const std::vector<std::string>& args : {std::vector<std::string>{"no-such-command"},
                                               {plain},
                                               {"-w", "/no/such", "true"},
                                               {"-u", "no-such-user", "true"}}) {
    auto expected = sup_run(args, [] {
      Start s;
      s.events = false;
      s.env = {"SUP_EVENTS=none"};
      return s;
    }());
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
    auto start = under(daemon, {"-i", "--pidfile", pidfile, "--cidfile", cidfile, "--status-fd", "2", "--name", "web",
                                "sh", "-c", "echo ready; read x; exit 4"});
    start.in = Start::In::open;
    Process client(start);
    BOOST_TEST(client.wait_out("ready"));
    BOOST_TEST(client.wait_until([&] { return exists(pidfile); }, "the pid to be written"));
    BOOST_TEST(read_text(pidfile) == std::to_string(daemon.pid_of("web")) + "\n");
    client.close_input();
    BOOST_TEST(client.wait().code() == 4);
    BOOST_TEST(has(client.err(), R"("name":"web","exit_code":4,"status":4,"origin":"command","reason":"exit"})"),
               client.err());
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
  Terminal terminal(under(daemon, {"-ti", "--name", "size", "--record", dir() + "/cast", probe_path(), "sizewatch"}),
                    {31, 101});
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
  if (as_user()) return;  // by hand: see RawClient
  DaemonProcess daemon;
  for (int i = 0; i < 3; ++i) {
    RawClient client(daemon.socket());
    (void)client.line();
    BOOST_TEST(client.send(
        R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"attach":true,"spec":{"argv":["/bin/sleep","1000"],"rm":true}}})"
        "\n"));
  }
  BOOST_TEST(daemon.wait_until([&] { return Events(daemon.events()).count("removed") == 3U; },
                               "what nobody waits for to be gone"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_terminal_is_the_commands_own) {
  DaemonProcess daemon;
  const auto path = write_file("log", "before\n");
  auto start = under(daemon, {"sh", "-c", "echo words; test -t 1 || readlink /proc/self/fd/1"});
  const Fd log(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  start.out_fd = log.get();
  BOOST_TEST(run(start).code == 0);
  BOOST_TEST(read_text(path) == "before\nwords\n" + path + "\n");
  BOOST_TEST(has(daemon.events(), "\"stdout\":null"));  // not a byte went through the supervisor
  // A reader who has left is the command's own trouble.
  int ends[2];
  BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  const Fd write_end(ends[1]);
  auto broken = under(daemon, {"sh", "-c", "echo words || exit 9"});
  broken.out_fd = write_end.get();
  BOOST_TEST(run(broken).code == 9);
  // A terminal is shown, never given.
  Terminal terminal(under(daemon, {"sh", "-c", "test -t 1 || echo none; exit 3"}));
  BOOST_TEST(terminal.wait_out("none"));
  BOOST_TEST(terminal.finish().code() == 3);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(passed_descriptors_harm_nobody) {
  if (as_user()) return;  // by hand: see RawClient
  DaemonProcess daemon({"--pool", "0"});
  BOOST_TEST(daemon.sup({"ps"}).code == 0);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const Fd terminal(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  const auto answer = [&](const std::string& request, const Fd& fd, std::size_t count) {
    RawClient client(daemon.socket());
    (void)client.line();
    BOOST_TEST(send_with(client, request, fd.get(), count));
    return client.line();
  };
  BOOST_TEST(has(answer(run_request("[1]"), null, 1), "\"result\""));
  for (const auto& [request, count] :
       std::vector<std::pair<std::string, std::size_t>>{{run_request("[1,2]"), 1},
                                                        {run_request("[1]"), 3},
                                                        {run_request("[1,1]"), 2},
                                                        {run_request("[3]"), 1},
                                                        {run_request("[-1]"), 1},
                                                        {run_request("1"), 1},
                                                        {run_request("[1]", R"(,"tty":true)"), 1}}) {
    const auto line = answer(request, null, count);
    BOOST_TEST(has(line, "\"pointer\":\"/params/fds\""), request << line);
  }
  BOOST_TEST(has(answer(run_request("[1]"), terminal, 1), "a terminal is not passed on"));
  // With the last byte, not before: what comes with another is closed at once.
  {
    RawClient client(daemon.socket());
    (void)client.line();
    const auto request = run_request("[1]");
    BOOST_TEST(send_with(client, request.substr(0, 10), null.get(), 1));
    BOOST_TEST(daemon.sup({"ps"}).code == 0);  // it has been read since
    BOOST_TEST(client.send(request.substr(10)));
    BOOST_TEST(has(client.line(), "\"pointer\":\"/params/fds\""));
  }
  BOOST_TEST(daemon.wait_until([&] { return daemon.ids().empty(); }, "the command to have ended"));
  // A flood, from clients who stay.
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<RawClient>(daemon.socket()));
    (void)clients.back()->line();
  }
  const auto fds = fds_of(daemon.pid());
  for (int round = 0; round < 100; ++round) {
    for (auto& client : clients)
      BOOST_TEST_REQUIRE(
          send_with(*client, round % 2 == 0 ? "{\n" : "x", null.get(), 1 + static_cast<std::size_t>(round) % 250));
  }
  BOOST_TEST(daemon.wait_until([&] { return fds_of(daemon.pid()) <= fds; }, "what was passed to be closed"));
  clients.clear();
  BOOST_TEST(daemon.sup({"run", "echo", "words"}).out == "words\n");
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

// A pager that nobody scrolls, a terminal that ctrl-s has stopped.
BOOST_AUTO_TEST_CASE(a_reader_who_takes_nothing_keeps_nobody_from_stopping_it) {
  DaemonProcess daemon;
  Process client(under(daemon, {"-t", "--name", "loud", "yes"}));
  client.stop_reading(true);
  BOOST_TEST(daemon.wait_event("\"started\""));
  const pid_t yes = daemon.pid_of("loud");
  long before = -1;
  daemon.wait_until([&] { return state_of(yes) == 'S' && std::exchange(before, cpu_ms(yes)) == cpu_ms(yes); },
                    "its output to stand still");
  const auto stopped = daemon.sup({"stop", "-t", "1", "loud"});
  BOOST_TEST(stopped.code == 0, stopped.err);
  BOOST_TEST(has(daemon.events(), "\"exited\""));
  BOOST_TEST(!client.ended());
  client.stop_reading(false);
  BOOST_TEST(client.wait().code() == 137);
  BOOST_TEST(daemon.end() == 0);
}

// Not a byte is lost to a reader who takes its time, nor the status.
BOOST_AUTO_TEST_CASE(the_last_output_waits_for_its_reader, *but::label("serial")) {
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "web", "sleep", "1000"});
  const std::string words = writing(kLastOutput) + "; exit 6";
  Start exec;
  exec.events = false;
  exec.args = {"-S", daemon.name(), "exec", "-t", "web", "sh", "-c", words};
  Process first(exec);
  Process second(under(daemon, {"-t", "sh", "-c", words}));
  first.stop_reading(true);
  second.stop_reading(true);
  BOOST_TEST(daemon.wait_until([&] { return Events(daemon.events()).count("exited") == 2U; }, "both commands to end"));
  daemon.watch(11s);
  for (Process* client : {&first, &second}) {
    client->stop_reading(false);
    BOOST_TEST(client->wait().code() == 6, client->err());
    BOOST_TEST(client->out().size() >= kLastOutput);
  }
  BOOST_TEST(daemon.end() == 0);
}

// A supervisor that is told to leave at that moment takes none of it along.
BOOST_AUTO_TEST_CASE(the_last_output_outlives_the_supervisors_wish_to_leave) {
  DaemonProcess daemon;
  Process client(under(daemon, {"-t", "sh", "-c", writing(kLastOutput) + "; exit 6"}));
  client.stop_reading(true);
  BOOST_TEST(daemon.wait_event("\"exited\""));
  daemon.signal(SIGTERM);
  client.stop_reading(false);
  BOOST_TEST(client.wait().code() == 6, client.err());
  BOOST_TEST(client.out().size() >= kLastOutput);
  BOOST_TEST(daemon.wait().code() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
