// A name is one container's, whoever asks for it at the same moment, and is free again when that is gone.
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

std::string names_dir() { return runtime_dir() + "/sup/names"; }

Start named(const std::string& name) {
  auto start = running({"--name", name, "-i", "cat"});
  start.in = Start::In::open;
  return start;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(names, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(one_of_many_at_once_gets_the_name) {
  for (long round = 0; round < scaled(4); ++round) {
    const std::string name = "one-" + std::to_string(round);
    std::vector<std::unique_ptr<Process>> racers;
    for (int i = 0; i < 16; ++i) racers.push_back(std::make_unique<Process>(named(name)));
    std::size_t losers = 0;
    for (auto& racer : racers) {
      racer->send("hello\n");
      BOOST_TEST_REQUIRE(racer->wait_until([&] { return racer->ended() || has(racer->out(), "hello"); }, "its fate"));
      if (has(racer->out(), "hello")) continue;
      ++losers;
      BOOST_TEST(racer->wait().code() == 125);
      BOOST_TEST(has(racer->err(), "sup: --name: " + name + ": container "), racer->err());
      BOOST_TEST(has(racer->err(), " has it"), racer->err());
    }
    BOOST_TEST(losers == racers.size() - 1);
    for (auto& racer : racers) {
      if (racer->ended()) continue;
      racer->close_input();
      BOOST_TEST(racer->wait().code() == 0);
    }
    BOOST_TEST(!exists(names_dir()));
  }
}

BOOST_AUTO_TEST_SUITE_END()

// By clients that ask nobody else first.
BOOST_FIXTURE_TEST_SUITE(names_of_daemons, Clean)

namespace {

const char* const kRun =
    R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"spec":{"rm":false,"name":"one","argv":["sleep","1000"]},"cwd":"/","environ":["PATH=/usr/bin:/bin"]}})"
    "\n";

}  // namespace

BOOST_AUTO_TEST_CASE(one_of_several_supervisors_gets_the_name) {
  std::vector<std::unique_ptr<DaemonProcess>> daemons;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 4; ++i) {
    daemons.push_back(std::make_unique<DaemonProcess>(std::vector<std::string>{}, "s" + std::to_string(i)));
    clients.push_back(std::make_unique<RawClient>(daemons.back()->socket()));
    (void)clients.back()->line();
  }
  for (long round = 0; round < scaled(20); ++round) {
    for (auto& client : clients) BOOST_TEST(client->send(kRun));
    std::size_t winner = clients.size();
    std::size_t losers = 0;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const auto answer = clients[i]->line();
      if (has(answer, "E_NAME_TAKEN")) {
        ++losers;
      } else {
        BOOST_TEST(has(answer, "result"), answer);
        winner = i;
      }
    }
    BOOST_TEST_REQUIRE(losers == clients.size() - 1);
    // Also once it has ended: it can be started again.
    BOOST_TEST(daemons[winner]->sup({"stop", "one"}).code == 0);
    BOOST_TEST(has(clients[(winner + 1) % 4]->ask("container.run", parse_json(kRun).text("/params")), "E_NAME_TAKEN"));
    BOOST_TEST(daemons[winner]->sup({"rm", "one"}).code == 0);
    BOOST_TEST(!exists(names_dir()));
  }
}

BOOST_AUTO_TEST_CASE(a_name_goes_on_with_its_supervisor) {
  DaemonProcess daemon;
  DaemonProcess other({}, "other");
  BOOST_TEST(!daemon.detached({"--name", "one", "sleep", "1000"}).empty());
  BOOST_TEST(daemon.sup({"reload"}).code == 0);
  RawClient client(other.socket());
  (void)client.line();
  BOOST_TEST(client.send(kRun));
  BOOST_TEST(has(client.line(), "under t has it"));
  BOOST_TEST(other.sup({"run", "-d", "--name", "one", "true"}).code == 125);
  BOOST_TEST(daemon.sup({"rm", "-f", "one"}).code == 0);
  BOOST_TEST(client.send(kRun));
  BOOST_TEST(has(client.line(), "result"));
  BOOST_TEST(other.sup({"rm", "-f", "one"}).code == 0);
}

BOOST_AUTO_TEST_CASE(names_of_a_killed_supervisor_are_free) {
  {
    DaemonProcess daemon;
    for (const char* name : {"one", "two"}) BOOST_TEST(!daemon.detached({"--name", name, "sleep", "1000"}).empty());
    daemon.murder();
  }
  BOOST_TEST(exists(names_dir() + "/two"));
  BOOST_TEST(sup_run({"--name", "one", "true"}).code == 0);
  BOOST_TEST(!exists(names_dir() + "/one"));
  const DaemonProcess next;
  BOOST_TEST(!exists(names_dir()));
}

// A run that cannot begin has no name.
BOOST_AUTO_TEST_CASE(a_start_that_fails_gives_the_name_back) {
  const DaemonProcess daemon;
  BOOST_TEST(daemon.sup({"run", "-d", "--rm", "--name", "one", "-w", "/no/such", "true"}).code == 125);
  BOOST_TEST(sup_run({"--name", "one", "-w", "/no/such", "true"}).code == 125);
  BOOST_TEST(!exists(names_dir()));
  // Nor does a name that no file can have keep a container from it.
  BOOST_TEST(sup_run({"--name", std::string(300, 'x'), "true"}).code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
