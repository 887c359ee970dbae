// Inits made in advance: who gets one, who must not, and that none is left.
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;
namespace fs = std::filesystem;

namespace {

// Those that wait: children of the supervisor that hold one descriptor, their channel.
std::set<pid_t> parked(const DaemonProcess& daemon) {
  std::set<pid_t> all;
  const std::string pid = std::to_string(daemon.pid());
  const std::string text = read_text("/proc/" + pid + "/task/" + pid + "/children");
  std::size_t at = 0;
  for (std::size_t blank; (blank = text.find(' ', at)) != std::string::npos; at = blank + 1) {
    const auto child = static_cast<pid_t>(std::stol(text.substr(at, blank - at)));
    if (!has(read_text("/proc/" + std::to_string(child) + "/cmdline"), "sup-init")) continue;
    std::error_code gone;
    std::set<std::string> fds;
    for (auto fd = fs::directory_iterator("/proc/" + std::to_string(child) + "/fd", gone);
         !gone && fd != fs::directory_iterator(); fd.increment(gone)) {
      fds.insert(fd->path().filename().string());
    }
    if (!gone && fds == std::set<std::string>{"3"}) all.insert(child);
  }
  return all;
}

// Waits until exactly so many are there.
std::set<pid_t> wait_for_parked(const DaemonProcess& daemon, std::size_t count) {
  std::set<pid_t> now;
  for (const auto until = Clock::now() + patient(10s); Clock::now() < until; std::this_thread::sleep_for(5ms)) {
    now = parked(daemon);
    if (now.size() == count) return now;
  }
  BOOST_TEST(now.size() == count, "not as many inits are parked as were asked for");
  return now;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(each_parked_init_is_used_once_and_replaced) {
  DaemonProcess daemon({"--pool", "2"});
  auto waiting = wait_for_parked(daemon, 2);
  for (int i = 0; i < 3; ++i) {
    const auto id = daemon.detached({"sleep", "1000"});
    BOOST_TEST(waiting.contains(daemon.pid_of(id)), "a container was not given a parked init");
    const auto next = wait_for_parked(daemon, 2);
    BOOST_TEST(!next.contains(daemon.pid_of(id)));
    waiting = next;
  }
  BOOST_TEST(lines(daemon.sup({"ps", "-a"}).out).size() == 4U, "a parked init is in a list");
  BOOST_TEST(daemon.end() == 0);
  for (const pid_t pid : waiting) BOOST_TEST(gone(pid, 5s), "a parked init outlives its supervisor");
}

BOOST_AUTO_TEST_CASE(a_container_cannot_tell_which_init_it_had) {
  // What a command can see of its start. No id, no pid of the host, no number of a namespace.
  const std::string look =
      "exec 2>&1; hostname; id; pwd; umask; ulimit -a; env; for f in /proc/self/fd/*; do echo $f; done; "
      "grep -E '^(Umask|State|Sig[PBIC]|Shd|Cap|NoNewPrivs|Seccomp|Groups|Uid|Gid|NSpid|NSsid)' /proc/self/status; cat /proc/1/oom_score_adj; "
      "cut -d' ' -f 4- /proc/self/mountinfo | sed 's/master:[0-9]*//; s/[0-9]*:[0-9]*//'; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; "
      "cat /proc/net/dev | cut -d: -f1; ps -ef | wc -l; cat /proc/1/cmdline | head -c 2";
  const auto seen = [&](DaemonProcess& daemon, const std::vector<std::string>& options) {
    std::vector<std::string> args = {"--name", "x", "-h", "box"};
    args.insert(args.end(), options.begin(), options.end());
    args.insert(args.end(), {"sh", "-c", look});
    (void)daemon.detached(args);
    BOOST_TEST(daemon.sup({"wait", "x"}).code == 0);
    auto text = daemon.sup({"logs", "x"}).out;
    BOOST_TEST(daemon.sup({"rm", "x"}).code == 0);
    return text;
  };
  const std::vector<std::vector<std::string>> all = {{}, {"-t"}, {"--init"}, {"-w", "/"}, {"-i"}};
  std::vector<std::string> cold;
  {
    DaemonProcess daemon({"--pool", "0"});
    for (const auto& options : all) cold.push_back(seen(daemon, options));
    BOOST_TEST(parked(daemon).empty());
    BOOST_TEST(daemon.end() == 0);
  }
  DaemonProcess daemon({"--pool", "1"});
  for (std::size_t i = 0; i < all.size(); ++i) {
    (void)wait_for_parked(daemon, 1);
    const auto warm = seen(daemon, all[i]);
    BOOST_TEST(has(warm, "box"), warm);
    const auto was = lines(cold[i]);
    const auto is = lines(warm);
    BOOST_TEST(is == was, boost::test_tools::per_element());
  }
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(one_that_does_not_fit_is_not_given) {
  DaemonProcess daemon({"--pool", "1"});
  const auto waiting = wait_for_parked(daemon, 1);
  const auto other = daemon.detached({"--network", "host", "sleep", "1000"});
  BOOST_TEST(!waiting.contains(daemon.pid_of(other)));
  // Still there for who it fits.
  const auto fits = daemon.detached({"sleep", "1000"});
  BOOST_TEST(waiting.contains(daemon.pid_of(fits)));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_procfs_that_the_host_mounts_meanwhile_is_not_in_the_container) {
  if (as_user()) return skip("mounting needs root", Cannot::ever);
  const std::string place = dir() + "/proc";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0755) == 0);
  DaemonProcess daemon({"--pool", "2"});
  const auto old = wait_for_parked(daemon, 2);
  BOOST_TEST_REQUIRE(::mount("proc", place.c_str(), "proc", 0, nullptr) == 0);
  const auto id =
      daemon.detached({"--name", "x", "sh", "-c", "grep -c ' - proc ' /proc/self/mountinfo; exec sleep 1000"});
  BOOST_TEST(!old.contains(daemon.pid_of(id)), "one from before the mount was given");
  const auto count = [&] { return read_text("/proc/" + std::to_string(daemon.pid_of(id)) + "/mountinfo"); };
  const auto table = count();
  BOOST_TEST(!has(table, " " + place + " "), table);
  // Those that are made from now on know of it.
  const auto next = wait_for_parked(daemon, 2);
  for (const pid_t pid : old) BOOST_TEST(!next.contains(pid), "one from before the mount is kept");
  for (const pid_t pid : next)
    BOOST_TEST(!has(read_text("/proc/" + std::to_string(pid) + "/mountinfo"), " " + place + " "));
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(::umount2(place.c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_CASE(one_that_is_killed_is_replaced_and_no_start_fails_for_it) {
  DaemonProcess daemon({"--pool", "1"});
  const pid_t killed = *wait_for_parked(daemon, 1).begin();
  BOOST_TEST_REQUIRE(::kill(killed, SIGKILL) == 0);
  // At once: it may not even be dead yet.
  const auto id = daemon.detached({"true"});
  BOOST_TEST(daemon.sup({"wait", id}).out == "0\n");
  const auto next = wait_for_parked(daemon, 1);
  BOOST_TEST(!next.contains(killed));
  const pid_t second = *next.begin();
  BOOST_TEST_REQUIRE(::kill(second, SIGKILL) == 0);
  BOOST_TEST(gone(second, 5s));
  BOOST_TEST(!wait_for_parked(daemon, 1).contains(second));   // nobody has asked for a container
  BOOST_TEST(daemon.end() == 0);
}

// As good as killed before it was handed out, but nobody could have known: it has its plan, and has done nothing of it.
BOOST_AUTO_TEST_CASE(one_that_dies_when_it_is_handed_out_is_made_anew) {
  for (const std::string options : {"", "-i", "-t"}) {
    DaemonProcess daemon({"--pool", "1"});
    const pid_t parked = *wait_for_parked(daemon, 1).begin();
    BOOST_TEST_REQUIRE(::kill(parked, SIGSTOP) == 0);
    Start start;
    start.events = false;
    start.args = {"-S", daemon.name(), "run", "-d", "--name", "web"};
    if (!options.empty()) start.args.push_back(options);
    start.args.insert(start.args.end(), {"sh", "-c", "echo words; exit 3"});
    Process asking(start);
    BOOST_TEST(daemon.wait_event("\"starting\""));
    BOOST_TEST_REQUIRE(::kill(parked, SIGKILL) == 0);
    BOOST_TEST(asking.wait().code() == 0, asking.err());
    BOOST_TEST(daemon.sup({"wait", "web"}).out == "3\n");
    BOOST_TEST(has(daemon.sup({"logs", "web"}).out, "words"));
    const Events events(daemon.events());
    BOOST_TEST(!events.any("failed", "/name", "web"));
    BOOST_TEST(daemon.end() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_signal_that_came_meanwhile_reaches_the_one_made_anew) {
  DaemonProcess daemon({"--pool", "1"});
  const pid_t parked = *wait_for_parked(daemon, 1).begin();
  BOOST_TEST_REQUIRE(::kill(parked, SIGSTOP) == 0);
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "run", "-d", "--name", "web", "sleep", "1000"};
  Process asking(start);
  BOOST_TEST(daemon.wait_event("\"starting\""));
  BOOST_TEST(daemon.sup({"kill", "web"}).code == 0);
  BOOST_TEST(::kill(parked, SIGKILL) == 0);
  BOOST_TEST(asking.wait().code() == 0, asking.err());
  BOOST_TEST(daemon.sup({"wait", "web"}).out == "137\n");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(they_die_with_a_supervisor_that_is_killed) {
  DaemonProcess daemon({"--pool", "3"});
  const auto waiting = wait_for_parked(daemon, 3);
  daemon.murder();
  for (const pid_t pid : waiting) BOOST_TEST(gone(pid, 5s), "a parked init outlives its supervisor");
  fs::remove(daemon.socket());  // nobody was left to do it
}

// Where none is parked, one is made as soon as a request has come, if the request before had use for one.
BOOST_AUTO_TEST_CASE(one_made_for_a_request_that_comes_to_nothing_is_not_kept) {
  DaemonProcess daemon({"--pool", "0"});
  const std::string pid = std::to_string(daemon.pid());
  const auto children = [&] { return read_text("/proc/" + pid + "/task/" + pid + "/children"); };
  (void)daemon.detached({"--rm", "true"});
  const auto refused = daemon.sup({"run", "-d", "-u", "nobody-has-this-name", "true"});
  BOOST_TEST(refused.code == 125, refused.err);
  daemon.wait_until([&] { return children().empty(); }, "what was made for nobody to end");
  (void)daemon.detached({"--rm", "true"});
  // Of no use to this one, and in nobody's way.
  const auto other = daemon.detached({"--network", "host", "sleep", "1000"});
  const auto own = std::to_string(daemon.pid_of(other)) + " ";
  daemon.wait_until([&] { return children() == own; }, "what was made for another to end");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_few_are_kept_without_being_asked_for) {
  DaemonProcess daemon;
  (void)wait_for_parked(daemon, 2);
  BOOST_TEST(daemon.end() == 0);
  const auto wrong = sup_cli({"-S", "u", "daemon", "--pool", "65"});
  BOOST_TEST(wrong.code == 125);
  BOOST_TEST(has(wrong.err, "--pool 65"), wrong.err);
}

BOOST_AUTO_TEST_SUITE_END()
