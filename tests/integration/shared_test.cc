// Namespaces that are another's, and what each process is granted by itself.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

std::string namespace_of(pid_t pid, const std::string& kind) {
  char target[128];
  const ssize_t n = ::readlink(("/proc/" + std::to_string(pid) + "/ns/" + kind).c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : std::string();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shared, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(ipc_and_uts_of_the_host) {
  const auto result = sup_run({"--ipc", "host", "--uts=host", probe_path(), "ns"});
  BOOST_TEST(result.code == 0, result.err);
  for (const char* kind : {"ipc", "uts"})
    BOOST_TEST(has(result.out, namespace_of(::getpid(), kind)), kind << result.out);
  for (const char* kind : {"pid", "mnt", "net"})
    BOOST_TEST(!has(result.out, namespace_of(::getpid(), kind)), kind << result.out);
  const auto both = sup_run({"--uts=host", "-h", "box", "true"});
  BOOST_TEST(both.code == 125);
  BOOST_TEST(has(both.err, "--hostname: box: would change another's host name"), both.err);
}

BOOST_AUTO_TEST_CASE(a_containers_namespaces) {
  DaemonProcess daemon;
  const std::string id = daemon.detached({"--name", "base", "sleep", "60"});
  const pid_t pid = daemon.pid_of(id);
  const auto result = daemon.sup(
      {"run", "--network", "container:base", "--ipc=container:" + id, "--uts", "container:base", probe_path(), "ns"});
  if (as_user()) {
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.err, "an ordinary user has no powers over it"), result.err);
  } else {
    BOOST_TEST(result.code == 0, result.err);
    for (const char* kind : {"net", "ipc", "uts"})
      BOOST_TEST(has(result.out, namespace_of(pid, kind)), kind << result.out);
    for (const char* kind : {"pid", "mnt"}) BOOST_TEST(!has(result.out, namespace_of(pid, kind)), kind << result.out);
    const auto by_path = sup_run({"--network", "ns:/proc/" + std::to_string(pid) + "/ns/net", probe_path(), "ns"});
    BOOST_TEST(has(by_path.out, namespace_of(pid, "net")), by_path.out << by_path.err);
  }
  const auto unknown = daemon.sup({"run", "--network", "container:nosuch", "true"});
  BOOST_TEST(unknown.code == 125);
  BOOST_TEST(has(unknown.err, "nosuch"), unknown.err);
}

BOOST_AUTO_TEST_CASE(namespaces_that_are_none) {
  if (as_user()) return;
  const auto missing = sup_run({"--network", "ns:/nosuch/net", "true"});
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "/nosuch/net"), missing.err);
  const auto other = sup_run({"--network", "ns:/proc/self/ns/uts", "true"});
  BOOST_TEST(other.code == 125);
  BOOST_TEST(sup_run({"--network", "ns:relative", "true"}).code == 125);
  BOOST_TEST(has(sup_run({"--network", "bridge", "true"}).err, "no such network"));
}

BOOST_AUTO_TEST_CASE(limits_and_priorities_of_each_process) {
  const auto result = sup_run(
      {"--ulimit", "nofile=123:456", "--ulimit", "core=0", "--oom-score-adj", "500", "--nice", "7", "--ionice", "idle",
       "sh", "-c",
       "ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; cut -d' ' -f19 /proc/self/stat; ionice"});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == "123\n456\n0\n500\n7\nidle\n", result.out);
  const auto more = sup_run({"--oom-score-adj=-1000", "true"});
  const auto own = read_text("/proc/self/status");
  const bool may = !as_user() && (std::strtoull(own.c_str() + own.find("CapBnd:") + 8, nullptr, 16) >> 24 & 1) != 0;
  BOOST_TEST(more.code == (may ? 0 : 125), more.err);
  if (!may) BOOST_TEST(has(more.err, "CAP_SYS_RESOURCE"), more.err);
  BOOST_TEST(has(sup_run({"--ulimit", "nofiles=1", "true"}).err, "did you mean nofile?"));
  BOOST_TEST(sup_run({"--nice", "20", "true"}).code == 125);
}

BOOST_AUTO_TEST_SUITE_END()
