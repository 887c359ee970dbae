// Namespaces that are another's, and what each process is granted by itself.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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

// What shm_open(3) makes is a file: with another's IPC namespace goes its /dev/shm, also where the root is another.
BOOST_AUTO_TEST_CASE(the_memory_that_is_shared_by_files) {
  if (::access("/bin/busybox", X_OK) != 0) SUP_SKIP("needs busybox-static");
  const std::string root = dir() + "/root";
  std::filesystem::create_directories(root + "/bin");
  std::filesystem::copy_file("/bin/busybox", root + "/bin/busybox");
  std::filesystem::permissions(root + "/bin/busybox", std::filesystem::perms(0755));
  (void)::lchown(root.c_str(), uid(), gid());
  const std::string name = "sup-test-" + std::to_string(::getpid());
  const std::string file = "/dev/shm/" + name;
  std::ofstream(file) << "the host's\n";
  const auto host = sup_run({"--rootfs", root, "--ipc", "host", "/bin/busybox", "cat", file});
  const auto none = sup_run({"--rootfs", root, "/bin/busybox", "cat", file});
  std::filesystem::remove(file);
  BOOST_TEST(host.out == "the host's\n", host.err);
  BOOST_TEST(none.code == 1);
  if (as_user()) return;
  DaemonProcess daemon;
  (void)daemon.detached({"--name", "base", "--rootfs", root, "-i", "/bin/busybox", "sh", "-c",
                         "echo theirs >/dev/shm/here; while :; do read x; done"});
  BOOST_TEST(daemon.sup({"exec", "base", "/bin/busybox", "sh", "-c", "until test -s /dev/shm/here; do :; done"}).code ==
             0);
  const auto joined = daemon.sup({"run", "--rootfs", root, "--ipc", "container:base", "/bin/busybox", "sh", "-c",
                                  "cat /dev/shm/here; echo more >/dev/shm/there; ls /; pwd"});
  BOOST_TEST(joined.out == "theirs\nbin\ndev\nproc\nsys\n/\n", joined.out << joined.err);
  BOOST_TEST(daemon.sup({"exec", "base", "/bin/busybox", "cat", "/dev/shm/there"}).out == "more\n");
  // Who may mount has put something else there: no link of his is followed.
  (void)daemon.detached(
      {"--name", "sly", "--rootfs", root, "--privileged", "-i", "/bin/busybox", "sh", "-c",
       "umount /dev/shm; rmdir /dev/shm; ln -s / /dev/shm; echo >/dev/done; while :; do read x; done"});
  BOOST_TEST(daemon.sup({"exec", "sly", "/bin/busybox", "sh", "-c", "until test -e /dev/done; do :; done"}).code == 0);
  const auto sly = daemon.sup({"run", "--rootfs", root, "--ipc", "container:sly", "/bin/busybox", "ls", "/dev/shm"});
  BOOST_TEST(sly.code == 125);
  BOOST_TEST(has(sly.err, "whose IPC namespace it is has none there"), sly.err);
}

// Without a control group that can be killed as one nobody could end what is left: then it is refused.
bool no_group() {
  const auto tried = sup_run({"--pid", "host", "true"});
  return tried.code == 125 && has(tried.err, "cgroup");
}

BOOST_AUTO_TEST_CASE(the_hosts_processes) {
  if (as_user()) {
    const auto refused = sup_run({"--pid", "host", "true"});
    BOOST_TEST(refused.code == 125);
    BOOST_TEST(has(refused.err, "--pid: a pid namespace that is not its own: an ordinary user has no powers over it"),
               refused.err);
    return;
  }
  if (no_group()) SUP_CANNOT("there is no cgroup.kill here");
  const auto result = sup_run({"--pid", "host", probe_path(), "ns"});
  BOOST_TEST(has(result.out, namespace_of(::getpid(), "pid")), result.out << result.err);
  for (const char* kind : {"ipc", "uts", "mnt", "net"})
    BOOST_TEST(!has(result.out, namespace_of(::getpid(), kind)), kind << result.out);
  BOOST_TEST(Events(result.events).last("starting").text("/boundary") == "none", result.events);
  const auto seen =
      sup_run({"--pid", "host", "-t", "sh", "-c", "ls -d /proc/" + std::to_string(::getpid()) + "; kill -KILL $$"});
  BOOST_TEST(seen.out == "/proc/" + std::to_string(::getpid()) + "\n", seen.out << seen.err);
  BOOST_TEST(seen.code == 128 + SIGKILL);
  BOOST_TEST(sup_run({"--pid", "host", "-u", "nobody", "--init", "sh", "-c", "exit 7"}).code == 7);
  BOOST_TEST(sup_run({"--pid", "host", "/nosuch"}).code == 127);
  const auto nowhere = sup_run({"--pid", "ns:/nosuch/pid", "true"});
  BOOST_TEST(nowhere.code == 125);
  BOOST_TEST(has(nowhere.err, "/nosuch/pid"), nowhere.err);
}

