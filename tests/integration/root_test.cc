// A root of the container's own: what is in it, what is not, and what a hostile one tries. The root is Debian's static busybox.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "busybox.h"
#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;
namespace fs = std::filesystem;

BOOST_FIXTURE_TEST_SUITE(root, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(nothing_of_the_host_is_there) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto mounts = host_mounts();
  const auto result = in_root(root, {}, "ls /; cat /proc/self/mountinfo; ls -d /proc/[0-9]* | wc -l; ls /proc/self/fd");
  BOOST_TEST(result.code == 0, result.err);
  for (const char* d : {"bin\n", "dev\n", "etc\n", "proc\n", "sys\n", "tmp\n"})
    BOOST_TEST(has(result.out, d), result.out);
  for (const char* d : {"home\n", "usr\n", "work\n", "boot\n"}) BOOST_TEST(!has(result.out, d), result.out);
  BOOST_TEST(has(result.out, " / rw,nodev,"), result.out);
  BOOST_TEST((host_mounts() == mounts), "something of it is mounted on the host");
}

BOOST_AUTO_TEST_CASE(proc_sys_and_dev_are_as_dockers) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto result = in_root(
      root, {},
      "cat /proc/self/mountinfo; ls -l /dev; cat /proc/keys /proc/timer_list; ls /sys/firmware /proc/acpi; echo x >/dev/null && echo null-ok; head -c 2 /dev/zero | wc -c; stat -c '%a' /dev/shm");
  for (const char* part :
       {" /proc rw,nosuid,nodev,noexec", " /sys ro,nosuid,nodev,noexec", " /dev rw,nosuid,nodev",
        " /dev/pts rw,nosuid,noexec", " /dev/mqueue rw,nosuid,nodev,noexec", " /dev/shm rw,nosuid,nodev,noexec",
        " /proc/sys ro,nosuid,nodev,noexec", " /dev/null ro,nosuid,noexec", "fd -> /proc/self/fd",
        "stdin -> /proc/self/fd/0", "ptmx -> pts/ptmx", "null-ok", "\n2\n", "1777"}) {
    BOOST_TEST(has(result.out, part), part << " is not in:\n" << result.out << result.err);
  }
  for (const char* node : {"null", "zero", "full", "random", "urandom", "tty"})
    BOOST_TEST(has(result.out, std::string(" ") + node + "\n"), node);
  BOOST_TEST(has(result.out, "core -> /proc/kcore") == exists("/proc/kcore"), result.out);
}

// B16's list, in a root.
BOOST_AUTO_TEST_CASE(what_would_change_the_host_cannot_be_written) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  struct stat before{};
  BOOST_TEST_REQUIRE(::stat("/dev/null", &before) == 0);
  const auto result = in_root(
      root, {},
      "for f in /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory /proc/sysrq-trigger /proc/irq/default_smp_affinity "
      "/sys/kernel/uevent_helper /sys/power/state; do if ( : >>$f ) 2>/dev/null; then echo OPEN $f; fi; done; "
      "chmod 600 /dev/null 2>/dev/null && echo CHMOD; chmod 600 /proc/self/fd/0 2>/dev/null && echo CHMOD0; "
      "mknod /tmp/null c 1 3 2>/dev/null && ( : >/tmp/null ) 2>/dev/null && echo DEVICE; echo end");
  BOOST_TEST(result.out == "end\n", result.out);
  struct stat after{};
  BOOST_TEST_REQUIRE(::stat("/dev/null", &after) == 0);
  BOOST_TEST(before.st_mode == after.st_mode);
}

