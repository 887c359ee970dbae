// Terminals in a root of the container's own: they are its devpts', under the names that are there.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "busybox.h"
#include "clean.h"
#include "daemon.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;
namespace fs = std::filesystem;

BOOST_FIXTURE_TEST_SUITE(root_terminal, Clean, *but::label("both"))

// tty(1) names a path that is there, whoever is inside and however he is kept.
BOOST_AUTO_TEST_CASE(the_terminal_has_a_name_inside) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  const std::string look = "tty; stat -c %u $(tty); echo console >/dev/console; echo tty >/dev/tty; ls -1 /dev/pts";
  const std::vector<std::vector<std::string>> ways = {
      {}, {"--init"}, {"-u", "bob"}, {"--read-only"}, {"-u", "bob", "--init"}};
  for (const auto& way : ways) {
    std::vector<std::string> options{"-t"};
    options.insert(options.end(), way.begin(), way.end());
    const auto result = in_root(root, options, look);
    const bool bob = !way.empty() && way.front() == "-u";
    BOOST_TEST(result.out == "/dev/pts/0\n" + std::string(bob ? "1000" : "0") + "\nconsole\ntty\n0\nptmx\n",
               shown(result.out) << result.err);
  }
  BOOST_TEST(in_root(root + ":O", {"-t"}, "tty").out == "/dev/pts/0\n");
  BOOST_TEST(in_root(root, {"-t"}, "/nosuch").code == 127);
  BOOST_TEST(sup_run({"-t", "--rootfs", root, "/nosuch"}).code == 127);
  BOOST_TEST(in_root(root, {}, "tty; ls /dev/console").code != 0);
  // Nothing that the root brings is in the way of the console.
  fs::create_directories(root + "/dev");
  fs::create_symlink("/tmp/elsewhere", root + "/dev/console");
  BOOST_TEST(in_root(root, {"-t"}, "echo console >/dev/console").out == "console\n");
  BOOST_TEST(!exists(root + "/tmp/elsewhere"));
}

BOOST_AUTO_TEST_CASE(the_terminals_size_and_input_are_there_from_the_start) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  Terminal terminal(
      running({"-ti", "--rootfs", root, "/bin/sh", "-c", "stty size; read x; echo got-$x; stty size; exit 4"}),
      {33, 99});
  terminal.send("early\r");
  BOOST_TEST(terminal.wait_out("33 99"));
  BOOST_TEST(terminal.wait_out("got-early"));
  BOOST_TEST(terminal.finish().code() == 4);
  // Without a terminal outside, and at its end, as well.
  Start piped;
  piped.input = "one\ntwo\n";
  const auto result = in_root(root, {"-ti"}, "cat; echo end", std::move(piped));
  BOOST_TEST(has(result.out, "one\n"), shown(result.out) << result.err);
  BOOST_TEST(has(result.out, "two\n"), shown(result.out));
  BOOST_TEST(result.out.ends_with("end\n"), shown(result.out));
}

// What a container has made of its /dev: whatever it is, no terminal is taken from it that is none of a devpts.
BOOST_AUTO_TEST_CASE(a_terminal_of_what_is_no_devpts) {
  NEEDS_BUSYBOX();
  if (as_user()) return;
  const auto root = make_root();
  DaemonProcess daemon;
  for (const char* how : {"umount /dev/pts && mount -t tmpfs none /dev/pts && : >/dev/pts/ptmx",
                          "mount -t proc none /dev/pts", "mount -t tmpfs none /dev"}) {
    const auto id =
        daemon.detached({"--rootfs", root, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "/bin/sh",
                         "-c", "cd /tmp; " + std::string(how) + "; : >/tmp/ready; while :; do sleep 1000; done"});
    daemon.wait_until([&] { return exists(root + "/tmp/ready"); }, how);
    const auto result = daemon.sup({"exec", "-t", id, "/bin/sh", "-c", "echo ran"});
    BOOST_TEST(result.code == 125, how << result.out);
    BOOST_TEST(has(result.err, "the container has no devpts there any more; run it without -t"), how << result.err);
    BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
    fs::remove(root + "/tmp/ready");
  }
}

BOOST_AUTO_TEST_CASE(a_terminal_inside_under_a_supervisor) {
  NEEDS_BUSYBOX();
  const auto root = make_root();
  DaemonProcess daemon;
  const std::string id = daemon.detached(
      {"-ti", "--name", "web", "--rootfs", root, "/bin/sh", "-c", "tty; while read x; do echo got-$x; done"});
  BOOST_TEST(daemon.sup({"reload"}).code == 0);
  Start attaching;
  attaching.args = {"-S", daemon.name(), "attach", "web"};
  attaching.events = false;
  Terminal client(attaching);
  BOOST_TEST(client.wait_out("/dev/pts/0"));
  BOOST_TEST(client.ask("hello\r", "got-hello"));
  // Who comes in later has another.
  BOOST_TEST(daemon.sup({"exec", "-t", "web", "sh", "-c", "tty; echo tty >/dev/tty; stat -c %u $(tty)"}).out ==
             "/dev/pts/1\ntty\n0\n");
  if (!as_user())
    BOOST_TEST(daemon.sup({"exec", "-t", "-u", "bob", "web", "sh", "-c", "stat -c %u $(tty)"}).out == "1000\n");
  Start inside;
  inside.args = {"-S", daemon.name(), "exec", "-ti", "web", "sh", "-c", "stty size; read x; echo got-$x; exit 6"};
  inside.events = false;
  Terminal other(inside, {31, 97});
  BOOST_TEST(other.wait_out("31 97"));
  other.send("word\r");
  BOOST_TEST(other.wait_out("got-word"));
  BOOST_TEST(other.finish().code() == 6);
  BOOST_TEST(daemon.sup({"exec", "-t", "web", "/nosuch"}).code == 127);
  BOOST_TEST(daemon.sup({"kill", id}).code == 0);
  (void)client.finish();
  // Without any capability, and as somebody else.
  (void)daemon.detached(
      {"--name", "bound", "--profile", "strict", "-u", "bob", "--rootfs", root, "/bin/sleep", "1000"});
  BOOST_TEST(daemon.sup({"exec", "-t", "bound", "sh", "-c", "tty; stat -c %u $(tty)"}).out == "/dev/pts/0\n1000\n");
}

BOOST_AUTO_TEST_SUITE_END()
