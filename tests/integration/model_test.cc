// The verbs against a model: thousands of requests by several clients in an order that nobody thought of; what each answers, what
// the list says, and what is left behind must be what a simple model of the states says.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <random>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// A container as the model has it: it runs until something of ours ends it, or is one that ends by itself.
struct Model {
  std::string id;
  std::string name;
  bool running = true;
  bool paused = false;  // of one that runs
  bool brief = false;  // `exit 3`: whether it runs still is not known before it was waited for
  int status = -1;  // of its last end
};

class Play {
 public:
  // parked: how many inits it keeps ready.
  Play(DaemonProcess& daemon, unsigned seed, std::size_t parked) : daemon_(daemon), random_(seed) {
    for (int i = 0; i < 4; ++i) {
      clients_.push_back(std::make_unique<RawClient>(daemon.socket()));
      BOOST_TEST_REQUIRE(has(clients_.back()->line(), "hello"));
    }
    // The loop has one of its own from the first client on.
    before_ = fds_of(daemon.pid()) - clients_.size();
    // A parked one holds three at most; the mounts are watched from the first start on.
    before_ += 3 * parked + 1;
  }

  void step() {
    const unsigned what = below(100);
    if (all_.empty() || (what < 22 && all_.size() < 12)) return start_new();
    if (what < 24) return unknown();
    auto& one = all_[below(static_cast<unsigned>(all_.size()))];
    if (what < 28)
      pause(one);
    else if (what < 36)
      stop(one);
    else if (what < 48)
      kill(one);
    else if (what < 60)
      restart(one);
    else if (what < 68)
      again(one);
    else if (what < 80)
      remove(one);
    else if (what < 88)
      wait(one);
    else if (what < 94)
      inspect(one);
    else
      list();
  }