// And on the host's own, where a profile is to confine.
BOOST_AUTO_TEST_CASE(nor_on_the_hosts_root_with_a_profile) {
  const std::string look =
      "for f in /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory /proc/sysrq-trigger "
      "/proc/irq/default_smp_affinity /sys/kernel/uevent_helper /sys/power/state /sys/kernel/profiling; do "
      "if ( : >>$f ) 2>/dev/null; then echo OPEN $f; fi; done; "
      "for f in /proc/keys /proc/timer_list /proc/kcore /proc/interrupts; do [ -s $f ] && echo TELLS $f; "
      "cat $f 2>/dev/null | head -c 1; done; ls /sys/firmware /proc/acpi 2>/dev/null | grep -v :; echo end";
  for (const char* profile : {"docker", "strict"}) {
    const auto result = sup_run({"--profile", profile, "sh", "-c", look});
    BOOST_TEST(result.code == 0, result.err);
    BOOST_TEST(has(result.out, "end\n"), result.out);
    for (const char* sign : {"OPEN", "TELLS"}) BOOST_TEST(!has(result.out, sign), profile << ": " << result.out);
  }
  // The seed's is the host's root as it is; who is privileged, too.
  if (as_user()) return;
  BOOST_TEST(sup_run({"sh", "-c", ": >>/proc/sys/vm/overcommit_memory"}).code == 0);
  BOOST_TEST(sup_run({"--profile", "docker", "--privileged", "sh", "-c", ": >>/proc/sys/vm/overcommit_memory"}).code ==
             0);
}

BOOST_AUTO_TEST_CASE(the_environment_is_not_the_callers) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  Start start;
  start.env = {"SECRET=1"};
  const auto result = in_root(root, {"-e", "A=b", "-h", "box"}, "env; pwd", start);
  for (const char* part :
       {"PATH=/usr/local/sbin:", "HOSTNAME=box\n", "HOME=/root\n", "container=sup\n", "A=b\n", "\n/\n"})
    BOOST_TEST(has(result.out, part), part << "\n" << result.out);
  BOOST_TEST(!has(result.out, "SECRET"));
}

BOOST_AUTO_TEST_CASE(users_are_the_roots_own) {  // A45
  NEEDS_BUSYBOX();
  const auto root = make_root();
  BOOST_TEST(has(in_root(root, {}, "id").out, "uid=0(root) gid=0(root)"));
  const auto bob = in_root(root, {"-u", "bob"}, "id; echo $HOME");
  BOOST_TEST(has(bob.out, "uid=1000(bob) gid=1001"), bob.out << bob.err);
  BOOST_TEST(has(bob.out, "/home/bob"));
  if (!as_user()) BOOST_TEST(has(bob.out, "44(video)"), bob.out);
  BOOST_TEST(has(in_root(root, {"-u", "1"}, "id").out, "uid=1 gid=0"));
  for (const char* none : {"nobody-here", "+1", "1:", "4294967295", "-1"}) {
    const auto result = in_root(root, {"-u", none}, "id");
    BOOST_TEST(result.code == 125, none << ": " << result.out << result.err);
  }
  // A passwd that is none makes nobody root and nobody wait.
  fs::remove(root + "/etc/passwd");
  BOOST_TEST_REQUIRE(::mkfifo((root + "/etc/passwd").c_str(), 0644) == 0);
  BOOST_TEST(in_root(root, {"-u", "bob"}, "id").code == 125);
  BOOST_TEST(has(sup_run({"--rootfs", root, "-u", "7", "/bin/cat", "/proc/self/status"}).out, "Uid:\t7\t7"));
  fs::remove(root + "/etc/passwd");
  fs::create_symlink("/etc/shadow-of-the-host/../../../../etc/passwd", root + "/etc/passwd");
  BOOST_TEST(in_root(root, {"-u", "daemon"}, "id").code == 125);
  fs::remove(root + "/etc/passwd");
  {
    std::ofstream big(root + "/etc/passwd");
    big << "evil:x:0:0::/:/bin/sh\n";
    big.seekp(2 << 20);
    big << "x";
  }
  BOOST_TEST(in_root(root, {"-u", "evil"}, "id").code == 125);
}

