// --userns through the real binary: which ids there are inside and outside, whose the files are, and what is refused. The case's
// own /etc/subuid, /etc/subgid and /etc/passwd lie over the machine's in a mount namespace of sup's.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "busybox.h"
#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kRange = "map:0:700000:65536";

std::string root_with_data() {
  const std::string root = make_root();
  fs::create_directory(root + "/data");
  give_away(root);
  return root;
}

// sup run ARGS… with files of its own in /etc, and what else `before` prepares.
Result run_with(const std::string& subuid, const std::string& subgid, std::vector<std::string> args,
                const std::string& before = "", const std::string& setpriv = "") {
  const std::string id = std::to_string(uid());
  const auto file = [](const char* name, const std::string& text) { return write_file(name, text); };
  std::string script =
      "set -e\nmount --bind " + file("subuid", subuid) + " /etc/subuid\nmount --bind " + file("subgid", subgid) +
      " /etc/subgid\nmount --bind " +
      file("passwd", "root:x:0:0::/:/bin/sh\ntester:x:" + id + ":" + std::to_string(gid()) + "::/:/bin/sh\n") +
      " /etc/passwd\n" + before + "\n";
  script += as_user() ? "exec setpriv --reuid " + id + " --regid " + std::to_string(gid()) + " --clear-groups " +
                            setpriv + " \"$@\""
                      : std::string("exec \"$@\"");
  Start start;
  start.program = "/usr/bin/unshare";
  start.root = true;
  start.events = false;
  start.args = {"-m", "sh", "-c", script, "sh", sup_path(), "--events", "none", "run"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return run(start);
}

std::string line_of(const char* name, const char* range) { return std::string(name) + ":" + range + "\n"; }
std::string mine() { return line_of(as_user() ? "tester" : "sup", "700000:65536"); }

Result automatic(const std::string& root, std::vector<std::string> options, const std::string& script) {
  options.insert(options.begin(), {"--rootfs", root, "--userns", "auto"});
  options.insert(options.end(), {"/bin/sh", "-c", script});
  return run_with(mine(), mine(), std::move(options));
}

uid_t owner(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0 ? facts.st_uid : static_cast<uid_t>(-1);
}

std::string words(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ' && out.back() != '\n')) out += c;
  }
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(userns, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(a_range_of_subuid) {
  NEEDS_BUSYBOX();
  if (::access("/usr/bin/newuidmap", X_OK) != 0) SUP_SKIP("needs uidmap");
  const auto root = root_with_data();
  const auto result = automatic(root, {},
                                "id -u; cat /proc/self/uid_map /proc/self/gid_map; stat -c %u:%g /bin/busybox; "
                                "touch /data/a /data/b; chown 5:5 /data/b; stat -c %u:%g /data/b");
  BOOST_TEST_REQUIRE(result.code == 0, result.err);
  if (as_user()) {
    const std::string own = std::to_string(uid());
    const std::string group = std::to_string(gid());
    BOOST_TEST(words(result.out) ==
               "0\n0 " + own + " 1\n1 700000 65536\n0 " + group + " 1\n1 700000 65536\n0:0\n5:5\n");
    BOOST_TEST(owner(root + "/data/a") == uid());
    BOOST_TEST(owner(root + "/data/b") == 700004U);
  } else {
    // What is inside is what is on the disk; who is inside is not.
    BOOST_TEST(words(result.out) == "0\n0 700000 65536\n0 700000 65536\n0:0\n5:5\n");
    BOOST_TEST(owner(root + "/data/a") == 0U);
    BOOST_TEST(owner(root + "/data/b") == 5U);
  }
}

BOOST_AUTO_TEST_CASE(another_user_inside) {
  NEEDS_BUSYBOX();
  if (::access("/usr/bin/newuidmap", X_OK) != 0) SUP_SKIP("needs uidmap");
  const auto root = root_with_data();
  const auto result = automatic(root, {"-u", "bob"}, "id -u; id -g; cat /proc/self/status");
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out.starts_with("1000\n1001\n"), result.out);
  BOOST_TEST(has(result.out, "CapEff:\t0000000000000000"), result.out);
  const auto beyond = automatic(root, {"-u", "70000"}, "id");
  BOOST_TEST(beyond.code == 125);
  BOOST_TEST(has(beyond.err, "uid 70000: the user namespace has no such id"), beyond.err);
}

// Its lower layer's owners are mapped at a mount, and what is written is in neither.
BOOST_AUTO_TEST_CASE(an_overlay_in_a_range_of_roots) {
  NEEDS_BUSYBOX();
  if (as_user()) return;
  const auto root = root_with_data();
  write_file("root/data/five", "old\n");
  BOOST_TEST_REQUIRE(::lchown((root + "/data/five").c_str(), 5, 6) == 0);
  const std::string script =
      "id -u; stat -c %u:%g /bin/busybox /data/five; echo new >/data/five && cat /data/five; touch /data/made; chown 7:8 /data/made; "
      "stat -c %u:%g /data/made /data/five; stat -c %u:%g / /etc";
  const auto result = sup_run({"--rootfs", root + ":O", "--userns", kRange, "/bin/sh", "-c", script});
  BOOST_TEST(words(result.out) == "0\n0:0\n5:6\nnew\n7:8\n5:6\n0:0\n0:0\n", result.out << result.err);
  BOOST_TEST(read_text(root + "/data/five") == "old\n");
  BOOST_TEST(!exists(root + "/data/made"));
  // A volume too; and nothing of the lower layer's place is seen inside.
  const auto volume = sup_run(
      {"--rootfs", root, "--userns", kRange, "--mount", "type=overlay,source=" + root + "/data,target=/data", "/bin/sh",
       "-c", "cat /data/five; echo v >/data/v; cat /data/v; cat /proc/lower 2>/dev/null; cat /proc/self/mountinfo"});
  BOOST_TEST(volume.out.starts_with("old\nv\n"), volume.out << volume.err);
  BOOST_TEST(!has(volume.out, "/lower"), volume.out);
  BOOST_TEST(!exists(root + "/data/v"));
}

// Init is made by a go-between; it is the supervisor's own child all the same.
BOOST_AUTO_TEST_CASE(what_is_missing_is_named) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  const std::vector<std::string> args{"--rootfs", root, "--userns", "auto", "/bin/true"};
  const std::string who = as_user() ? "tester" : "sup";
  const auto uids = run_with("other:100000:65536\n", mine(), args);
  BOOST_TEST(uids.code == 125);
  BOOST_TEST(has(uids.err, "/etc/subuid: has no line for " + who), uids.err);
  BOOST_TEST(has(uids.err, "echo " + who + ":524288:65536 >>/etc/subuid"), uids.err);
  const auto gids = run_with(mine(), "", args);
  BOOST_TEST(gids.code == 125);
  BOOST_TEST(has(gids.err, "/etc/subgid: has no line for " + who), gids.err);
  if (!as_user()) return;
  const auto helper = run_with(
      mine(), mine(), args,
      "mkdir " + dir() + "/usr; cp /usr/bin/setpriv " + dir() + "/usr; mount --bind " + dir() + "/usr /usr/bin");
  BOOST_TEST(helper.code == 125);
  // Either of the two, that is: both are started, and one is the first to fail.
  BOOST_TEST(has(helper.err, "idmap is missing"), helper.err);
  BOOST_TEST(has(helper.err, "apt-get install uidmap"), helper.err);
  // One that waits for a server that is not there.
  const auto silent =
      run_with(mine(), mine(), args,
               "mount --bind " + write_file("silent", "#!/bin/sh\nexec sleep 1000\n", 0755) + " /usr/bin/newuidmap");
  BOOST_TEST(silent.code == 125);
  BOOST_TEST(has(silent.err, "newuidmap does not answer"), silent.err);
  const auto bound = run_with(mine(), mine(), args, "", "--no-new-privs");
  BOOST_TEST(bound.code == 125);
  BOOST_TEST(has(bound.err, "no_new_privs stands over sup"), bound.err);
  const auto foreign = run_with(mine(), mine(), {"--rootfs", root, "--userns", "map:0:900000:10", "/bin/true"});
  BOOST_TEST(foreign.code == 125);
  BOOST_TEST(has(foreign.err, "not allowed"), foreign.err);
}