  void finish() {
    list();
    while (!all_.empty()) {
      ok("container.remove", by(all_.front(), R"(,"force":true)"));
      all_.erase(all_.begin());
    }
    list();
    clients_.clear();
    daemon_.wait_until([&] { return fds_of(daemon_.pid()) <= before_; }, "its descriptors to be as many as before");
    BOOST_TEST(daemon_.ids().empty());
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(daemon_.socket() + ".logs", error))
      BOOST_ERROR("left behind: " << entry.path());
    const Events events(daemon_.events());
    BOOST_TEST(events.count("started") == events.count("exited"));
  }

 private:
  unsigned below(unsigned end) { return std::uniform_int_distribution<unsigned>(0, end - 1)(random_); }
  std::string ask(const std::string& method, const std::string& params) {
    return clients_[below(static_cast<unsigned>(clients_.size()))]->ask(method, params);
  }
  std::string ok(const std::string& method, const std::string& params) {
    auto answer = ask(method, params);
    BOOST_TEST_REQUIRE(has(answer, R"("result":)"), method << " " << params << ": " << shown(answer));
    return answer;
  }
  void refused(const std::string& method, const std::string& params, const char* code) {
    const auto answer = ask(method, params);
    BOOST_TEST_REQUIRE(has(answer, code), method << " " << params << ": " << shown(answer));
  }
  // By its id, its beginning, or its name.
  std::string by(const Model& one, const std::string& rest = {}) {
    const auto way = below(3);
    return R"({"container":")" +
           (way == 0 && !one.name.empty() ? one.name
            : way == 1                    ? one.id.substr(0, 11)
                                          : one.id) +
           "\"" + rest + "}";
  }

  void start_new() {
    Model one;
    one.brief = below(3) == 0;
    if (below(2) == 0) one.name = "n" + std::to_string(below(8));
    const std::string command = one.brief ? probe_path() + "\",\"exit\",\"3" : "sleep\",\"1000";
    const std::string spec = R"({"spec":{"rm":false,"argv":[")" + command + R"("])" +
                             (one.name.empty() ? "" : R"(,"name":")" + one.name + "\"") +
                             R"(},"cwd":"/","environ":["PATH=/usr/bin:/bin"]})";
    for (const auto& other : all_) {
      if (!one.name.empty() && other.name == one.name) return refused("container.run", spec, "E_NAME_TAKEN");
    }
    one.id = parse_json(ok("container.run", spec)).text("/result/id");
    all_.push_back(one);
  }

  void unknown() {
    for (const char* method : {"container.stop", "container.kill", "container.wait", "container.restart",
                               "container.start", "container.remove", "container.inspect"}) {
      refused(method, R"({"container":"nobody"})", "E_NO_CONTAINER");
    }
  }

  static std::string word(const Model& one) { return !one.running ? "exited" : one.paused ? "paused" : "running"; }

  // Where this machine lets a supervisor freeze at all.
  void pause(Model& one) {
    settle(one);
    if (!pauses_) return;
    if (!one.running || one.paused) refused("container.pause", by(one), "E_STATE");
    if (!one.running) return refused("container.unpause", by(one), "E_STATE");
    if (one.paused) {
      ok("container.unpause", by(one));
      one.paused = false;
      return;
    }
    const auto answer = ask("container.pause", by(one));
    if (!has(answer, R"("result":)")) {
      BOOST_TEST(has(answer, "E_CGROUP"), shown(answer));
      pauses_ = false;
      return;
    }
    one.paused = true;
  }

  void settle(Model& one) {
    if (!one.brief || !one.running) return;
    BOOST_TEST(parse_json(ok("container.wait", by(one))).number("/result/outcome/status") == 3);
    one.running = one.paused = false;
    one.status = 3;
  }
  void stop(Model& one) {
    settle(one);
    ok("container.stop", by(one));
    if (one.running) one.status = 128 + SIGKILL;  // process 1 without a handler
    one.running = one.paused = false;
  }
  void kill(Model& one) {
    settle(one);
    if (!one.running) return refused("container.kill", by(one), "E_STATE");
    if (below(3) == 0) {
      BOOST_TEST(has(ok("container.kill", by(one, R"(,"signal":"USR1")")), "dropped-pid1"));
      return;
    }
    ok("container.kill", by(one));
    BOOST_TEST(parse_json(ok("container.wait", by(one))).number("/result/outcome/status") == 128 + SIGKILL);
    one.running = one.paused = false;
    one.status = 128 + SIGKILL;
  }
  void restart(Model& one) {
    settle(one);
    ok("container.restart", by(one));
    one.running = true;
    one.paused = false;
  }
  void again(Model& one) {
    settle(one);
    if (one.running) return refused("container.start", by(one), "E_STATE");
    ok("container.start", by(one));
    one.running = true;
  }
  void remove(Model& one) {
    settle(one);
    const bool force = below(2) == 0;
    if (one.running && !force) return refused("container.remove", by(one), "E_STATE");
    ok("container.remove", by(one, force ? R"(,"force":true)" : ""));
    const std::string id = one.id;
    std::erase_if(all_, [&](const Model& m) { return m.id == id; });
    refused("container.inspect", R"({"container":")" + id + "\"}", "E_NO_CONTAINER");
  }
  void wait(Model& one) {
    settle(one);
    if (one.running) return inspect(one);
    BOOST_TEST(parse_json(ok("container.wait", by(one))).number("/result/outcome/status") == one.status);
  }
  void inspect(Model& one) {
    settle(one);
    const auto about = parse_json(ok("container.inspect", by(one)));
    BOOST_TEST(about.text("/result/id") == one.id);
    BOOST_TEST(about.text("/result/name") == one.name);
    BOOST_TEST(about.text("/result/state") == word(one));
    BOOST_TEST(about.has("/result/pid") == one.running);
  }
  void list() {
    for (auto& one : all_) settle(one);
    const auto rows = parse_json(ok("container.list", "{}"));
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const std::string row = "/result/" + std::to_string(i);
      BOOST_TEST_REQUIRE(rows.text(row + "/id") == all_[i].id);
      BOOST_TEST(rows.text(row + "/state") == word(all_[i]));
    }
    BOOST_TEST(!rows.has("/result/" + std::to_string(all_.size())));
  }

  DaemonProcess& daemon_;
  std::mt19937 random_;
  std::size_t before_ = 0;
  bool pauses_ = true;
  std::vector<std::unique_ptr<RawClient>> clients_;
  std::vector<Model> all_;  // in the order they came
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(model, Clean, *but::label("slow"))

