// The control socket, by clients that do not keep to the protocol. As root, whom the tests are too.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;

namespace {

// The quickest of some answers: what a busy machine adds is not the supervisor's.
milliseconds quickest(RawClient& client) {
  auto best = milliseconds::max();
  for (int i = 0; i < 5; ++i) {
    const auto begin = Clock::now();
    const auto answer = client.ask("hello");
    if (answer.empty()) return milliseconds::max();
    best = std::min(best, since(begin));
  }
  return best;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(control_socket, Clean)

BOOST_AUTO_TEST_CASE(malformed_input_harms_its_sender_only) {  // B25
  DaemonProcess daemon({"--pool", "0"});  // whose descriptors come and go
  RawClient good(daemon.socket());
  const auto hello = parse_json(good.line());
  BOOST_TEST(hello.text("/method") == "hello");
  BOOST_TEST(hello.number("/params/pid") == daemon.pid());
  const auto before = fds_of(daemon.pid());
  struct Bad {
    std::string bytes;
    std::string code;   // in the answer; empty: there is none
    bool over;          // the connection ends by it
  };
  const std::string deep = R"({"params":)" + std::string(200000, '[');
  const std::vector<Bad> all = {
      {"garbage\n", "E_RPC_JSON", false},
      {"\xff\xfe\x80\n", "E_RPC_", false},
      {std::string("{\"a\":\"\0\"}\n", 10), "E_RPC_", false},
      {deep + "\n", "E_RPC_DEPTH", false},
      {std::string(2U << 20, 'x'), "E_RPC_TOO_LARGE", true},
      {"[]\n", "E_RPC_", false},
      {"7\n", "E_RPC_", false},
      {"{}\n", "E_RPC_", false},
      {R"({"jsonrpc":"2.0","id":1,"method":7})"
       "\n",
       "E_RPC_TYPE", false},
      {R"({"jsonrpc":"2.0","id":{},"method":"hello"})"
       "\n",
       "E_RPC_", false},
      {R"({"jsonrpc":"1.0","id":1,"method":"hello"})"
       "\n",
       "E_RPC_VERSION", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"no.such"})"
       "\n",
       "E_RPC_METHOD", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.stop"})"
       "\n",
       "E_RPC_MISSING", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.stop","params":{"container":5}})"
       "\n",
       "E_RPC_TYPE", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.stop","params":{"container":"x"}})"
       "\n",
       "E_NO_CONTAINER", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{}})"
       "\n",
       "E_RPC_MISSING", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"spec":[]}})"
       "\n",
       "E_RPC_TYPE", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"spec":{"argv":"sh"}}})"
       "\n",
       "E_RPC_TYPE", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"spec":{"argv":["true"]},"environ":{}}})"
       "\n",
       "E_RPC_TYPE", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"spec":{"argv":["true"]},"rows":65536}})"
       "\n",
       "E_RPC_RANGE", false},
      {R"({"jsonrpc":"2.0","id":1,"method":"contai)", "", false},
      {"\n\n\r\n", "", false},
  };
  for (const auto& bad : all) {
    BOOST_TEST_CONTEXT(shown(bad.bytes.substr(0, 120))) {
      RawClient client(daemon.socket());
      BOOST_TEST(has(client.line(), "hello"));
      const bool sent = client.send(bad.bytes);
      BOOST_TEST((sent || bad.over));
      if (!bad.code.empty()) {
        const auto answer = client.line();
        // What was sent after the end can take the answer with it (a reset).
        if (!bad.over || !answer.empty()) {
          BOOST_TEST(has(answer, bad.code), shown(answer));
          BOOST_TEST(parse_json(answer).has("/error/message"), shown(answer));
        }
      }
      if (bad.over)
        BOOST_TEST(client.ends());
      else if (!bad.code.empty())
        BOOST_TEST(has(client.ask("hello"), "version"), "the connection is no longer served");
      BOOST_TEST(quickest(good) <= patient(50ms));
    }
  }
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "its descriptors to be as many as before");
  BOOST_TEST(daemon.ids().empty());
}