BOOST_AUTO_TEST_CASE(where_it_starts) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  BOOST_TEST(in_root(root, {"-w", "/etc"}, "pwd").out == "/etc\n");
  BOOST_TEST(in_root(root, {"-w", "etc"}, "pwd").out == "/etc\n");
  const auto missing = in_root(root, {"-w", "/none"}, "pwd");
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "/none"), missing.err);
  if (!as_user()) {
    // As the command may, with what it has of powers, and no more.
    fs::create_directories(root + "/home/bob");
    fs::permissions(root + "/home/bob", fs::perms(0700));
    BOOST_TEST_REQUIRE(::lchown((root + "/home/bob").c_str(), 1000, 1001) == 0);
    BOOST_TEST(in_root(root, {"-w", "/home/bob"}, "pwd").out == "/home/bob\n");
    BOOST_TEST(in_root(root, {"-w", "/home/bob", "-u", "bob"}, "pwd").out == "/home/bob\n");
    BOOST_TEST(in_root(root, {"-w", "/home/bob", "-u", "1002"}, "pwd").code == 125);
    BOOST_TEST(in_root(root, {"-w", "/home/bob", "--cap-drop", "DAC_OVERRIDE"}, "pwd").code == 125);
  }
  for (int fd = 3; fd < 20; ++fd) {  // A02
    const auto result = in_root(root, {"-w", "/proc/self/fd/" + std::to_string(fd)}, "ls");
    BOOST_TEST(result.code == 125, fd << result.out);
  }
}

BOOST_AUTO_TEST_CASE(a_root_that_is_none) {
  const auto missing = sup_run({"--rootfs", dir() + "/none", "true"});
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "--rootfs: "), missing.err);
  BOOST_TEST(Events(missing.events).first("error").text("/code") != "", missing.err);
  const auto file = write_file("file", "x");
  BOOST_TEST(sup_run({"--rootfs", file, "true"}).code == 125);
  BOOST_TEST(sup_run({"--rootfs", "", "true"}).code == 125);
  BOOST_TEST(sup_run({"--read-only", "true"}).code == 125);
}

BOOST_AUTO_TEST_CASE(a_command_that_is_not_in_the_root) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto result = sup_run({"--rootfs", root, "/usr/bin/env"});
  BOOST_TEST(result.code == 127, result.err);
  BOOST_TEST(sup_run({"--rootfs", root, "bash"}).code == 127);
  BOOST_TEST(sup_run({"--rootfs", root, "/etc"}).code == 126);
}

BOOST_AUTO_TEST_CASE(an_overlay_throws_away) {
  NEEDS_BUSYBOX();
  const auto root = make_root("with:colon");
  const auto result =
      in_root(root + ":O", {}, "echo x >/new && echo y >/etc/passwd && mkdir /d && ls / && cat /etc/passwd");
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(has(result.out, "new\n"), result.out);
  BOOST_TEST(has(result.out, "y\n"));
  BOOST_TEST(!exists(root + "/new"));
  BOOST_TEST(!exists(root + "/proc"));  // not even the places for our own mounts
  BOOST_TEST(has(read_text(root + "/etc/passwd"), "bob"));
}

BOOST_AUTO_TEST_CASE(read_only_but_for_what_is_not) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto result = in_root(
      root, {"--read-only", "--tmpfs", "/run:size=1m,mode=750"},
      "touch /x 2>/dev/null && echo ROOT; touch /run/y /dev/shm/z && echo ok; stat -c %a /run; df -k /run | grep 1024");
  BOOST_TEST(!has(result.out, "ROOT"));
  BOOST_TEST(has(result.out, "ok\n750\n"), result.out << result.err);
  BOOST_TEST(has(result.out, "1024"), result.out);
  BOOST_TEST(has(in_root(root, {"--shm-size", "2m"}, "df -k /dev/shm").out, "2048"));
}

BOOST_AUTO_TEST_CASE(volumes) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  fs::create_directories(dir() + "/data/sub");
  write_file("data/file", "host\n");
  give_away(dir() + "/data");
  const auto data = dir() + "/data";
  BOOST_TEST(in_root(root, {"-v", data + ":/mnt/a/b"}, "cat /mnt/a/b/file; echo new >/mnt/a/b/made").out == "host\n");
  BOOST_TEST(read_text(data + "/made") == "new\n");
  const auto ro =
      in_root(root, {"-v", data + ":/mnt/ro:ro"}, "touch /mnt/ro/x 2>/dev/null && echo WRITTEN; cat /mnt/ro/file");
  BOOST_TEST(ro.out == "host\n", ro.out << ro.err);
  BOOST_TEST(in_root(root, {"-v", data + "/file:/etc/one:ro"}, "cat /etc/one").out == "host\n");
  BOOST_TEST(in_root(root, {"-v", data + ":/mnt/o:O"}, "echo x >/mnt/o/file; cat /mnt/o/file").out == "x\n");
  BOOST_TEST(read_text(data + "/file") == "host\n");
  BOOST_TEST(in_root(root, {"--mount", "type=bind,src=" + data + ",dst=/mnt/m,ro"}, "cat /mnt/m/file").out == "host\n");
  // From the caller's directory, in whatever order, one in the other.
  Start start;
  start.cwd = dir();
  BOOST_TEST(
      in_root(root, {"-v", "./data/sub:/mnt/z/y", "-v", "data:/mnt/z"}, "cat /mnt/z/file; ls -d /mnt/z/y", start).out ==
      "host\n/mnt/z/y\n");
  const auto missing = in_root(root, {"-v", dir() + "/nowhere:/x"}, "true");
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "does not exist on the host"), missing.err);
  for (const char* own : {"/proc", "/sys/x", "/dev", "/dev/null"})
    BOOST_TEST(in_root(root, {"-v", data + ":" + own}, "true").code == 125, own);
}