// What newuidmap asks may not answer; the supervisor's other containers are not to wait for that.
BOOST_AUTO_TEST_CASE(a_map_that_is_awaited_keeps_nobody) {
  NEEDS_BUSYBOX();
  if (!as_user()) return;
  const auto root = make_root();
  const std::string fifo = dir() + "/called";
  BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0666) == 0 && ::chmod(fifo.c_str(), 0666) == 0);
  const std::string program = write_file("slow", "#!/bin/sh\necho $$ >" + fifo + "\nexec sleep 1000\n", 0755);
  const std::string sup = sup_path() + " --events none ";
  const std::string script = sup + "daemon & daemon=$!\nuntil test -S $SUP_RUNTIME_DIR/default.sock; do :; done\n" +  //
                             sup + "run -d --name first sleep 1000 >/dev/null || exit 1\n" +  //
                             sup + "run -d --name slow --rootfs " + root + " --userns auto /bin/true &\n" +  //
                             "slow=$!\nread called <" + fifo + "\n" +  //
                             sup + "run -d --name second sleep 1000 >/dev/null || exit 2\n" +  //
                             "kill -0 $slow && kill -0 $called || exit 3\n" +  //
                             // Who gives it up has no trouble either, and leaves nothing.
                             sup + "rm -f slow || exit 4\nwait $slow\necho slow $?\n! kill -0 $called || exit 5\n" +  //
                             sup + "rm -f first second\nkill $daemon\nwait $daemon\n";
  Start start;
  start.program = "/usr/bin/unshare";
  start.root = true;
  start.events = false;
  const std::string id = std::to_string(uid());
  start.args = {"-m",
                "sh",
                "-c",
                "mount --bind " + write_file("subuid", mine()) + " /etc/subuid && mount --bind " +
                    write_file("subgid", mine()) + " /etc/subgid && mount --bind " +
                    write_file("passwd", "root:x:0:0::/:/bin/sh\ntester:x:" + id + ":" + std::to_string(gid()) +
                                             "::/:/bin/sh\n") +
                    " /etc/passwd && mount --bind " + program + " /usr/bin/newuidmap && exec setpriv --reuid " + id +
                    " --regid " + std::to_string(gid()) + " --clear-groups sh -c \"$1\"",
                "sh",
                script};
  const auto result = run(start);
  BOOST_TEST(result.code == 0, result.code << result.out << result.err);
  BOOST_TEST(result.out == "slow\nslow 125\nfirst\nsecond\n", result.out << result.err);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  const auto refused = [](std::vector<std::string> args, std::string_view why) {
    args.emplace_back("/bin/true");
    const auto result = sup_run(args);
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.err, why), result.err);
  };
  refused({"--userns", "auto"}, "add --rootfs DIR");
  refused({"--userns", "some"}, "auto, keep-id, host or map:");
  refused({"--rootfs", root, "--userns", "map:0:10:5,4:100:1"}, "two ranges overlap inside");
  refused({"--rootfs", root, "--userns", "map:0:10:4294967295"}, "beyond the last id");
  if (as_user()) {
    refused({"--userns", "host"}, "only root can do without");
  } else {
    refused({"--userns", "keep-id"}, "root's own id is root's on the host");
    refused({"--rootfs", root, "--userns", kRange, "-v", "/proc/irq:/data"}, "its file system (proc) cannot do that");
    // Of many mounts the one that stands in the way.
    refused({"--rootfs", "/", "--userns", kRange}, "the ids of / cannot be mapped: what is mounted on /");
    const auto whole = sup_run({"--rootfs", "/", "--userns", kRange, "/bin/true"});
    BOOST_TEST(whole.err.size() < 300U, whole.err);
  }
}