BOOST_AUTO_TEST_CASE(random_verbs_from_several_clients) {
  const char* given = std::getenv("SUP_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  BOOST_TEST_MESSAGE("SUP_SEED=" << seed);
  BOOST_TEST_CONTEXT("SUP_SEED=" << seed) {
    const std::size_t parked = seed % 2 == 0 ? 0 : 4;
    DaemonProcess daemon({"--pool", std::to_string(parked)});
    Play play(daemon, seed, parked);
    for (long i = 0; i < scaled(200); ++i) play.step();
    play.finish();
  }
}

// B53 at a small size: many end at the same moment; each status is right, and the others are served meanwhile.
BOOST_AUTO_TEST_CASE(b53_many_ends_at_once) {
  DaemonProcess daemon;
  const auto total = static_cast<std::size_t>(scaled(50));
  RawClient client(daemon.socket());
  (void)client.line();
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < total; ++i) {
    const auto answer = client.ask(
        "container.run", R"({"spec":{"rm":false,"argv":["sleep","1000"]},"cwd":"/","environ":["PATH=/usr/bin:/bin"]})");
    ids.push_back(parse_json(answer).text("/result/id"));
    BOOST_TEST_REQUIRE(!ids.back().empty(), shown(answer));
  }
  std::string all;
  for (const auto& id : ids)
    all += R"({"jsonrpc":"2.0","method":"container.kill","params":{"container":")" + id + "\"}}\n";
  BOOST_TEST(client.send(all));
  RawClient other(daemon.socket());
  (void)other.line();
  BOOST_TEST(has(other.ask("hello"), "version"));
  for (const auto& id : ids)
    BOOST_TEST(
        parse_json(client.ask("container.wait", R"({"container":")" + id + "\"}")).number("/result/outcome/status") ==
        128 + SIGKILL);
  BOOST_TEST(Events(daemon.events()).count("exited") == total);
}

// B37 at a small size: many short ones, an end each.
BOOST_AUTO_TEST_CASE(b37_many_short_ones) {
  DaemonProcess daemon({"--pool", "0"});
  const auto total = static_cast<std::size_t>(scaled(50));
  RawClient client(daemon.socket());
  (void)client.line();
  // After a first client, with whom libuv's reserve comes.
  auto before = fds_of(daemon.pid());
  {
    RawClient first(daemon.socket());
    (void)first.line();
    before = fds_of(daemon.pid());
  }
  daemon.wait_until([&] { return fds_of(daemon.pid()) < before; }, "the first client's descriptor to be closed");
  before = fds_of(daemon.pid()) + 1;  // the watch on the mounts, with a run
  const std::string run =
      R"({"jsonrpc":"2.0","id":0,"method":"container.run","params":{"spec":{"argv":["true"],"rm":true},"cwd":"/","environ":["PATH=/usr/bin:/bin"]}})"
      "\n";
  for (std::size_t i = 0; i < total; ++i) BOOST_TEST_REQUIRE(client.send(run));
  for (std::size_t i = 0; i < total; ++i) BOOST_TEST_REQUIRE(has(client.line(10s), "result"));
  daemon.wait_until([&] { return has(client.ask("container.list"), R"("result":[])"); }, "an empty list");
  BOOST_TEST(Events(daemon.events()).count("exited") == total);
  BOOST_TEST(fds_of(daemon.pid()) <= before);
}

// B51: what does not listen: one that ignores TERM, one that is stopped.
BOOST_AUTO_TEST_CASE(b51_stop_ends_one_that_is_stopped) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap : TERM");
  const pid_t pid = daemon.pid_of(id);
  BOOST_TEST(daemon.sup({"kill", "-s", "STOP", id}).code == 0);
  daemon.wait_until([&] { return state_of(pid) == 'T'; }, "it to be stopped");
  BOOST_TEST(daemon.sup({"stop", "-t", "1", id}).code == 0);
  BOOST_TEST(gone(pid, 0ms));
}

// Several named in one command: it takes as long as the longest of them, and says of each as it is done.
BOOST_AUTO_TEST_CASE(several_are_stopped_at_once) {
  DaemonProcess daemon;
  std::vector<std::string> words = {"stop", "-t", "1"};
  for (int i = 0; i < 5; ++i) words.push_back(daemon.shell("trap : TERM"));
  words.emplace_back("nobody");
  const auto begin = std::chrono::steady_clock::now();
  const auto stopped = daemon.sup(words);
  BOOST_TEST((std::chrono::steady_clock::now() - begin) / 1ms < patient(3s).count());
  BOOST_TEST(stopped.code == 125);
  BOOST_TEST(lines(stopped.err).size() == 1U, stopped.err);
  std::string all;
  for (std::size_t i = 3; i < 8; ++i) all += words[i] + "\n";
  BOOST_TEST(stopped.out == all);
}