// No PID 1 dies with it: whatever ends it, nothing of it is left among the host's processes.
BOOST_AUTO_TEST_CASE(nothing_is_left_among_the_hosts_processes) {
  if (as_user()) return;
  if (no_group()) SUP_CANNOT("there is no cgroup.kill here");
  const std::string leave = "setsid sh -c 'setsid sleep 1000 >/dev/null 2>&1 & echo left $!'; ";
  const auto left = [](const std::string& out) { return static_cast<pid_t>(std::atoi(value(out, "left").c_str())); };
  const auto ended = sup_run({"--pid", "host", "sh", "-c", leave + "exit 3"});
  BOOST_TEST(ended.code == 3, ended.err);
  BOOST_TEST_REQUIRE(left(ended.out) > 0, ended.out);
  BOOST_TEST(gone(left(ended.out), 5s));
  for (const bool guard : {false, true}) {
    Process process(running({"--pid", "host", "sh", "-c", leave + "echo up; exec sleep 1000"}));
    BOOST_TEST_REQUIRE(process.wait_out("up\n"));
    const pid_t first = pid_inside(process);
    const pid_t other = left(process.out());
    ::kill(guard ? first : process.pid(), SIGKILL);
    BOOST_TEST(process.wait().code() == (guard ? 128 + SIGKILL : 1000 + SIGKILL));
    BOOST_TEST(gone(first, 5s));
    BOOST_TEST(gone(other, 5s));
  }
  Process stopped(
      running({"--pid", "host", "sh", "-c", leave + "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"}));
  BOOST_TEST_REQUIRE(stopped.wait_out("up\n"));
  stopped.signal(SIGTERM);
  BOOST_TEST(stopped.wait().code() == 5, stopped.err());
  BOOST_TEST(gone(left(stopped.out()), 5s));
}

BOOST_AUTO_TEST_CASE(a_containers_processes) {
  if (as_user()) return;
  if (no_group()) SUP_CANNOT("there is no cgroup.kill here");
  DaemonProcess daemon;
  const std::string id = daemon.detached({"--name", "base", "sleep", "1000"});
  const pid_t pid = daemon.pid_of(id);
  const auto result =
      daemon.sup({"run", "--pid", "container:base", "sh", "-c", "cat /proc/1/comm; " + probe_path() + " ns"});
  BOOST_TEST(result.out.starts_with("sleep\n"), result.out << result.err);
  BOOST_TEST(has(result.out, namespace_of(pid, "pid")), result.out);
  BOOST_TEST(!has(result.out, namespace_of(pid, "net")), result.out);
  const std::string joined = daemon.detached({"--name", "joined", "--pid", "container:" + id, "sleep", "999"});
  // One that goes in sees what it sees, after a reload too; and what is paused is it alone.
  for (const bool reloaded : {false, true}) {
    if (reloaded) BOOST_TEST(daemon.sup({"reload"}).code == 0);
    const auto inside = daemon.sup({"exec", "joined", "sh", "-c", "cat /proc/1/comm; " + probe_path() + " ns"});
    BOOST_TEST(inside.out.starts_with("sleep\n"), inside.out << inside.err);
    BOOST_TEST(has(inside.out, namespace_of(pid, "pid")), inside.out);
    BOOST_TEST(has(inside.out, namespace_of(daemon.pid_of(joined), "net")), inside.out);
  }
  BOOST_TEST(daemon.sup({"pause", "joined"}).code == 0);
  BOOST_TEST(state_of(pid) == 'S');
  BOOST_TEST(daemon.sup({"unpause", "joined"}).code == 0);
  const auto twice = daemon.sup({"run", "--pid", "container:joined", "true"});
  BOOST_TEST(twice.code == 125);
  BOOST_TEST(has(twice.err, "in another's pid namespace itself"), twice.err);
  const auto restarts = daemon.sup({"run", "-d", "--restart", "always", "--pid", "container:base", "true"});
  BOOST_TEST(restarts.code == 125);
  // With whose PID 1 all in the namespace ends.
  BOOST_TEST(daemon.sup({"kill", "base"}).code == 0);
  const auto status = daemon.sup({"wait", "joined"});
  BOOST_TEST(has(status.out, "137"), status.out << status.err);
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
  // What the tests were started with, where that is more: an ordinary user cannot go below it.
  const std::string nice = std::to_string(std::max(7, ::getpriority(PRIO_PROCESS, 0)));
  const auto result = sup_run(
      {"--ulimit", "nofile=123:456", "--ulimit", "core=0", "--oom-score-adj", "500", "--nice", nice, "--ionice", "idle",
       "sh", "-c",
       "ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; cut -d' ' -f19 /proc/self/stat; ionice"});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == "123\n456\n0\n500\n" + nice + "\nidle\n", result.out);
  const auto more = sup_run({"--oom-score-adj=-1000", "true"});
  const auto own = read_text("/proc/self/status");
  const bool may = !as_user() && (std::strtoull(own.c_str() + own.find("CapBnd:") + 8, nullptr, 16) >> 24 & 1) != 0;
  BOOST_TEST(more.code == (may ? 0 : 125), more.err);
  if (!may) BOOST_TEST(has(more.err, "CAP_SYS_RESOURCE"), more.err);
  BOOST_TEST(has(sup_run({"--ulimit", "nofiles=1", "true"}).err, "did you mean nofile?"));
  BOOST_TEST(sup_run({"--nice", "20", "true"}).code == 125);
}

BOOST_AUTO_TEST_SUITE_END()