BOOST_AUTO_TEST_CASE(who_keeps_his_id) {
  NEEDS_BUSYBOX();
  if (!as_user()) {
    BOOST_TEST(sup_run({"--userns", "host", "id", "-u"}).out == "0\n");
    return;
  }
  const auto root = root_with_data();
  const auto result =
      sup_run({"--rootfs", root, "--userns", "keep-id", "/bin/sh", "-c", "id -u; id -g; touch /data/a"});
  BOOST_TEST(result.out == std::to_string(uid()) + "\n" + std::to_string(gid()) + "\n", result.err);
  BOOST_TEST(owner(root + "/data/a") == uid());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(userns_of_root, Clean)

BOOST_AUTO_TEST_CASE(root_inside_is_nobody_on_the_host) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  fs::create_directory(dir() + "/volume");
  Process process(running({"--rootfs", root, "--userns", kRange, "-v", dir() + "/volume:/data", "/bin/sh", "-c",
                           "touch /data/made; echo ready; exec sleep 1000"}));
  BOOST_TEST(process.wait_out("ready"));
  const auto status = read_text("/proc/" + std::to_string(pid_inside(process)) + "/status");
  BOOST_TEST(has(status, "Uid:\t700000\t700000\t700000\t700000"), status);
  BOOST_TEST(has(status, "Groups:\t700000"), status);
  BOOST_TEST(owner(dir() + "/volume/made") == 0U);
  process.signal(SIGTERM);
  process.signal(SIGKILL);
  (void)process.wait();
}

