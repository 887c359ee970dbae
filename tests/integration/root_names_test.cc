// What a root of the container's own calls itself and others: hostname, hosts and resolv.conf.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "busybox.h"
#include "clean.h"
#include "daemon.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;
namespace fs = std::filesystem;

BOOST_FIXTURE_TEST_SUITE(root_names, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(the_hosts_resolver_where_the_network_leads_out) {
  NEEDS_BUSYBOX();
  if (!exists("/etc/resolv.conf")) SUP_SKIP("this machine has no resolv.conf");
  const auto hosts = read_text("/etc/resolv.conf");
  const auto root = make_root();
  const std::string look = "cat /etc/resolv.conf; echo x 2>/dev/null >/etc/resolv.conf || echo refused";
  BOOST_TEST(!has(in_root(root, {}, look).out, "refused"));  // a file of its own
  BOOST_TEST(read_text(root + "/etc/resolv.conf") == "x\n");
  const auto there = in_root(root, {"--network", "host"}, look);
  BOOST_TEST(there.out == hosts + "refused\n", there.out << there.err);
  fs::remove(root + "/etc/resolv.conf");
  const auto made = in_root(root, {"--network", "host"}, look);
  BOOST_TEST(made.out == hosts + "refused\n", made.out << made.err);
  const auto overlay = in_root(root + ":O", {"--network", "host"}, look);
  BOOST_TEST(overlay.out == hosts + "refused\n", overlay.out << overlay.err);
  write_file("mine", "nameserver 192.0.2.53\n");
  const auto mine =
      in_root(root, {"--network", "host", "-v", dir() + "/mine:/etc/resolv.conf:ro"}, "cat /etc/resolv.conf");
  BOOST_TEST(mine.out == "nameserver 192.0.2.53\n", mine.out << mine.err);
  // A link that leads nowhere is the root's own affair.
  fs::remove(root + "/etc/resolv.conf");
  fs::create_symlink("/run/nowhere/resolv.conf", root + "/etc/resolv.conf");
  BOOST_TEST(in_root(root, {"--network", "host"}, "echo ran").out == "ran\n");
  fs::remove(root + "/etc/resolv.conf");
  fs::permissions(root + "/etc", fs::perms(0555));
  if (as_user()) BOOST_TEST(in_root(root, {"--network", "host"}, "cat /etc/resolv.conf || echo none").out == "none\n");
  fs::permissions(root + "/etc", fs::perms(0755));
  BOOST_TEST(has(sup_cli({"plan", "--network", "host", "--rootfs", root, "--as", "bwrap", "true"}).out,
                 "--ro-bind /etc/resolv.conf /etc/resolv.conf"));
}

// As docker's: the container's own, to write to, and nothing of it stays in the root but the empty places.
BOOST_AUTO_TEST_CASE(hosts_and_hostname_are_the_containers_own) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  write_file("root/etc/hosts", "192.0.2.1 theirs\n");
  const std::string look = "cat /etc/hostname /etc/hosts; ";
  const auto first =
      in_root(root, {"-h", "box.example"}, look + "echo '192.0.2.9 more' >>/etc/hosts && cat /etc/hosts");
  BOOST_TEST(first.out.starts_with("box.example\n127.0.0.1\tlocalhost\n"), first.out << first.err);
  BOOST_TEST(has(first.out, "\n127.0.0.1\tbox.example box\n192.0.2.9 more\n"), first.out << first.err);
  BOOST_TEST(!has(first.out, "theirs"));
  BOOST_TEST(read_text(root + "/etc/hosts") == "192.0.2.1 theirs\n");
  BOOST_TEST(read_text(root + "/etc/hostname") == "");
  const auto mounts =
      in_root(root, {}, "grep /etc/ /proc/self/mountinfo; ls -A /proc | grep host; ls -A /dev | grep host");
  BOOST_TEST(has(mounts.out, " /hosts /etc/hosts rw,nosuid,nodev,noexec"), mounts.out << mounts.err);
  BOOST_TEST(has(mounts.out, " /hostname /etc/hostname rw,nosuid,nodev,noexec"), mounts.out);
  BOOST_TEST(lines(mounts.out).size() == 2U, mounts.out);
  const auto sealed = in_root(root, {"--read-only"}, "( : >/etc/hosts ) 2>/dev/null || echo refused; cat /etc/hosts");
  BOOST_TEST(sealed.out.starts_with("refused\n127.0.0.1\tlocalhost\n"), sealed.out << sealed.err);
  const auto overlay = in_root(root + ":O", {"-h", "o"}, look);
  BOOST_TEST(overlay.out.starts_with("o\n127.0.0.1\tlocalhost\n"), overlay.out << overlay.err);
  const auto bob = in_root(root, {"-u", "bob", "-h", "b"}, look);
  BOOST_TEST(bob.out.starts_with("b\n127.0.0.1\tlocalhost\n"), bob.out << bob.err);
  // With the host's network, what the host calls its neighbours.
  const auto host = in_root(root, {"--network", "host"}, "cat /etc/hosts");
  if (exists("/etc/hosts")) BOOST_TEST(host.out.starts_with(read_text("/etc/hosts")), host.out << host.err);
  write_file("mine", "192.0.2.53 mine\n");
  const auto mine = in_root(root, {"-v", dir() + "/mine:/etc/hosts"}, "cat /etc/hosts");
  BOOST_TEST(mine.out == "192.0.2.53 mine\n", mine.out << mine.err);
  // No place for them: the root is left as it is.
  fs::remove(root + "/etc/hosts");
  fs::create_symlink("/run/nowhere", root + "/etc/hosts");
  BOOST_TEST(in_root(root, {}, "echo ran").out == "ran\n");
}