BOOST_AUTO_TEST_CASE(volumes_on_the_hosts_root) {
  const auto data = dir() + "/data";
  fs::create_directories(data);
  fs::create_directories(dir() + "/place");
  write_file("data/file", "inside\n");
  give_away(data);
  give_away(dir() + "/place");
  const auto mounts = host_mounts();
  const auto place = dir() + "/place";
  const auto result = sup_run({"-v", data + ":" + place + ":ro", "--tmpfs", "/mnt", "sh", "-c",
                               "cat " + place + "/file; touch " + place +
                                   "/x 2>/dev/null && echo WRITTEN; grep -c ' /mnt ' /proc/self/mountinfo"});
  BOOST_TEST(result.out == "inside\n1\n", result.out << result.err);
  BOOST_TEST(host_mounts() == mounts);
  const auto missing = sup_run({"-v", data + ":" + dir() + "/none", "true"});
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "no such place inside"), missing.err);
  BOOST_TEST(!exists(dir() + "/none"));
}

// B11, A06, A07: a root whose places for /proc, /sys and /dev are links leads nowhere.
// Where the network leads out, a name can be looked up; nothing of it is written, nor made where it cannot be.
BOOST_AUTO_TEST_CASE(a_tmpfs_takes_the_mode_of_what_it_covers) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  fs::create_directories(root + "/home/bob");
  fs::permissions(root + "/home/bob", fs::perms(0750));
  (void)::chown((root + "/home/bob").c_str(), as_user() ? uid() : 1000, as_user() ? gid() : 1001);
  const auto result =
      in_root(root, {"-u", "bob", "--tmpfs", "/home/bob", "--tmpfs", "/else", "--tmpfs", "/tmp:mode=700"},
              ": >/home/bob/f && stat -c '%a %u' /home/bob /else /tmp");
  BOOST_TEST(result.out == (as_user() ? "750 1000\n1777 1000\n700 1000\n" : "750 1000\n1777 0\n700 0\n"),
             result.out << result.err);
}

BOOST_AUTO_TEST_CASE(groups_besides) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const std::vector<std::string> options{"-u", "bob", "--group-add", "77", "--group-add", "video"};
  const auto result = in_root(root, options, "id -G");
  if (as_user()) {
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.err, "--group-add: 77: an ordinary user's container has one group only"), result.err);
    return;
  }
  BOOST_TEST(result.out == "1001 44 77\n", result.out << result.err);
  BOOST_TEST(has(in_root(root, {"--group-add", "nosuch"}, "id").err, "--group-add: nosuch: no such group"));
  const auto host = sup_run({"--group-add", "77", "id", "-G"});
  BOOST_TEST(has(" " + host.out, " 77"), host.out << host.err);
}

