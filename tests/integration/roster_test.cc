// Containers that come back with their supervisor: after a stop of it, a crash and a live upgrade.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// Each of its starts adds a line to the file.
std::vector<std::string> counting(const std::string& name, const std::string& policy) {
  return {"--restart",
          policy,
          "--name",
          name,
          "sh",
          "-c",
          "trap 'exit 0' TERM; echo started >>" + dir() + "/" + name + "; while :; do sleep 1000 & wait; done"};
}

std::size_t starts(const std::string& name) { return lines(read_text(dir() + "/" + name)).size(); }

std::string state_of(const DaemonProcess& daemon, const std::string& name) {
  const auto inspected = daemon.sup({"inspect", name});
  return inspected.code == 0 ? parse_json(inspected.out).text("/state") : "";
}

std::string id_of(const DaemonProcess& daemon, const std::string& name) {
  return parse_json(daemon.sup({"inspect", name}).out).text("/id");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(roster, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(they_come_back_with_their_supervisor) {
  const std::vector<std::string> options = {"--state-dir", dir() + "/state"};
  std::string first;
  {
    DaemonProcess daemon(options);
    for (const auto& [name, policy] : {std::pair{"box-a", "always"},
                                       {"box-b", "unless-stopped"},
                                       {"box-c", "unless-stopped"},
                                       {"box-d", "always"},
                                       {"box-e", "no"},
                                       {"box-f", "always"},
                                       {"box-g", "on-failure"}}) {
      (void)daemon.detached(counting(name, policy));
      daemon.wait_until([&] { return starts(name) == 1; }, "the first start");
    }
    first = id_of(daemon, "box-a");
    BOOST_TEST(daemon.sup({"stop", "box-c", "box-d"}).code == 0);
    BOOST_TEST(daemon.sup({"rm", "-f", "box-f"}).code == 0);
    BOOST_TEST(daemon.end() == 0);
  }
  for (std::size_t round = 2; round <= 3; ++round) {
    DaemonProcess daemon(options);
    for (const char* name : {"box-a", "box-b", "box-d"}) {
      daemon.wait_until([&] { return starts(name) == round; }, std::string("another start of ") + name);
      daemon.wait_until([&] { return state_of(daemon, name) == "running"; }, std::string(name) + " to run");
    }
    BOOST_TEST(id_of(daemon, "box-a") == first);
    BOOST_TEST(state_of(daemon, "box-c") == "exited");
    BOOST_TEST(starts("box-c") == 1U);
    for (const char* name : {"box-e", "box-f", "box-g"}) BOOST_TEST(state_of(daemon, name) == "", name);
    // The second time it is killed.
    if (round == 2)
      daemon.murder();
    else
      BOOST_TEST(daemon.end() == 0);
  }
  // What its user starts again is not stopped any more, and comes back; what he stops does not.
  {
    DaemonProcess daemon(options);
    BOOST_TEST(daemon.sup({"start", "box-c"}).code == 0);
    daemon.wait_until([&] { return starts("box-c") == 2; }, "a start of c");
    BOOST_TEST(daemon.sup({"stop", "box-b"}).code == 0);
    BOOST_TEST(daemon.sup({"update", "--restart", "no", "box-d"}).code == 0);
    daemon.murder();
  }
  DaemonProcess daemon(options);
  daemon.wait_until([&] { return starts("box-c") == 3; }, "c to come back");
  BOOST_TEST(state_of(daemon, "box-b") == "exited");
  BOOST_TEST(state_of(daemon, "box-d") == "");
  BOOST_TEST(daemon.sup({"rm", "-f", "box-a", "box-b", "box-c"}).code == 0);
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(std::filesystem::is_empty(dir() + "/state"));
}

BOOST_AUTO_TEST_CASE(a_live_upgrade_keeps_the_roster) {
  const std::vector<std::string> options = {"--state-dir", dir() + "/state"};
  {
    DaemonProcess daemon(options);
    const auto id = daemon.detached(counting("before", "always"));
    const auto written = [&] {
      struct stat facts{};
      BOOST_TEST(::stat((dir() + "/state/" + id).c_str(), &facts) == 0);
      return facts.st_ino;
    };
    const auto first = written();
    BOOST_TEST(daemon.sup({"reload"}).code == 0);
    BOOST_TEST(written() == first, "it is not written again");
    (void)daemon.detached(counting("after", "always"));
    daemon.wait_until([] { return starts("before") == 1 && starts("after") == 1; }, "both to run");
    daemon.murder();
  }
  DaemonProcess daemon(options);
  daemon.wait_until([] { return starts("before") == 2 && starts("after") == 2; }, "both to come back");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_noted_or_read_is_told) {
  const std::string state = dir() + "/state";
  const std::vector<std::string> options = {"--state-dir", state};
  {
    DaemonProcess daemon(options);
    (void)daemon.detached(counting("good", "always"));
    daemon.wait_until([] { return starts("good") == 1; }, "a start");
    BOOST_TEST(daemon.end() == 0);
  }
  write_file("state/0123456789ab", "no container");
  {
    DaemonProcess daemon(options);
    daemon.wait_until([] { return starts("good") == 2; }, "the other one to come back");
    BOOST_TEST(has(daemon.events(), "E_ROSTER"), daemon.events());
    BOOST_TEST(daemon.end() == 0);
  }
  // Another supervisor's, or nobody's business.
  DaemonProcess daemon(options);
  const auto other = sup_cli({"-S", "other", "daemon", "--state-dir", state});
  BOOST_TEST(other.code == 125);
  BOOST_TEST(has(other.err, "another supervisor has its containers there"), other.err);
  BOOST_TEST(has(sup_cli({"-S", "other", "daemon", "--state-dir", "state"}).err, "not an absolute path"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