// As docker does it; and what is in the other's root is looked at, never followed out of it, and never waited for.
BOOST_AUTO_TEST_CASE(who_joins_a_network_knows_the_same_names) {
  NEEDS_BUSYBOX();
  if (as_user()) return;
  const auto root = make_root();
  const auto other = make_root("other");
  write_file("root/etc/resolv.conf", "nameserver 192.0.2.53\n");
  DaemonProcess daemon;
  const auto id = daemon.detached({"--name", "box", "-h", "base", "--rootfs", root, "/bin/sh", "-c",
                                   "echo '192.0.2.8 eight' >>/etc/hosts; while :; do sleep 1000; done"});
  const auto pid = daemon.pid_of(id);
  daemon.wait_until([&] { return has(read_text("/proc/" + std::to_string(pid) + "/root/etc/hosts"), "eight"); },
                    "the line");
  const auto join = [&](const std::vector<std::string>& options, const std::string& script) {
    std::vector<std::string> words{"run", "--rootfs", other, "--network", "container:box", "-h", "joined"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"/bin/sh", "-c", script});
    return daemon.sup(words);
  };
  const auto result = join({}, "cat /etc/hosts /etc/resolv.conf");
  BOOST_TEST(has(result.out, "\n127.0.0.1\tbase\n192.0.2.8 eight\n127.0.0.1\tjoined\n"), result.out << result.err);
  BOOST_TEST(result.out.ends_with("\nnameserver 192.0.2.53\n"), result.out);
  // A copy: what is written here is not the other's.
  (void)join({}, "echo '192.0.2.9 nine' >>/etc/hosts; : >/etc/resolv.conf");
  BOOST_TEST(!has(read_text("/proc/" + std::to_string(pid) + "/root/etc/hosts"), "nine"));
  BOOST_TEST(read_text(root + "/etc/resolv.conf") == "nameserver 192.0.2.53\n");
  write_file("mine", "nameserver 192.0.2.1\n");
  const auto mine = join({"-v", dir() + "/mine:/etc/resolv.conf"}, "cat /etc/resolv.conf");
  BOOST_TEST(mine.out == "nameserver 192.0.2.1\n", mine.out << mine.err);
  // What is no file of text.
  const std::string resolv = root + "/etc/resolv.conf";
  const auto nothing = [&] { return join({}, "cat /etc/resolv.conf 2>&1; echo ran").out; };
  fs::remove(other + "/etc/resolv.conf");
  fs::remove(resolv);
  fs::create_symlink("/../../../../" + dir() + "/mine", resolv);
  BOOST_TEST(!has(nothing(), "192"));
  fs::remove(resolv);
  BOOST_TEST_REQUIRE(::mkfifo(resolv.c_str(), 0666) == 0);
  BOOST_TEST(nothing().ends_with("ran\n"));
  fs::remove(resolv);
  write_file("root/etc/resolv.conf", std::string((64 << 10) + 1, '#'));
  BOOST_TEST(!has(nothing(), "#"));
  write_file("root/etc/resolv.conf", "\xff\xfe");
  BOOST_TEST(!has(nothing(), "\xff"));
}

BOOST_AUTO_TEST_SUITE_END()