BOOST_AUTO_TEST_CASE(links_where_the_containers_own_goes_are_refused) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto victim = dir() + "/victim";
  fs::create_directories(victim);
  const auto mounts = host_mounts();
  for (const char* place : {"proc", "sys", "dev"}) {
    for (const std::string& target :
         {victim, std::string("/"), std::string("/tmp"), std::string("../victim"), std::string("etc")}) {
      fs::remove_all(root + "/" + place);
      fs::create_symlink(target, root + "/" + place);
      const auto result = in_root(root, {}, "true");
      BOOST_TEST(result.code == 125, place << " -> " << target << ": " << result.out << result.err);
      BOOST_TEST(has(result.err, "symbolic link"), result.err);
      BOOST_TEST(fs::is_empty(victim), place << " -> " << target);
    }
    fs::remove_all(root + "/" + place);
    // Nor is a file a place for it.
    write_file("root/" + std::string(place), "x");
    const auto result = in_root(root, {}, "true");
    BOOST_TEST(result.code == 125, place << result.out);
    BOOST_TEST(has(result.err, "a directory goes onto a directory"), place << result.err);
    fs::remove(root + "/" + place);
  }
  BOOST_TEST(host_mounts() == mounts);
}

// A24: the target of a volume is found inside the root, whatever the root's links say.
BOOST_AUTO_TEST_CASE(links_under_a_volume_stay_inside) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto victim = dir() + "/victim";
  const auto data = dir() + "/data";
  fs::create_directories(victim);
  fs::create_directories(data);
  write_file("data/file", "volume\n");
  fs::create_symlink(victim, root + "/away");
  fs::create_symlink("../../../../../.." + victim, root + "/up");
  fs::create_symlink("/etc", root + "/inner");
  fs::create_symlink("/proc/self/root", root + "/magic");
  give_away(root);
  const auto mounts = host_mounts();
  for (const char* target : {"/away", "/away/x", "/up", "/up/x", "/magic/x"}) {
    const auto result = in_root(root, {"-v", data + ":" + target}, "cat " + std::string(target) + "/file");
    BOOST_TEST((result.code == 125 || result.out == "volume\n"), target << ": " << result.out << result.err);
    BOOST_TEST(fs::is_empty(victim), target);
  }
  BOOST_TEST(in_root(root, {"-v", data + ":/inner/v"}, "cat /etc/v/file").out == "volume\n");
  BOOST_TEST(host_mounts() == mounts);
}

// A08: the cover of masked files is the host's own /dev/null, whatever the root has there.
BOOST_AUTO_TEST_CASE(a_roots_own_dev_is_of_no_account) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  fs::create_directories(root + "/dev");
  fs::create_symlink("/proc/sys/kernel/core_pattern", root + "/dev/null");
  std::ofstream(root + "/dev/zero") << "not zero";
  give_away(root);
  const auto result = in_root(
      root, {}, "stat -c %t:%T /dev/null /proc/keys; head -c 1 /dev/zero | wc -c; [ -c /dev/zero ] && echo char");
  BOOST_TEST(result.out == "1:3\n1:3\n1\nchar\n", result.out << result.err);
}

// B14, A11, with the power to unmount.
BOOST_AUTO_TEST_CASE(under_what_is_mounted_there_is_nothing_of_the_host) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto result = in_root(
      root, {"--privileged"},
      "i=0; while [ $i -lt 20 ]; do umount -l /proc 2>/dev/null; umount -l /sys 2>/dev/null; umount -l /dev 2>/dev/null; umount -l / 2>/dev/null; i=$((i+1)); done; ls /proc | grep -c '^[0-9]'; ls /sys /dev | wc -l; ls /");
  BOOST_TEST(!has(result.out, "home\n"), result.out);
  BOOST_TEST(!has(result.out, "usr\n"), result.out);
  const auto seen = lines(result.out);
  BOOST_TEST_REQUIRE(seen.size() >= 2U, result.err);
  BOOST_TEST(std::atoi(seen[0].c_str()) <= 4, result.out);
}

// B08: no descriptor of the host's but the three.
BOOST_AUTO_TEST_CASE(only_three_descriptors_in_a_root) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const int host = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Start start;
  start.fds = {{host, 3}, {host, 9}, {host, 77}};
  for (const char* flag : {"--sig-proxy", "--init"}) {
    const auto result = in_root(root, {flag, "-v", dir() + ":/mnt"},
                                "ls -l /proc/self/fd /proc/1/fd 2>/dev/null | grep -- '->' | grep -vc pipe:", start);
    // /dev/null, twice, and the directory that is read. Pipes do not count: the shell's own come and go.
    BOOST_TEST(std::atoi(result.out.c_str()) <= 3, flag << result.out);
    BOOST_TEST(
        in_root(
            root, {flag},
            "cd /proc/self/fd/9/etc 2>/dev/null && echo OUT; cd /proc/1/cwd/../../../../home 2>/dev/null && echo OUT; true",
            start)
            .out.empty());
  }
  ::close(host);
}