BOOST_AUTO_TEST_CASE(each_end_is_told_when_it_is_there) {
  DaemonProcess daemon;
  const auto brief = daemon.detached({probe_path(), "exit", "3"});
  const auto stays = daemon.detached({"sleep", "1000"});
  Start start;
  start.args = {"-S", daemon.name(), "wait", brief, stays};
  start.events = false;
  Process waits(start);
  BOOST_TEST(waits.wait_out("3\n"));
  BOOST_TEST(!waits.ended());
  BOOST_TEST(daemon.sup({"kill", stays}).code == 0);
  BOOST_TEST(waits.wait().code() == 0);
  BOOST_TEST(waits.out() == "3\n137\n");
}

// More than are asked for at the same time.
BOOST_AUTO_TEST_CASE(very_many_named_in_one_command) {
  DaemonProcess daemon;
  const auto id = daemon.detached({"true"});
  BOOST_TEST(daemon.sup({"wait", id}).code == 0);
  std::vector<std::string> words = {"inspect"};
  for (int i = 0; i < 1000; ++i) words.push_back(id);
  const auto result = daemon.sup(words);
  BOOST_TEST(result.code == 0, result.err);
  std::size_t count = 0;
  for (auto at = result.out.find("\"id\""); at != std::string::npos; at = result.out.find("\"id\"", at + 1)) ++count;
  BOOST_TEST(count == 1000U);
}

// A supervisor that is killed at some moment takes all along, and the next one finds nothing in its way.
BOOST_AUTO_TEST_CASE(killed_at_random_moments) {
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  for (long round = 0; round < scaled(3); ++round) {
    DaemonProcess daemon;
    RawClient client(daemon.socket());
    (void)client.line();
    const std::string run =
        R"({"jsonrpc":"2.0","id":0,"method":"container.run","params":{"spec":{"argv":["sleep","1000"]},"cwd":"/","environ":["PATH=/usr/bin:/bin"]}})"
        "\n";
    for (int i = 0; i < 20; ++i) (void)client.send(run);
    const unsigned answers = std::uniform_int_distribution<unsigned>(0, 20)(random);
    for (unsigned i = 0; i < answers; ++i) (void)client.line();
    daemon.murder();
    BOOST_TEST(client.ends());
  }
  DaemonProcess next;
  BOOST_TEST(next.ids().empty());
}

BOOST_AUTO_TEST_CASE(clients_killed_in_the_middle_of_a_request) {
  DaemonProcess daemon({"--pool", "0"});
  const auto before = fds_of(daemon.pid()) + 1;  // the watch on the mounts
  const std::string run =
      R"({"jsonrpc":"2.0","id":0,"method":"container.run","params":{"spec":{"argv":["true"],"rm":true},"cwd":"/","environ":["PATH=/usr/bin:/bin"]}})"
      "\n";
  for (std::size_t cut = 1; cut <= run.size(); cut += 7) {
    RawClient client(daemon.socket());
    (void)client.send(run.substr(0, cut));
  }
  for (int i = 0; i < 10; ++i) {
    RawClient client(daemon.socket());
    (void)client.send(run);
  }
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before && daemon.ids().empty(); },
                    "nothing to be left of them");
}

BOOST_AUTO_TEST_CASE(a_runtime_directory_that_is_removed) {
  DaemonProcess daemon;
  RawClient client(daemon.socket());
  (void)client.line();
  const auto id = daemon.detached({"sleep", "1000"});
  std::filesystem::remove_all(runtime_dir() + "/sup");
  // Who is connected is served; output that has nowhere to go is told of; a new one says what is missing; nothing hangs and it
  // ends as it should.
  BOOST_TEST(has(client.ask("container.list"), id));
  BOOST_TEST(
      has(client.ask("container.run", R"({"spec":{"argv":["echo","words"]},"cwd":"/","environ":[]})"), "result"));
  BOOST_TEST(daemon.wait_event("E_LOG"));
  BOOST_TEST(has(client.ask("container.remove", R"({"force":true,"container":")" + id + "\"}"), "result"));
  BOOST_TEST(daemon.sup({"ps"}).code == 125);
}

BOOST_AUTO_TEST_SUITE_END()