BOOST_AUTO_TEST_CASE(it_dies_with_sup) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  Start start = running({"-i", "--rootfs", root, "--userns", kRange, "/bin/sh", "-c", "echo ready; read x"});
  start.in = Start::In::open;
  Process process(start);
  BOOST_TEST(process.wait_out("ready"));
  const pid_t inside = pid_inside(process);
  process.signal(SIGKILL);
  (void)process.wait();
  BOOST_TEST(gone(inside, 5s));
}

BOOST_AUTO_TEST_CASE(an_exec_a_reload_and_a_restart_keep_it) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  DaemonProcess daemon;
  const auto id =
      daemon.detached({"--rootfs", root, "--userns", kRange, "-i", "/bin/sh", "-c", "while :; do read x; done"});
  const auto there = [&] {
    const auto seen = daemon.sup({"exec", id, "/bin/sh", "-c", "id -u; cat /proc/self/uid_map"});
    BOOST_TEST(words(seen.out) == "0\n0 700000 65536\n", seen.err);
    BOOST_TEST(daemon.sup({"exec", "-u", "1000:5", id, "/bin/id", "-u"}).out == "1000\n");
  };
  there();
  BOOST_TEST(daemon.sup({"reload"}).code == 0);
  there();
  BOOST_TEST(daemon.sup({"restart", "-t", "0", id}).code == 0);
  there();
  BOOST_TEST(has(daemon.sup({"inspect", id}).out, std::string("\"userns\": \"") + kRange + "\""));
  BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
  BOOST_TEST(daemon.end() == 0);
}