BOOST_AUTO_TEST_CASE(a_procfs_below_the_directory_does_not_come_along) {
  NEEDS_BUSYBOX();
  if (!own_mounts()) SUP_CANNOT("needs a mount namespace of the tests' own");
  const auto root = make_root();
  fs::create_directories(root + "/proc");
  fs::create_directories(root + "/srv");
  BOOST_TEST_REQUIRE(::mount("proc", (root + "/proc").c_str(), "proc", 0, nullptr) == 0);
  BOOST_TEST_REQUIRE(::mount("proc", (root + "/srv").c_str(), "proc", 0, nullptr) == 0);
  const auto result = in_root(root, {}, "ls /srv /proc | grep -c '^[0-9]'");
  BOOST_TEST(::umount2((root + "/srv").c_str(), MNT_DETACH) == 0);
  BOOST_TEST(::umount2((root + "/proc").c_str(), MNT_DETACH) == 0);
  // An ordinary user cannot take it away: then nothing runs.
  if (as_user()) {
    BOOST_TEST(result.code == 125, result.out);
  } else {
    BOOST_TEST(std::atoi(result.out.c_str()) <= 4, result.out << result.err);
  }
}

BOOST_AUTO_TEST_CASE(a_device) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto result = in_root(root, {"--device", "/dev/zero:/dev/nought"}, "head -c 3 /dev/nought | wc -c");
  BOOST_TEST(result.out == "3\n", result.out << result.err);
  const auto file = in_root(root, {"--device", "/etc/passwd:/dev/list"}, "cat /dev/list");
  BOOST_TEST(file.code == 125);
  BOOST_TEST(has(file.err, "sup: --device: /etc/passwd: is no device"), file.err);
  const auto missing = in_root(root, {"--device", "/dev/nosuch"}, "true");
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "sup: --device: /dev/nosuch: No such file or directory; see: ls /dev"), missing.err);
  if (as_user()) return;  // who may not leave out what is mounted below /dev
  const auto directory = in_root(root, {"--device", "/dev:/dev/all"}, "head -c 3 /dev/all/zero | wc -c");
  BOOST_TEST(directory.out == "3\n", directory.out << directory.err);
}

// As docker's: each device of the host's, and what is made with mknod(2) works. Of a user's namespace it does not.
BOOST_AUTO_TEST_CASE(privileged_has_the_hosts_devices) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  std::vector<std::string> wanted;
  for (const auto& entry : fs::directory_iterator("/dev")) {
    const auto type = entry.symlink_status().type();
    const auto name = entry.path().filename().string();
    if ((type == fs::file_type::character || type == fs::file_type::block) && name != "console") wanted.push_back(name);
  }
  const auto result =
      in_root(root, {"--privileged"},
              "ls -1 /dev; echo end; : >/dev/mine && echo own; ( chmod 600 /dev/zero ) 2>/dev/null && echo CHMOD; "
              "mknod /tmp/zero c 1 5 2>/dev/null; head -c 3 /tmp/zero 2>/dev/null | wc -c; rm -f /tmp/zero");
  BOOST_TEST(result.code == 0, result.err);
  const auto there = lines(result.out.substr(0, result.out.find("end\n")));
  for (const auto& name : wanted) BOOST_TEST((std::ranges::find(there, name) != there.end()), name);
  BOOST_TEST(!exists("/dev/mine"));
  BOOST_TEST(result.out.ends_with(as_user() ? "end\nown\n0\n" : "end\nown\n3\n"), result.out);
  if (wanted.size() <= 7) SUP_CANNOT("the machine's /dev has nothing besides");
  BOOST_TEST(lines(in_root(root, {}, "ls -1 /dev").out).size() < there.size());
}