BOOST_AUTO_TEST_CASE(of_many_that_are_stopped_together_nothing_is_left_open) {
  DaemonProcess daemon({"--pool", "0"});  // whose descriptors come and go
  // The first start opens what every later one looks at (the mount table).
  const auto first = daemon.detached({"true"});
  BOOST_TEST(daemon.sup({"wait", first}).code == 0);
  const auto before = fds_of(daemon.pid());
  std::vector<std::string> stop = {"stop"};
  for (int i = 0; i < 40; ++i) stop.push_back(daemon.detached({"sleep", "1000"}));
  const auto stopped = daemon.sup(stop);
  BOOST_TEST(stopped.code == 0, stopped.err);
  BOOST_TEST(lines(stopped.out).size() == 40U, stopped.out);
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "its descriptors to be as many as before");
  for (std::size_t i = 1; i < stop.size(); ++i) BOOST_TEST(daemon.sup({"wait", stop[i]}).out == "137\n");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_request_in_pieces_is_a_request) {
  DaemonProcess daemon;
  RawClient client(daemon.socket());
  BOOST_TEST(has(client.line(), "hello"));
  for (const char byte : std::string_view(R"({"jsonrpc":"2.0","id":"a","method":"container.list"})"
                                          "\n"))
    BOOST_TEST_REQUIRE(client.send({&byte, 1}));
  BOOST_TEST(parse_json(client.line()).text("/result") == "[]");
  // Without an id nothing is answered: the next line is the next one's.
  BOOST_TEST(client.send(R"({"jsonrpc":"2.0","method":"container.list"})"
                         "\n"
                         R"({"jsonrpc":"2.0","method":"nonsense"})"
                         "\n"));
  BOOST_TEST(parse_json(client.ask("hello")).text("/result/supervisor") == "t");
}

BOOST_AUTO_TEST_CASE(one_that_does_not_read_is_let_go) {
  DaemonProcess daemon;
  RawClient good(daemon.socket());
  BOOST_TEST(has(good.line(), "hello"));
  RawClient deaf(daemon.socket());
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += R"({"jsonrpc":"2.0","id":1,"method":"nonsense"})"
            "\n";
  int sent = 0;
  while (sent < 1000 && deaf.send(many)) ++sent;
  BOOST_TEST(sent < 1000, "it was fed without end");
  BOOST_TEST(quickest(good) <= patient(50ms));
  BOOST_TEST(rss_peak_kib(daemon.pid()) < memory_bound_kib());
}

BOOST_AUTO_TEST_CASE(a_thousand_idle_connections) {  // B36
  rlimit limit{};
  BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_max < 2048) SUP_CANNOT("too few descriptors");
  const rlimit raised{.rlim_cur = std::max<rlim_t>(limit.rlim_cur, 2048), .rlim_max = limit.rlim_max};
  BOOST_TEST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &raised) == 0);
  {
    DaemonProcess daemon({"--pool", "0"});   // whose descriptors come and go
    RawClient good(daemon.socket());
    BOOST_TEST(has(good.line(), "hello"));
    // The first start opens what every later one looks at (the mount table).
    const auto first = daemon.detached({"true"});
    BOOST_TEST(daemon.sup({"wait", first}).code == 0);
    BOOST_TEST(daemon.sup({"rm", first}).code == 0);
    const auto before = fds_of(daemon.pid());
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 1000; ++i) idle.push_back(std::make_unique<RawClient>(daemon.socket()));
    for (auto& one : idle) BOOST_TEST_REQUIRE(has(one->line(), "hello"));
    BOOST_TEST(quickest(good) <= patient(50ms));
    BOOST_TEST(is_id(daemon.detached({"sleep", "1000"})));
    BOOST_TEST(daemon.sup({"ps"}).code == 0);
    const long cpu = cpu_ms(daemon.pid());
    daemon.watch(200ms);
    BOOST_TEST(cpu_ms(daemon.pid()) - cpu <= 20, "it is busy with nothing");
    BOOST_TEST(daemon.sup({"rm", "-f", daemon.ids().at(0)}).code == 0);
    idle.clear();
    daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "its descriptors to be as many as before");
  }
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

