// What the command can see and reach.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

std::string own_namespace(const std::string& kind) {
  char target[128];
  const ssize_t n = ::readlink(("/proc/self/ns/" + kind).c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : std::string();
}

unsigned long long mask(const std::string& out, const char* word) {
  return std::strtoull(value(out, word).c_str(), nullptr, 16);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(isolation, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(the_five_namespaces_and_only_they) {
  const auto result = sup_run({probe_path(), "ns"});
  for (const char* kind : {"uts", "pid", "mnt", "net", "ipc"}) {
    BOOST_TEST(!has(result.out, own_namespace(kind)), kind << " is the host's");
    BOOST_TEST(has(result.out, std::string(kind) + ":["), result.out);
  }
  for (const char* kind : {"cgroup", "time"})
    BOOST_TEST(has(result.out, own_namespace(kind)), kind << " is not the host's");
  BOOST_TEST(has(result.out, own_namespace("user")) == !as_user(), "the user namespace: " << result.out);
  BOOST_TEST(Events(result.events).first("starting").text("/user_namespace") == (as_user() ? "true" : "false"));
  BOOST_TEST(Events(result.events).first("starting").text("/boundary") == "none");
}

BOOST_AUTO_TEST_CASE(two_containers_share_nothing) {
  const auto one = sup_run({probe_path(), "hostname"});
  const auto two = sup_run({probe_path(), "hostname"});
  BOOST_TEST(value(one.out, "hostname") != value(two.out, "hostname"));
}

BOOST_AUTO_TEST_CASE(the_network_has_only_lo_and_it_is_up) {
  const auto result = sup_run({probe_path(), "lo"});
  BOOST_TEST(result.code == 0);
  BOOST_TEST(value(result.out, "lo") == "ok", result.out);
  const auto faces = sup_run({probe_path(), "ifaces"});
  BOOST_TEST(value(faces.out, "iface") == "lo", faces.out);
  for (const auto& line : lines(faces.out)) BOOST_TEST((!line.starts_with("iface") || line == "iface lo"), line);
}

BOOST_AUTO_TEST_CASE(network_host_is_the_hosts) {
  const auto result = sup_run({"--network", "host", probe_path(), "ns"});
  BOOST_TEST(has(result.out, own_namespace("net")), result.out);
  BOOST_TEST(!has(result.out, own_namespace("pid")));
  BOOST_TEST(value(sup_run({"--network=host", probe_path(), "lo"}).out, "lo") == "ok");
}

BOOST_AUTO_TEST_CASE(only_descriptors_0_to_2) {  // B08
  Start start;
  const int shadow = ::open("/etc/hostname", O_RDONLY | O_CLOEXEC);
  const int root = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  start.fds = {{shadow, 77}, {root, 78}, {root, 3}, {root, 4}, {root, 5}, {root, 1000}};
  for (const char* flag : {"--sig-proxy", "--init", "-t", "-ti"}) {
    const auto result = sup_run({flag, probe_path(), "fds"}, start);
    BOOST_TEST(lines(result.out).size() == 3U, flag << ": " << result.out);
  }
  // A directory of the host's by its number is no way out.
  for (int fd = 3; fd <= 32; ++fd) {
    start.events = false;
    const auto result = sup_run({"-w", "/proc/self/fd/" + std::to_string(fd), probe_path(), "cwd"}, start);
    BOOST_TEST(result.code == 125, "-w /proc/self/fd/" << fd << ": " << result.out << result.err);
  }
  for (const int fd : {3, 4, 5, 77, 78}) {
    const auto result = sup_run({"/proc/self/fd/" + std::to_string(fd) + "/bin/true"}, start);
    BOOST_TEST((result.code == 126 || result.code == 127),
               "exec through /proc/self/fd/" << fd << ": " << result.code << result.err);
  }
  ::close(shadow);
  ::close(root);
}

BOOST_AUTO_TEST_CASE(signals_are_as_new) {
  Start start;
  start.block_signals = start.ignore_signals = true;
  for (const char* flag : {"--sig-proxy", "--init", "-t"}) {
    const auto result = sup_run({flag, probe_path(), "sig"}, start);
    BOOST_TEST(mask(result.out, "SigBlk:") == 0U, flag << result.out);
    BOOST_TEST(mask(result.out, "SigIgn:") == 0U, flag << result.out);
    BOOST_TEST(mask(result.out, "SigCgt:") == 0U, flag << result.out);
    BOOST_TEST(has(result.out, "SigBlk:"));
  }
}

BOOST_AUTO_TEST_CASE(proc_is_its_own_with_noexec_nosuid_nodev) {
  const auto result = sup_run({probe_path(), "mounts", " - proc "});
  const auto mounts = lines(result.out);
  BOOST_TEST_REQUIRE(!mounts.empty(), result.err);
  // What a less privileged namespace inherits is locked: an ordinary user's stays, covered for good (see the next case).
  if (!as_user()) BOOST_TEST(mounts.size() == 1U, result.out);
  for (const char* part : {" /proc ", "nosuid", "nodev", "noexec"}) BOOST_TEST(has(mounts.back(), part), result.out);
  const auto ps = sup_run({"sh", "-c", "ls -d /proc/[0-9]* | wc -l"});
  BOOST_TEST(std::atoi(ps.out.c_str()) <= 4, ps.out);
}

BOOST_AUTO_TEST_CASE(under_its_proc_there_is_no_other) {  // B14
  const auto result = sup_run({probe_path(), "umountproc"});
  BOOST_TEST(result.code == 0);
  BOOST_TEST(value(result.out, "before") != "0", result.out);
  BOOST_TEST(value(result.out, "worst") == "0", "the host's processes show: " << result.out);
}

BOOST_AUTO_TEST_CASE(a_procfs_elsewhere_is_detached_too) {
  if (!own_mounts()) SUP_CANNOT("needs a mount namespace of the tests' own");
  const auto path = dir() + "/proc2";
  BOOST_TEST_REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  BOOST_TEST_REQUIRE(::mount("proc", path.c_str(), "proc", 0, nullptr) == 0);
  BOOST_TEST(::mount("proc", "/proc", "proc", 0, nullptr) == 0);  // and one more on the same place
  const auto result =
      sup_run({"sh", "-c", "umount -l proc2 2>/dev/null; ls -d proc2/[0-9]* /proc/[0-9]* 2>/dev/null | wc -l"});
  const auto attacked = sup_run({probe_path(), "umountproc"});
  BOOST_TEST(::umount2("/proc", MNT_DETACH) == 0);
  BOOST_TEST(::umount2(path.c_str(), MNT_DETACH) == 0);
  // An ordinary user cannot take away what the host's owner mounted: he covers it, or the start fails.
  if (as_user() && result.code == 125) return;
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(std::atoi(result.out.c_str()) <= 6, "processes seen: " << result.out);
  BOOST_TEST(value(attacked.out, "worst") == "0", attacked.out);
}

// What began before the command line was read to the end is of no use then: its process is gone before the other is made.
BOOST_AUTO_TEST_CASE(a_procfs_elsewhere_costs_no_second_process) {
  if (as_user()) return;
  if (!own_mounts()) SUP_CANNOT("needs a mount namespace of the tests' own");
  const std::string group = "/sys/fs/cgroup/pids/sup-test-" + std::to_string(::getpid());
  if (::mkdir(group.c_str(), 0755) != 0) SUP_CANNOT("no pids cgroup of v1 to make");
  const auto path = dir() + "/proc2";
  BOOST_TEST_REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  BOOST_TEST_REQUIRE(::mount("proc", path.c_str(), "proc", 0, nullptr) == 0);
  Start start;
  start.program = "/bin/sh";
  start.args = {"-c", "echo 2 >" + group + "/pids.max && echo $$ >" + group + "/cgroup.procs && exec " + sup_path() +
                          " -q run true"};
  for (int i = 0; i < 5; ++i) {
    const auto result = run(start);
    BOOST_TEST(result.code == 0, result.err);
  }
  BOOST_TEST(::umount2(path.c_str(), MNT_DETACH) == 0);
  BOOST_TEST(::rmdir(group.c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(mounts_inside_stay_inside) {
  if (as_user()) {
    // He is himself inside too, so he may mount nothing.
    BOOST_TEST(sup_run({"mount", "-t", "tmpfs", "none", "/mnt"}).code != 0);
    return;
  }
  const auto before = host_mounts();
  const auto result = sup_run({"sh", "-c", "mount -t tmpfs none /mnt && grep -c ' /mnt ' /proc/self/mountinfo"});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == "1\n");
  if (own_mounts()) BOOST_TEST(host_mounts() == before);
}

BOOST_AUTO_TEST_CASE(capabilities_that_namespaces_cannot_contain_are_gone) {
  // SYS_MODULE SYS_RAWIO SYS_TIME SYS_BOOT SYSLOG MAC_ADMIN MAC_OVERRIDE AUDIT_CONTROL AUDIT_READ BPF PERFMON
  // LINUX_IMMUTABLE WAKE_ALARM BLOCK_SUSPEND, by the numbers of capability.h
  unsigned long long dropped = 0;
  for (const int number : {16, 17, 25, 22, 34, 33, 32, 30, 37, 39, 38, 9, 35, 36}) dropped |= 1ULL << number;
  const auto result = sup_run({probe_path(), "caps"});
  if (!as_user()) BOOST_TEST((mask(result.out, "CapBnd:") & dropped) == 0U, result.out);
  if (!as_user()) BOOST_TEST((mask(result.out, "CapEff:") & dropped) == 0U, result.out);
  BOOST_TEST(mask(result.out, "CapInh:") == 0U, result.out);
  BOOST_TEST(mask(result.out, "CapAmb:") == 0U, result.out);
  if (as_user()) return;
  BOOST_TEST((mask(result.out, "CapEff:") & (1ULL << 21)) != 0U, "SYS_ADMIN is kept: " << result.out);
  const auto own = read_text("/proc/self/status");
  const auto bounding = std::strtoull(own.c_str() + own.find("CapBnd:") + 8, nullptr, 16);
  const auto privileged = sup_run({"--privileged", probe_path(), "caps"});
  BOOST_TEST(mask(privileged.out, "CapBnd:") == bounding, privileged.out);
}

BOOST_AUTO_TEST_CASE(an_ordinary_user_is_himself_inside_by_one_map, *but::label("only_user")) {
  const auto result = sup_run({probe_path(), "id"});
  std::string map = value(result.out, "uid_map");
  long inside = -1, outside = -1, count = 0;
  BOOST_TEST(std::sscanf(map.c_str(), "%ld %ld %ld", &inside, &outside, &count) == 3, map);
  // The outer side is as the namespace between sees him, where init had its powers.
  BOOST_TEST(inside == static_cast<long>(uid()), map);
  BOOST_TEST(count == 1, map);
  const auto caps = sup_run({probe_path(), "caps"});
  BOOST_TEST(mask(caps.out, "CapEff:") == 0U, "powers over the namespaces of init: " << caps.out);
  BOOST_TEST(value(result.out, "setgroups") == "deny", result.out);
}

BOOST_AUTO_TEST_CASE(files_made_inside_belong_to_the_caller) {
  const auto result = sup_run({"sh", "-c", "echo x > made"});
  BOOST_TEST(result.code == 0, result.err);
  struct stat facts{};
  BOOST_TEST_REQUIRE(::stat((dir() + "/made").c_str(), &facts) == 0);
  BOOST_TEST(facts.st_uid == uid());
  BOOST_TEST((facts.st_mode & 07777U) == 0644U);  // the caller's umask
}

// Root there, but of mounts that are not his: the host's procfs below cannot be detached, only covered.
BOOST_AUTO_TEST_CASE(inside_a_user_namespace_as_its_root) {
  Start start;
  start.program = "/usr/bin/unshare";
  start.events = false;
  start.args = {
      "-Ur", sup_path(), "--events", "none",
      "run", "/bin/sh",  "-c",       "id -u; echo pid $$; umount /proc 2>/dev/null; ls /proc | grep -c '^[0-9]'"};
  const auto result = run(start);
  BOOST_TEST(result.code == 0, result.err);
  const auto seen = lines(result.out);
  BOOST_TEST_REQUIRE(seen.size() == 3U, shown(result.out));
  BOOST_TEST(seen[0] == "0");
  BOOST_TEST(seen[1] == "pid 1");
  BOOST_TEST(std::stoi(seen[2]) < 6, "the host's processes show: " << seen[2]);
}

BOOST_AUTO_TEST_SUITE_END()
