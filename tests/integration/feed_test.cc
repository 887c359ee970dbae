// sup events, and events.subscribe behind it.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <nlohmann/json.hpp>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start events(std::vector<std::string> args, const std::string& supervisor = "t") {
  Start start;
  start.events = false;
  if (!supervisor.empty()) start.args = {"-S", supervisor};
  start.args.emplace_back("events");
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

// The number of the last event of a line that a subscriber got; -1: it is no event.
long seq_of(const std::string& line) {
  const auto at = line.find(R"("seq":)");
  return has(line.substr(0, 64), R"("method":"event")") && at != std::string::npos ? std::stol(line.substr(at + 6))
                                                                                   : -1;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(feed, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(events_shows_what_has_happened) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "job", "true"});
  BOOST_TEST(daemon.sup({"wait", id}).code == 0);
  const auto text = run(events({}));
  BOOST_TEST(text.code == 0, text.err);
  const auto rows = lines(text.out);
  BOOST_TEST_REQUIRE(rows.size() == 4U, text.out);
  BOOST_TEST(has(rows[1], " job starting: init come on (t)"), rows[1]);
  BOOST_TEST(has(rows[3], " job exited: exited with 0 (t)"), rows[3]);
  BOOST_TEST(has(rows[0], " listening: "), rows[0]);
  // The same lines as in its log.
  const auto json = run(events({"--format", "json"}));
  BOOST_TEST(json.out.size() == daemon.events().size());
  const auto log = lines(daemon.events());
  const auto told = lines(json.out);
  BOOST_TEST_REQUIRE(told.size() == log.size());
  for (std::size_t i = 0; i < log.size(); ++i)
    BOOST_TEST((nlohmann::json::parse(told[i]) == nlohmann::json::parse(log[i])), told[i]);
  for (const auto& complaint : event_complaints(json.out)) BOOST_ERROR(complaint);
}

BOOST_AUTO_TEST_CASE(filters_choose) {
  DaemonProcess daemon;
  const auto one = daemon.detached({"--name", "one", "true"});
  const auto two = daemon.detached({"--name", "two", probe_path(), "exit", "3"});
  BOOST_TEST(daemon.sup({"wait", one, two}).out == "0\n3\n");
  BOOST_TEST(daemon.sup({"run", "-d", "no-such-command-anywhere"}).code == 127);
  const auto count = [&](const std::vector<std::string>& filters) {
    std::vector<std::string> args;
    for (const auto& f : filters) args.insert(args.end(), {"--filter", f});
    const auto result = run(events(args));
    BOOST_TEST(result.code == 0, result.err);
    return lines(result.out).size();
  };
  BOOST_TEST(count({"container=one"}) == 3U);
  BOOST_TEST(count({"container=" + one.substr(0, 11)}) == 3U);
  BOOST_TEST(count({"name=one", "name=two"}) == 6U);
  BOOST_TEST(count({"name=one", "event=exited", "event=started"}) == 2U);
  BOOST_TEST(count({"id=" + two, "event=exited"}) == 1U);
  BOOST_TEST(count({"level=error"}) == 2U);   // error and failed
  BOOST_TEST(count({"supervisor=other"}) == 0U);
  BOOST_TEST(lines(run(events({"--tail", "2", "--filter", "name=one"})).out).size() == 2U);
  BOOST_TEST(run(events({"--since", "2999-01-01T00:00:00Z"})).out.empty());
  BOOST_TEST(lines(run(events({"--since", "1h", "--filter", "name=one"})).out).size() == 3U);
  for (const auto& [wrong, hint] : {std::pair<std::string, std::string>{"event=exitd", "exited"},
                                    {"evnt=exited", "event"},
                                    {"exited", "event"},
                                    {"level=loud", "warning"}}) {
    const auto result = run(events({"--filter", wrong}));
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.err, hint), result.err);
  }
  BOOST_TEST(run(events({"one"})).code == 125);
}