BOOST_AUTO_TEST_CASE(another_user_is_refused) {  // B24
  DaemonProcess daemon;
  // Every door opened that the file system has: what is left is the supervisor's own.
  ::chmod(runtime_dir().c_str(), 0755);
  ::chmod((runtime_dir() + "/sup").c_str(), 0755);
  ::chmod(daemon.socket().c_str(), 0666);
  Start other = plain();
  other.program = "/usr/bin/setpriv";
  if (!exists(other.program)) SUP_SKIP("no setpriv");
  other.args = {"--reuid", "12345", "--regid", "12345", "--clear-groups", probe_path(), "talk", daemon.socket()};
  BOOST_TEST(run(other).out == "talk connected\ntalk end\n");
  daemon.wait_event("E_DENIED");
  BOOST_TEST(has(daemon.events(), "12345"), daemon.events());
  ::chmod((runtime_dir() + "/sup").c_str(), 0700);
  BOOST_TEST(daemon.sup({"ps"}).code == 0);
}

BOOST_AUTO_TEST_CASE(idle_is_who_has_no_container_and_no_client) {
  DaemonProcess daemon({"--idle-exit", "300ms"});
  RawClient client(daemon.socket());
  BOOST_TEST(has(client.line(), "hello"));
  const auto id = daemon.detached({"true"});
  client.close();
  daemon.watch(700ms);
  BOOST_TEST_REQUIRE(!daemon.ended(), "it left with a container that has ended, but is not forgotten");
  BOOST_TEST(daemon.sup({"wait", id}).out == "0\n");
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
  BOOST_TEST(daemon.wait(5s).code() == 0);
}

// Nothing but its start happens to a container for longer than that: what has begun is no end that somebody would be told of.
BOOST_AUTO_TEST_CASE(who_has_a_container_that_runs_is_not_idle) {
  DaemonProcess daemon({"--idle-exit", "300ms"});
  RawClient client(daemon.socket());
  BOOST_TEST(has(client.line(), "hello"));
  const auto id = daemon.detached({"sh", "-c", "sleep 1; exit 7"});
  client.close();
  BOOST_TEST_REQUIRE(daemon.wait_event("\"exit_code\":7"));
  BOOST_TEST(daemon.sup({"rm", id}).code == 0);
  BOOST_TEST(daemon.wait(5s).code() == 0);
}

BOOST_AUTO_TEST_CASE(labels_find_them_again) {
  DaemonProcess daemon;
  const auto web = daemon.detached({"-l", "tier=web", "--label", "app=a=b", "--label", "tier=front", "sleep", "1000"});
  const auto other = daemon.detached({"--label", "tier", "sleep", "1000"});
  const auto plain = daemon.detached({"sleep", "1000"});
  const auto found = [&](std::vector<std::string> filters) {
    std::vector<std::string> words{"ps"};
    for (auto& filter : filters) words.insert(words.end(), {"--filter", std::move(filter)});
    const auto out = daemon.sup(words).out;
    return std::string(has(out, web) ? "w" : "") + (has(out, other) ? "o" : "") + (has(out, plain) ? "p" : "");
  };
  BOOST_TEST(found({}) == "wop");
  BOOST_TEST(found({"label=tier"}) == "wo");
  BOOST_TEST(found({"label=tier=front"}) == "w");
  BOOST_TEST(found({"label=tier=web"}) == "");
  BOOST_TEST(found({"label=tier="}) == "o");
  BOOST_TEST(found({"label=tier", "label=app=a=b"}) == "w");
  BOOST_TEST(has(daemon.sup({"inspect", web}).out, "\"tier=front\""));
  const auto json = daemon.sup({"ps", "--format", "json", "--filter", "label=app"}).out;
  BOOST_TEST(has(json, "\"app\": \"a=b\""), json);
  for (const char* bad :
       {"label=", "label==x", "name=", "colour=red", "status=up", "status=removed", "exited=x", "id", ""})
    BOOST_TEST(daemon.sup({"ps", "--filter", bad}).code == 125);
  for (const char* bad : {"=x", ""}) BOOST_TEST(daemon.sup({"run", "-d", "--label", bad, "true"}).code == 125);
  BOOST_TEST(daemon.sup({"run", "-d", "--label", "k=" + std::string(5000, 'v'), "true"}).code == 125);
}

