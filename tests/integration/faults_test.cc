// What a supervisor meets on a bad day: full disks, no descriptors, crash loops, orphans; and a socket that it is handed.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

BOOST_FIXTURE_TEST_SUITE(faults, Clean)

BOOST_AUTO_TEST_CASE(b45_a_full_disk_costs_output_alone_and_tells_how_much) {
  if (!own_mounts()) SUP_CANNOT("needs a mount namespace of the tests' own");
  const std::string place = runtime_dir() + "/sup";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0700) == 0);
  BOOST_TEST_REQUIRE(::mount("none", place.c_str(), "tmpfs", 0, "size=64k,mode=0700") == 0);
  {
    DaemonProcess daemon;
    const std::string gate = dir() + "/gate";
    const std::string filled = dir() + "/filled";
    BOOST_TEST_REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    const long count = 3000;
    const auto id = daemon.detached(
        {"sh", "-c",
         "i=0; while [ $i -lt $1 ]; do echo line $i; i=$((i+1)); done; : > $2; read x < $3; echo end; exit 4", "sh",
         std::to_string(count), filled, gate});
    daemon.wait_until([&] { return exists(filled); }, "all lines");
    // Written, but perhaps not read: who has answered twice has been through its streams in between.
    for (int i = 0; i < 2; ++i) BOOST_TEST(daemon.sup({"ps"}).code == 0);
    // Who looks now is told, though the log itself cannot tell yet.
    BOOST_TEST(has(daemon.sup({"logs", id}).err, "bytes are missing here"));
    BOOST_TEST(::mount("none", place.c_str(), "tmpfs", MS_REMOUNT, "size=8m,mode=0700") == 0);
    // Opened for both, so that it does not wait.
    const sup::Fd open(::open(gate.c_str(), O_RDWR | O_CLOEXEC));
    BOOST_TEST(::write(open.get(), "\n", 1) == 1);
    BOOST_TEST(daemon.sup({"wait", id}).out == "4\n");
    const auto logs = daemon.sup({"logs", id});
    std::size_t all = 4;  // "end\n"
    for (long i = 0; i < count; ++i) all += 6 + std::to_string(i).size();
    BOOST_TEST(has(logs.out, "\nend\n"));
    BOOST_TEST(has(logs.err, "bytes are missing"), logs.err);
    std::size_t missing = 0;
    for (const auto& line : lines(logs.err))
      missing += static_cast<std::size_t>(std::atol(value(line, "sup: logs:").c_str()));
    BOOST_TEST(logs.out.size() + missing == all, logs.out.size() << " and " << missing << " missing of " << all);
    std::string order;
    for (const auto& event : Events(daemon.events()).all()) order += event.name() + " ";
    BOOST_TEST(order == "listening starting started error exited ");
    BOOST_TEST(daemon.end() == 0);
  }
  BOOST_TEST(::umount(place.c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(without_descriptors_a_start_fails_and_the_rest_goes_on) {
  DaemonProcess daemon({"--pool", "0"});
  RawClient client(daemon.socket());
  (void)client.line();
  const auto id = daemon.detached({"sleep", "1000"});
  rlimit before{};
  BOOST_TEST_REQUIRE(::prlimit(daemon.pid(), RLIMIT_NOFILE, nullptr, &before) == 0);
  // Three more than it has: enough to hear, too few to start.
  rlimit few = before;
  few.rlim_cur = fds_of(daemon.pid()) + 3;
  BOOST_TEST_REQUIRE(::prlimit(daemon.pid(), RLIMIT_NOFILE, &few, nullptr) == 0);
  const std::string run = R"({"spec":{"rm":false,"argv":["true"]},"cwd":"/","environ":["PATH=/usr/bin:/bin"]})";
  for (int i = 0; i < 5; ++i) {
    const auto answer = client.ask("container.run", run);
    BOOST_TEST(has(answer, R"("error":)"), shown(answer));
    BOOST_TEST(has(answer, R"("errno":24)"), shown(answer));
  }
  BOOST_TEST(has(client.ask("container.list"), id));
  BOOST_TEST(::prlimit(daemon.pid(), RLIMIT_NOFILE, &before, nullptr) == 0);
  BOOST_TEST(has(client.ask("container.run", run), "result"));
  BOOST_TEST(daemon.sup({"stop", id}).code == 0);
}

BOOST_AUTO_TEST_CASE(b44_no_more_processes_is_a_clear_error) {
  const std::string group = "/sys/fs/cgroup/pids/sup-test-" + std::to_string(::getpid());
  if (::mkdir(group.c_str(), 0755) != 0) SUP_CANNOT("no pids cgroup of v1 to make");
  {
    DaemonProcess daemon({"--pool", "0"});
    const auto id = daemon.detached({"sleep", "1000"});
    const auto put = [&](const char* file, const std::string& text) {
      const sup::Fd fd(::open((group + file).c_str(), O_WRONLY | O_CLOEXEC));
      BOOST_TEST_REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    };
    put("/cgroup.procs", std::to_string(daemon.pid()));
    put("/pids.max", read_text(group + "/pids.current"));
    for (int i = 0; i < 3; ++i) {
      const auto result = daemon.sup({"run", "-d", "true"});
      BOOST_TEST(result.code == 125);
      BOOST_TEST(lines(result.err).size() == 1U, result.err);
      BOOST_TEST(has(result.err, "pids"), result.err);
    }
    BOOST_TEST(daemon.ids().size() == 1U);
    put("/pids.max", "max");
    BOOST_TEST(daemon.sup({"wait", daemon.detached({"true"})}).out == "0\n");
    BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
  }
  BOOST_TEST(::rmdir(group.c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(b51_stop_ends_one_that_is_traced) {
  DaemonProcess daemon;
  const auto id = daemon.shell("trap : TERM");
  const pid_t pid = daemon.pid_of(id);
  BOOST_TEST_REQUIRE(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0);
  BOOST_TEST(::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == 0);
  daemon.wait_until([&] { return state_of(pid) == 't'; }, "it to stand still");
  const auto begin = std::chrono::steady_clock::now();
  Start stop;
  stop.events = false;
  stop.args = {"-S", "t", "stop", "-t", "1", id};
  Process stopping(stop);
  // The tracer is who is told first; then the supervisor.
  daemon.wait_until([&] { return ::waitpid(pid, nullptr, WNOHANG | __WALL) < 0 || state_of(pid) == 0; }, "its end");
  BOOST_TEST(stopping.wait().code() == 0);
  BOOST_TEST((std::chrono::steady_clock::now() - begin < patient(4s)));
}

BOOST_AUTO_TEST_CASE(b61_crash_loops_keep_to_their_pauses) {
  DaemonProcess daemon;
  const long loops = scaled(10);
  for (long i = 0; i < loops; ++i) (void)daemon.detached({"--restart", "always", "false"});
  daemon.wait_until([&] { return Events(daemon.events()).count("restarting") >= static_cast<std::size_t>(4 * loops); },
                    "four restarts of each", 20s);
  for (const auto& event : Events(daemon.events()).all()) {
    if (event.name() != "restarting") continue;
    const double pause = 100.0 * static_cast<double>(1L << (event.number("/count") - 1));
    const auto told = static_cast<double>(event.number("/delay_ms"));
    BOOST_TEST((told >= 0.9 * pause - 1 && told <= 1.1 * pause + 1), event.line());
  }
}

BOOST_AUTO_TEST_CASE(b52_orphans_are_reaped_inside) {
  DaemonProcess daemon;
  const std::string ready = dir() + "/ready";
  const auto id = daemon.detached({"--init", "sh", "-c",
                                   "i=0; while [ $i -lt $1 ]; do (true & ); i=$((i+1)); done; : > $2; exec sleep 1000",
                                   "sh", std::to_string(scaled(200)), ready});
  daemon.wait_until([&] { return exists(ready); }, "the orphans", 20s);
  const pid_t pid = daemon.pid_of(id);
  const std::string children = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  // The sleep alone is left, and nobody is a zombie.
  daemon.wait_until(
      [&] {
        const auto text = read_text(children);
        return text.find(' ') == text.size() - 1;
      },
      "one child of init");
  BOOST_TEST(rss_peak_kib(pid) < 1024);
}

// The log's place is the user's own, and so a container's of the same user on the host's root: it may have put something there.
BOOST_AUTO_TEST_CASE(b29_a_log_that_is_a_trap_is_not_followed) {
  DaemonProcess daemon;
  const auto precious = write_file("precious", "precious\n");
  for (const std::string kind : {"link", "fifo", "directory", "device"}) {
    const auto gate = dir() + "/gate-" + kind;
    BOOST_TEST_REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    const auto id = daemon.detached({"sh", "-c", "read x < $1; echo words; echo more >&2; exit 3", "sh", gate});
    const auto place = daemon.socket() + ".logs/" + id;
    BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0700) == 0);
    const auto log = place + "/log";
    const bool set = kind == "link"        ? ::symlink(precious.c_str(), log.c_str()) == 0
                     : kind == "fifo"      ? ::mkfifo(log.c_str(), 0600) == 0
                     : kind == "directory" ? ::mkdir(log.c_str(), 0700) == 0
                                           : ::mknod(log.c_str(), S_IFCHR | 0600, makedev(1, 7)) == 0;
    BOOST_TEST_REQUIRE(set);
    const sup::Fd open(::open(gate.c_str(), O_RDWR | O_CLOEXEC));
    BOOST_TEST(::write(open.get(), "\n", 1) == 1);
    // The command is not touched by it, and somebody is told once.
    BOOST_TEST(daemon.sup({"wait", id}).out == "3\n", kind);
    long told = 0;
    for (const auto& event : Events(daemon.events()).all()) {
      if (event.text("/id") == id && event.text("/code") == "E_LOG") ++told;
    }
    BOOST_TEST(told == 1, kind << ": told " << told << " times");
    const auto logs = daemon.sup({"logs", id});
    BOOST_TEST(logs.code == 125, kind << ": " << logs.code << " " << logs.out << logs.err);
    const auto removed = daemon.sup({"rm", id});
    BOOST_TEST(removed.code == 0, kind << ": " << removed.err);
    BOOST_TEST(!exists(place), kind);
  }
  BOOST_TEST(read_text(precious) == "precious\n");
}

// Twenty that flood, each before a client that has stopped reading: the others are served, and memory has its bound.
BOOST_AUTO_TEST_CASE(b33_floods_before_readers_that_sleep) {
  DaemonProcess daemon;
  (void)daemon.detached({"-i", "--name", "echo", probe_path(), "echo"});
  const long base = rss_peak_kib(daemon.pid());
  std::vector<std::unique_ptr<RawClient>> sleepers;
  for (int i = 0; i < 20; ++i) {
    const auto name = "flood" + std::to_string(i);
    (void)daemon.detached(
        {"--name", name, "sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"});
    sleepers.push_back(std::make_unique<RawClient>(daemon.socket()));
    (void)sleepers.back()->line();
    BOOST_TEST(sleepers.back()->send(R"({"jsonrpc":"2.0","id":1,"method":"container.attach","params":{"container":")" +
                                     name +
                                     R"(","slow":"block"}})"
                                     "\n"));
  }
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "attach", "echo"};
  start.in = Start::In::open;
  Process echo(start);
  for (long i = 0; i < scaled(20); ++i) {
    const auto word = "round " + std::to_string(i);
    echo.send(word + "\n");
    BOOST_TEST(echo.wait_out("got <" + word + ">"));
  }
  const long more = rss_peak_kib(daemon.pid()) - base;
  BOOST_TEST(more < memory_bound_kib() * 20 / 64,
             more << " KiB more");  // 20 MiB; a sanitizer's shadow has its own size
  echo.send("bye\n");
  BOOST_TEST(echo.wait().code() == 0);
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_handed_in_is_served) {
  const std::string place = runtime_dir() + "/sup";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0700) == 0);
  const std::string path = place + "/act.sock";
  sup::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  BOOST_TEST_REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
  BOOST_TEST_REQUIRE(::listen(socket.get(), 16) == 0);
  const auto activated = [&](const char* name) {
    Start start;
    start.program = "/bin/sh";
    start.args = {"-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$1\" --events none -S $2 daemon", "sh", sup_path(), name};
    start.fds = {{socket.get(), 3}};
    start.events = false;
    return start;
  };
  {
    Process daemon(activated("act"));
    // A client waits in the queue until it is served: no matter who is first.
    Start ps;
    ps.events = false;
    ps.args = {"-S", "act", "run", "-d", "sleep", "1000"};
    BOOST_TEST(run(ps).code == 0);
    daemon.signal(SIGTERM);
    BOOST_TEST(daemon.wait().code() == 0);
    BOOST_TEST(exists(path), "it is not ours to remove");
  }
  // Clients would look for another one elsewhere.
  const auto wrong = run(activated("other"));
  BOOST_TEST(wrong.code == 125);
  BOOST_TEST(has(wrong.err, "act.sock"), wrong.err);
  BOOST_TEST(::unlink(path.c_str()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