BOOST_AUTO_TEST_CASE(follow_tells_what_happens) {
  DaemonProcess daemon;
  BOOST_TEST(daemon.sup({"wait", daemon.detached({"--name", "before", "true"})}).code == 0);
  Process all(events({"-f"}));
  Process fresh(events({"-f", "--tail", "0", "--filter", "event=exited", "--format", "json"}));
  all.wait_out("before exited");
  fresh.watch(50ms);
  const auto id = daemon.detached({"--name", "after", probe_path(), "exit", "5"});
  BOOST_TEST(all.wait_out("after exited: exited with 5"));
  daemon.wait_until(
      [&] {
        fresh.watch(1ms);
        return !fresh.out().empty();
      },
      "an event that is filtered");
  BOOST_TEST(parse_json(lines(fresh.out()).at(0)).text("/id") == id);
  // It ends with the supervisor.
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(all.wait().code() == 0);
  BOOST_TEST(fresh.wait().code() == 0);
  BOOST_TEST(lines(fresh.out()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(of_all_supervisors_also_of_one_that_comes_later) {
  DaemonProcess first({}, "a");
  BOOST_TEST(first.sup({"wait", first.detached({"--name", "one", "true"})}).code == 0);
  Process follow(events({"-f"}, ""));
  BOOST_TEST(follow.wait_out("one exited: exited with 0 (a)"));
  DaemonProcess second({}, "b");
  BOOST_TEST(second.sup({"wait", second.detached({"--name", "two", "true"})}).code == 0);
  BOOST_TEST(follow.wait_out("two exited: exited with 0 (b)"));
  BOOST_TEST(first.end() == 0);
  (void)second.detached({"--name", "three", "true"});
  BOOST_TEST(follow.wait_out("three exited"));
  BOOST_TEST(!follow.ended());
  // In the order of time over both.
  const auto past = run(events({}, ""));
  BOOST_TEST(past.out.find("two exited") < past.out.find("three starting"));
  follow.signal(SIGTERM);
  follow.wait();
}

BOOST_AUTO_TEST_CASE(follow_ends_when_its_reader_leaves) {
  DaemonProcess daemon;
  Start start = events({});
  start.program = "/bin/sh";
  start.args = {"-c", "\"$1\" -S t events -f | head -n 1", "sh", sup_path()};
  Process pipeline(start);
  (void)daemon.detached({"true"});
  BOOST_TEST(pipeline.wait(10s).code() == 0);
  BOOST_TEST(lines(pipeline.out()).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(subscription, Clean)

BOOST_AUTO_TEST_CASE(a_snapshot_and_then_each_event) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "web", "sleep", "1000"});
  RawClient client(daemon.socket());
  const auto hello = parse_json(client.line());
  BOOST_TEST(hello.number("/params/seq") == 3);
  const auto answer = parse_json(client.ask("events.subscribe"));
  BOOST_TEST(answer.number("/result/seq") == 3);
  BOOST_TEST(answer.number("/result/first") == 1);
  BOOST_TEST(answer.number("/result/missed") == 0);
  const auto snapshot = parse_json(client.line());
  BOOST_TEST(snapshot.text("/method") == "snapshot");
  BOOST_TEST(snapshot.text("/params/containers/0/id") == id);
  BOOST_TEST(snapshot.text("/params/containers/0/state") == "running");
  BOOST_TEST(daemon.sup({"rm", "-f", "web"}).code == 0);
  for (long seq = 4; seq <= 6; ++seq) BOOST_TEST(seq_of(client.line()) == seq);   // signal, exited, removed
  // The connection is still one for requests.
  BOOST_TEST(has(client.ask("container.list"), R"("result":[])"));
  // Since: what has happened as well. And no more than there was.
  RawClient second(daemon.socket());
  (void)second.line();
  BOOST_TEST(has(second.ask("events.subscribe", R"({"since":7})"), "E_RPC_RANGE"));
  BOOST_TEST(parse_json(second.ask("events.subscribe", R"({"since":3,"snapshot":false})")).number("/result/seq") == 6);
  for (long seq = 4; seq <= 6; ++seq) BOOST_TEST(seq_of(second.line()) == seq);
}

BOOST_AUTO_TEST_CASE(one_that_is_too_slow_is_told_where_it_was) {
  // So many that they fill what the kernel holds for it and the history too.
  DaemonProcess daemon;
  const auto id = daemon.detached(
      {"--name", std::string(4000, 'n'), "sh", "-c", "trap : USR1; echo ready; while :; do sleep 1000 & wait; done"});
  daemon.wait_until([&] { return has(daemon.sup({"logs", id}).out, "ready"); }, "a handler");
  RawClient deaf(daemon.socket());
  (void)deaf.line();
  long last = parse_json(deaf.ask("events.subscribe", R"({"snapshot":false})")).number("/result/seq");
  RawClient good(daemon.socket());
  (void)good.line();
  // Many requests in one piece: each is an event.
  const std::string kill = R"({"jsonrpc":"2.0","id":1,"method":"container.kill","params":{"container":")" + id +
                           "\",\"signal\":\"USR1\"}}\n";
  std::string all;
  for (int i = 0; i < 500; ++i) all += kill;
  BOOST_TEST_REQUIRE(good.send(all));
  for (int i = 0; i < 500; ++i) BOOST_TEST_REQUIRE(has(good.line(), "delivered"));
  BOOST_TEST(rss_peak_kib(daemon.pid()) < memory_bound_kib());
  std::string line;
  while (true) {
    line = deaf.line();
    const long seq = seq_of(line);
    if (seq < 0) break;
    BOOST_TEST_REQUIRE(seq == last + 1);
    last = seq;
  }
  BOOST_TEST(has(line, "events.lost"), shown(line));
  BOOST_TEST(parse_json(line).number("/params/last") == last);
  BOOST_TEST(deaf.ends());
  // And resumes from there, as far as that is still known.
  RawClient again(daemon.socket());
  const long seq = parse_json(again.line()).number("/params/seq");
  const auto answer =
      parse_json(again.ask("events.subscribe", R"({"snapshot":false,"since":)" + std::to_string(last) + "}"));
  const long missed = answer.number("/result/missed");
  BOOST_TEST(missed > 0);
  long next = seq_of(again.line());
  BOOST_TEST(next == last + missed + 1);
  for (; next < seq; ++next) BOOST_TEST_REQUIRE(seq_of(again.line()) == next + 1);
}

BOOST_AUTO_TEST_SUITE_END()