// What docker's users type: sup rm $(sup ps -aq -f status=exited).
BOOST_AUTO_TEST_CASE(ids_alone_for_other_verbs) {
  DaemonProcess daemon;
  const auto web = daemon.detached({"--name", "web-1", "sleep", "1000"});
  const auto three = daemon.detached({"--name", "job-3", "sh", "-c", "exit 3"});
  const auto four = daemon.detached({"--name", "job-4", "sh", "-c", "exit 4"});
  BOOST_TEST(daemon.sup({"wait", three, four}).out == "3\n4\n");
  const auto ids = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"ps", "-q"});
    const auto result = daemon.sup(words);
    BOOST_TEST(result.code == 0, result.err);
    return result.out;
  };
  BOOST_TEST(ids({}) == web + "\n");
  BOOST_TEST(ids({"-a"}) == web + "\n" + three + "\n" + four + "\n");
  BOOST_TEST(daemon.sup({"ps", "-aq"}).out == ids({"-a"}));
  BOOST_TEST(ids({"-f", "name=job"}).empty());
  BOOST_TEST(ids({"-a", "-f", "name=job"}) == three + "\n" + four + "\n");
  BOOST_TEST(ids({"-a", "-f", "name=web", "-f", "name=-4"}) == web + "\n" + four + "\n");
  BOOST_TEST(ids({"-f", "status=exited"}) == three + "\n" + four + "\n");
  BOOST_TEST(ids({"-f", "status=exited", "-f", "status=running"}) == web + "\n" + three + "\n" + four + "\n");
  BOOST_TEST(ids({"-f", "status=restarting"}).empty());
  BOOST_TEST(ids({"-f", "exited=4"}) == four + "\n");
  BOOST_TEST(ids({"-f", "exited=0"}).empty());
  BOOST_TEST(ids({"-f", "id=" + web.substr(0, 11)}) == web + "\n");
  BOOST_TEST(ids({"-n", "2"}) == three + "\n" + four + "\n");
  BOOST_TEST(ids({"-n", "0"}).empty());
  BOOST_TEST(ids({"-l"}) == four + "\n");
  BOOST_TEST(daemon.sup({"ps", "-n", "x"}).code == 125);
}

// As socat and nc do at the end of their input: what was asked for is still answered, and then the other side ends, too.
BOOST_AUTO_TEST_CASE(a_client_that_asks_no_more_is_answered) {
  DaemonProcess daemon({"--pool", "0"});  // whose descriptors come and go
  const auto id = daemon.detached({"sleep", "1000"});
  const auto before = fds_of(daemon.pid());
  const auto wait = R"({"jsonrpc":"2.0","id":1,"method":"container.wait","params":{"container":")" + id + "\"}}\n";
  {
    RawClient one(daemon.socket());
    RawClient other(daemon.socket());  // leaves altogether, a moment later
    for (RawClient* client : {&one, &other}) {
      BOOST_TEST(has(client->line(), "hello"));
      BOOST_TEST(client->send(wait));
      BOOST_TEST(::shutdown(client->fd(), SHUT_WR) == 0);
    }
    BOOST_TEST(daemon.sup({"reload"}).code == 0);
    other.close();
    daemon.wait_until([&] { return fds_of(daemon.pid()) <= before + 1; }, "the one that left to be let go");
    BOOST_TEST(daemon.sup({"kill", id}).code == 0);
    BOOST_TEST(has(one.line(), "\"id\":1,\"result\""));
    BOOST_TEST(one.ends());
  }
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "its descriptors to be as many as before");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_while_it_waits) {
  DaemonProcess daemon({"--pool", "0"});  // whose descriptors come and go
  const auto id = daemon.detached({"sleep", "1000"});
  const auto before = fds_of(daemon.pid());
  for (int i = 0; i < 20; ++i) {
    RawClient client(daemon.socket());
    BOOST_TEST(has(client.line(), "hello"));
    BOOST_TEST(
        client.send(R"({"jsonrpc":"2.0","id":1,"method":"container.wait","params":{"container":")" + id + "\"}}\n"));
  }
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "its descriptors to be as many as before");
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
  BOOST_TEST(daemon.sup({"wait", id}).out == "137\n");
}

BOOST_AUTO_TEST_SUITE_END()