// What was typed is what an error names.
BOOST_AUTO_TEST_CASE(an_error_names_the_option) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto refused = [](std::vector<std::string> args, std::string_view line) {
    args.emplace_back("/bin/true");
    const auto result = sup_run(std::move(args));
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.err, line), result.err);
  };
  const auto none = dir() + "/none";
  refused({"--rootfs", root, "-v", none + ":/x"}, "sup: -v: " + none + ": it does not exist on the host");
  refused({"--rootfs", root, "--mount", "src=" + none + ",dst=/x"}, "sup: --mount: " + none + ": it does not exist");
  refused({"--rootfs", root, "-v", none + ":/x:O"}, "sup: -v: " + none + ": an overlay goes over a directory");
  refused({"--rootfs", root, "-v", "/etc/passwd:/etc"}, "sup: -v: /etc: a directory goes onto a directory");
  refused({"--rootfs", root, "--tmpfs", "/etc/passwd"}, "sup: --tmpfs: /etc/passwd: a directory goes onto a directory");
  refused({"--rootfs", root, "-v", "/etc:/proc"}, "sup: -v: /proc: /proc is the container's own");
  refused({"--rootfs", root, "--tmpfs", "/sys/x"}, "sup: --tmpfs: /sys/x: /sys is the container's own");
  refused({"--rootfs", root, "-v", "/etc/passwd/x:/y:create"}, "sup: -v: /etc/passwd/x: the directory cannot be made");
  refused({"-v", "/etc:" + none}, "sup: -v: " + none + ": there is no such place inside");
  refused({"--tmpfs", none}, "make it there, or write --mount type=tmpfs,dst=" + none + ",create");
  refused({"--device", "/dev/null:" + none},
          "sup: --device: " + none + ": there is no such place inside; make it there");
}

// The path of its own group on the host is nobody's business inside, also where there are no limits.
BOOST_AUTO_TEST_CASE(where_the_supervisor_is_in_the_control_groups_is_not_told) {
  NEEDS_BUSYBOX();
  const auto result = in_root(make_root(), {}, "cut -d: -f3 /proc/self/cgroup | sort -u");
  BOOST_TEST(result.out == "/\n", result.out << result.err);
}

BOOST_AUTO_TEST_CASE(create_makes_a_source_that_is_missing) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto source = dir() + "/made/here";
  BOOST_TEST(in_root(root, {"-v", source + ":/mnt"}, "true").code == 125);
  BOOST_TEST(!exists(source));
  const auto result = in_root(root, {"-v", source + ":/mnt:create"}, "touch /mnt/file");
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(exists(source + "/file"));
  BOOST_TEST((fs::status(source).permissions() == fs::perms(0755)));
  const auto tmpfs =
      in_root(root, {"--mount", "type=tmpfs,dst=/scratch,create"}, "touch /scratch/file");  // has no source
  BOOST_TEST(tmpfs.code == 0, tmpfs.err);
  const auto below = in_root(root, {"-v", source + "/file/x:/mnt:create"}, "true");
  BOOST_TEST(below.code == 125);
  BOOST_TEST(has(below.err, "cannot be made"), below.err);
}

BOOST_AUTO_TEST_CASE(under_a_supervisor_it_is_its_own_root_too) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  DaemonProcess daemon;
  BOOST_TEST_REQUIRE(!daemon.detached({"--name", "box", "--rootfs", root, "/bin/sleep", "10000"}).empty());
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "exec", "box", "/bin/sh", "-c", "ls /; readlink /bin/sh"};
  const auto result = run(start);
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(has(result.out, "busybox\n"), result.out);
  BOOST_TEST(!has(result.out, "home\n"), result.out);
}

BOOST_AUTO_TEST_CASE(the_events_say_what_it_is_worth) {
  NEEDS_BUSYBOX();
  const auto result = in_root(make_root(), {}, "true");
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(Events(result.events).first("starting").text("/boundary") == (as_user() ? "user" : "rootfs"));
}

BOOST_AUTO_TEST_CASE(a_plan_says_the_root_and_makes_nothing) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const auto plan = sup_cli({"plan", "--rootfs", root, "-v", dir() + ":/mnt:ro", "--tmpfs", "/run", "true"});
  BOOST_TEST(plan.code == 0, plan.err);
  BOOST_TEST(has(plan.out, "pivot to the new root"), plan.out);
  BOOST_TEST(!exists(root + "/proc"));  // a plan changes nothing
}

BOOST_AUTO_TEST_SUITE_END()