// As in docker: what another container's user namespace owns is shared by who is in it.
BOOST_AUTO_TEST_CASE(what_another_container_has_is_shared_in_its_user_namespace) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  DaemonProcess daemon;
  for (const bool init : {false, true}) {
    const std::string name = init ? "staying" : "base";
    std::vector<std::string> first{"--name", name, "--rootfs", root, "--userns", kRange};
    if (init) first.emplace_back("--init");
    first.insert(first.end(), {"-i", "/bin/sh", "-c", "echo theirs >/dev/shm/here; while :; do read x; done"});
    (void)daemon.detached(first);
    BOOST_TEST(daemon.sup({"exec", name, "/bin/sh", "-c", "until test -s /dev/shm/here; do :; done"}).code == 0);
    const std::string user = daemon.sup({"exec", name, "/bin/busybox", "readlink", "/proc/self/ns/user"}).out;
    const std::string of = "container:" + name;
    const auto joined =
        daemon.sup({"run", "--rootfs", root, "--userns", kRange, "--network", of, "--ipc", of, "--uts", of, "/bin/sh",
                    "-c", "cat /dev/shm/here; /bin/busybox readlink /proc/self/ns/user; id -u; touch /data/by-joined"});
    BOOST_TEST(joined.code == 0, joined.err);
    BOOST_TEST(joined.out == "theirs\n" + user + "0\n", joined.out);
    BOOST_TEST(owner(root + "/data/by-joined") == 0U);
    const auto seen =
        daemon.sup({"run", "--rootfs", root, "--userns", kRange, "--pid", of, "/bin/sh", "-c", "cat /proc/1/comm"});
    if (has(seen.err, "no cgroup.kill")) SUP_CANNOT("there is no cgroup.kill here");
    BOOST_TEST(seen.out == (init ? "sup-init\n" : "sh\n"), seen.out << seen.err);
    // Other ids, and none at all: nothing is shared by half.
    const auto other =
        daemon.sup({"run", "--rootfs", root, "--userns", "map:0:900000:65536", "--ipc", of, "/bin/true"});
    BOOST_TEST(other.code == 125);
    BOOST_TEST(has(other.err, "what is shared belongs to a user namespace with other ids: they are 0=700000+65536"),
               other.err);
  }
  const auto two = daemon.sup({"run", "--rootfs", root, "--userns", kRange, "--network", "container:base", "--ipc",
                               "container:staying", "/bin/true"});
  BOOST_TEST(two.code == 125);
  BOOST_TEST(has(two.err, "share those of one container that has the same --userns"), two.err);
}

BOOST_AUTO_TEST_CASE(the_terminal_is_his_who_is_inside) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  for (const char* who : {"0", "1000"}) {
    const auto result =
        sup_run({"-t", "--rootfs", root, "--userns", kRange, "-u", who, "/bin/stat", "-Lc", "%u", "/proc/self/fd/0"});
    BOOST_TEST(result.code == 0, result.err);
    BOOST_TEST(result.out == std::string(who) + "\n", shown(result.out));
  }
}

BOOST_AUTO_TEST_CASE(the_events_say_what_it_is_worth) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  const auto result = sup_run({"--rootfs", root, "--userns", kRange, "/bin/true"});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(has(result.events, "\"user_namespace\":true,\"boundary\":\"user\""), result.events);
}

BOOST_AUTO_TEST_CASE(limits_hold_it_too) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  const auto result = sup_run({"--rootfs", root, "--userns", kRange, "--pids-limit", "20", "/bin/sh", "-c",
                               "id -u; n=0; while [ $n -lt 30 ]; do (read x </dev/pts/ptmx) & n=$((n+1)); done"});
  BOOST_TEST(result.out == "0\n", result.err);
  BOOST_TEST(has(result.err, "fork"), result.err);
}

BOOST_AUTO_TEST_CASE(where_there_are_no_more_user_namespaces) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  Start start;
  start.program = "/usr/bin/unshare";
  start.events = false;
  // The sysctl is each user namespace's own: that of the machine stays.
  start.args = {"-Ur",       "sh",       "-c",       "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"",
                "sh",        sup_path(), "--events", "none",
                "run",       "--rootfs", root,       "--userns",
                "map:0:0:1", "/bin/true"};
  const auto result = run(start);
  BOOST_TEST(result.code == 125);
  BOOST_TEST(has(result.err, "user.max_user_namespaces is 0"), result.err);
  BOOST_TEST(has(result.err, "sysctl -w user.max_user_namespaces="), result.err);
}

BOOST_AUTO_TEST_CASE(ids_that_sup_has_not_itself) {
  NEEDS_BUSYBOX();
  const auto root = root_with_data();
  Start start;
  start.program = "/usr/bin/unshare";
  start.events = false;
  start.args = {"-Ur", sup_path(), "--events", "none", "run", "--rootfs", root, "--userns", kRange, "/bin/true"};
  const auto result = run(start);
  BOOST_TEST(result.code == 125);
  BOOST_TEST(has(result.err, "sup's own user namespace has not all of these ids"), result.err);
}

BOOST_AUTO_TEST_SUITE_END()
