// The small readers of floor 1: signals, statuses, capabilities, PATH, mountinfo, users, environments.
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "spec/capabilities.h"
#include "spec/check.h"
#include "spec/env.h"
#include "spec/exit_status.h"
#include "spec/mountinfo.h"
#include "spec/path.h"
#include "spec/signals.h"
#include "spec/user.h"

using namespace sup;
using namespace std::string_literals;
using Strings = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(spec_signals)

BOOST_AUTO_TEST_CASE(names_and_numbers) {
  for (const char* text : {"TERM", "SIGTERM", "term", "sigTerm", "15"})
    BOOST_TEST(parse_signal(text).value() == SIGTERM, text);
  BOOST_TEST(parse_signal("RTMIN").value() == 34);
  BOOST_TEST(parse_signal("SIGRTMIN+3").value() == 37);
  BOOST_TEST(parse_signal("RTMAX").value() == 64);
  BOOST_TEST(parse_signal("rtmax-1").value() == 63);
  BOOST_TEST(parse_signal("64").value() == 64);
  for (const char* bad : {"", "0", "65", "-1", "+9", "SIG", "SIG15", "NOPE", "RTMIN-1", "RTMIN+31", "RTMIN+", "RTMAX+1",
                          "RTMIN+-1", "TERM ", "4294967311", "SIGSIGTERM"}) {
    BOOST_TEST(!parse_signal(bad), bad);
  }
}

BOOST_AUTO_TEST_CASE(every_number_has_a_name_that_leads_back) {
  for (int number = 1; number <= kMaxSignal; ++number) {
    if (number == 32 || number == 33) continue;   // glibc's own, without a name
    BOOST_TEST(parse_signal(signal_name(number)).value() == number);
  }
  BOOST_TEST(signal_name(15) == "SIGTERM");
  BOOST_TEST(signal_name(6) == "SIGABRT");
  BOOST_TEST(signal_name(37) == "SIGRTMIN+3");
  BOOST_TEST(signal_name(33) == "SIG33");
}

BOOST_AUTO_TEST_CASE(a_mistyped_name_is_answered_with_the_nearest) {
  BOOST_TEST(parse_signal("SIGTREM", "--stop-signal").error().line() ==
             "--stop-signal: SIGTREM: no such signal; did you mean TERM?");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_exit_status)

BOOST_AUTO_TEST_CASE(statuses_of_wait) {
  BOOST_TEST((ExitStatus::from_wait(W_EXITCODE(7, 0)) == ExitStatus{7, 0, false}));
  BOOST_TEST((ExitStatus::from_wait(W_EXITCODE(255, 0)) == ExitStatus{255, 0, false}));
  BOOST_TEST((ExitStatus::from_wait(W_EXITCODE(0, SIGKILL)) == ExitStatus{0, SIGKILL, false}));
  BOOST_TEST((ExitStatus::from_wait(SIGSEGV | WCOREFLAG) == ExitStatus{0, SIGSEGV, true}));
  BOOST_TEST(!ExitStatus::from_wait(W_STOPCODE(SIGTSTP)));
  BOOST_TEST(!ExitStatus::from_wait(0xFFFF));   // continued
  BOOST_TEST((ExitStatus{7, 0, false}.to_shell()) == 7);
  BOOST_TEST((ExitStatus{0, SIGTERM, false}.to_shell()) == 143);
  BOOST_TEST((ExitStatus{0, 64, true}.to_shell()) == 192);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_capabilities)

BOOST_AUTO_TEST_CASE(names_numbers_and_the_dropped_set) {
  BOOST_TEST(capability_name(0) == "CAP_CHOWN");
  BOOST_TEST(capability_name(21) == "CAP_SYS_ADMIN");
  BOOST_TEST(capability_name(40) == "CAP_CHECKPOINT_RESTORE");
  BOOST_TEST(capability_name(41) == "CAP_41");
  BOOST_TEST(capability_name(-1) == "CAP_-1");
  for (int number = 0; number < kCapabilities; ++number)
    BOOST_TEST(capability_number(capability_name(number)).value() == number);
  BOOST_TEST(capability_number("sys_admin").value() == 21);
  BOOST_TEST(!capability_number("CAP_NOPE"));
  BOOST_TEST(!capability_number(""));
  // linux/capability.h: 9 16 17 22 25 30 32 33 34 35 36 37 38 39
  std::uint64_t expected = 0;
  for (const int number : {9, 16, 17, 22, 25, 30, 32, 33, 34, 35, 36, 37, 38, 39}) expected |= 1ULL << number;
  BOOST_TEST(host_root_dropped() == expected);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_path)

BOOST_AUTO_TEST_CASE(a_command_with_a_slash_is_itself) {
  BOOST_TEST(candidates("/bin/ls", "/x").paths == (Strings{"/bin/ls"}));
  BOOST_TEST(candidates("./ls", "/x").paths == (Strings{"./ls"}));
  BOOST_TEST(candidates("a/", "/x").paths == (Strings{"a/"}));
  BOOST_TEST(candidates(std::string(5000, '/'), "/x").paths == (Strings{std::string(5000, '/')}));
}

BOOST_AUTO_TEST_CASE(each_entry_of_the_path_is_tried) {
  BOOST_TEST(candidates("ls", "/bin:/usr/bin").paths == (Strings{"/bin/ls", "/usr/bin/ls"}));
  BOOST_TEST(candidates("ls", "/bin/").paths == (Strings{"/bin/ls"}));
  BOOST_TEST(candidates("ls", ":/bin::x:").paths == (Strings{"./ls", "/bin/ls", "./ls", "x/ls", "./ls"}));
  BOOST_TEST(candidates("ls", "").paths == (Strings{"./ls"}));
}

BOOST_AUTO_TEST_CASE(what_the_kernel_would_not_take_is_counted) {
  const std::string fits(kMaxPathLength - 3, 'x');
  const Candidates got = candidates("ls", fits + ":" + fits + "y:/bin:" + std::string(100'000, 'z'));
  BOOST_TEST(got.paths == (Strings{fits + "/ls", "/bin/ls"}));
  BOOST_TEST(got.paths[0].size() == kMaxPathLength);
  BOOST_TEST(got.too_long == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_mountinfo)

BOOST_AUTO_TEST_CASE(lines_as_proc_5_has_them) {
  const std::string text =
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
      "40 27 0:40 / /srv/a\\040b\\011c\\012d\\134e/proc ro shared:1 - proc none rw\n"
      "41 27 0:41 /sys /proc/sys ro - proc proc rw\n"
      "42 27 0:42 / /x rw - fuse.\\043y none rw\n";
  const auto entries = parse_mountinfo(text);
  BOOST_REQUIRE(entries.size() == 5U);
  BOOST_TEST((entries[1] == MountEntry{36, 35, "/mnt1", "/mnt2", "rw,noatime", "ext3", "/dev/root"}));
  BOOST_TEST(entries[2].target == "/srv/a b\tc\nd\\e/proc");
  BOOST_TEST(entries[4].fstype == "fuse.#y");
  BOOST_TEST(proc_mounts(text) == (Strings{"/proc", "/srv/a b\tc\nd\\e/proc", "/proc/sys"}));
}

BOOST_AUTO_TEST_CASE(what_is_no_line_is_skipped) {
  BOOST_TEST(parse_mountinfo("").empty());
  BOOST_TEST(parse_mountinfo("\n\n - \nx y z\n").empty());
  BOOST_TEST(parse_mountinfo("22 27 0:21 / /proc rw,relatime proc proc rw").empty());   // no dash
  BOOST_TEST(parse_mountinfo("22 27 0:21 / /proc rw - proc").empty());                  // cut off
  BOOST_TEST(parse_mountinfo("-22 27 0:21 / /proc rw - proc proc rw").empty());
  const auto odd = parse_mountinfo("1 1 0:1 / /a\\04\\999\\ rw - t s o");
  BOOST_REQUIRE(odd.size() == 1U);
  BOOST_TEST(odd[0].target == "/a\\04\\999\\");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_user)

const std::string kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "# comment:x:5:5::/:\n"
    "bob:x:1000:1001:Bob:/home/bob:/bin/sh\n"
    "crlf:x:1002:1002::/home/crlf:/bin/sh\r\n"
    "nohome:x:1003:1003:::\n"
    "short:x:1004:1004\n"
    "emptyuid:x::0::/:\n"
    "negative:x:-1:0::/:\n"
    "plus:x:+0:0::/:\n"
    "spaced:x: 0:0::/:\n"
    "huge:x:4294967295:0::/:\n"
    "wide:x:99999999999:0::/:\n"
    "badgid:x:1005:x::/:\n"
    "nogid:x:1006\n"
    "+nis:x:0:0::/:\n"
    "+::::::\n"
    ":x:0:0::/:\n"
    "0:x:4242:4242::/:\n"
    "bob:x:0:0:again:/root:/bin/sh\n";
const std::string kGroup =
    "root:x:0:\n"
    "bob:x:1001:\n"
    "adm:x:4:syslog,bob\n"
    "dup:x:4:bob\n"
    "notbob:x:5:bobby,xbob\n"
    "video:x:44:bob,bob\n"
    "broken:x::bob\n"
    "huge:x:4294967295:bob\n"
    "wheel:x:10:root\n";

BOOST_AUTO_TEST_CASE(names_and_numbers) {
  const User bob = resolve_user("bob", kPasswd, kGroup).value();
  BOOST_TEST(bob.uid == 1000U);
  BOOST_TEST(bob.gid == 1001U);
  BOOST_TEST(bob.groups == (std::vector<std::uint32_t>{1001, 4, 44}));
  BOOST_TEST(bob.home == "/home/bob");
  BOOST_TEST(bob.name == "bob");
  const User number = resolve_user("1000", kPasswd, kGroup).value();
  BOOST_TEST(number.name == "bob");
  BOOST_TEST(number.groups == bob.groups);
  const User root = resolve_user("0", kPasswd, kGroup).value();
  BOOST_TEST(root.name == "root");   // the uid, not the user that is called "0"
  BOOST_TEST(root.uid == 0U);
  BOOST_TEST(root.groups == (std::vector<std::uint32_t>{0, 10}));
}

BOOST_AUTO_TEST_CASE(with_a_group_there_are_no_others) {
  const User bob = resolve_user("bob:video", kPasswd, kGroup).value();
  BOOST_TEST(bob.uid == 1000U);
  BOOST_TEST(bob.gid == 44U);
  BOOST_TEST(bob.groups == (std::vector<std::uint32_t>{44}));
  const User numbers = resolve_user("1:2", "", "").value();
  BOOST_TEST(numbers.uid == 1U);
  BOOST_TEST(numbers.gid == 2U);
  BOOST_TEST(numbers.groups == (std::vector<std::uint32_t>{2}));
}

BOOST_AUTO_TEST_CASE(groups_besides) {
  const User bob = resolve_user("bob:77", {"video", "5", "77"}, kPasswd, kGroup).value();
  BOOST_TEST(bob.groups == (std::vector<std::uint32_t>{77, 44, 5}));
  const auto none = resolve_user("bob", {"nosuch"}, kPasswd, kGroup);
  BOOST_REQUIRE(!none.has_value());
  BOOST_TEST(none.error().line() ==
             "--group-add: nosuch: no such group in /etc/group; give a group that is there, or a number");
  BOOST_TEST(!resolve_user("bob", {"4294967295"}, kPasswd, kGroup).has_value());
}

BOOST_AUTO_TEST_CASE(a_number_need_not_be_in_the_file) {
  const User user = resolve_user("4294967294", kPasswd, kGroup).value();
  BOOST_TEST(user.uid == 4294967294U);
  BOOST_TEST(user.gid == 0U);
  BOOST_TEST(user.groups == (std::vector<std::uint32_t>{0}));
  BOOST_TEST(user.home == "/");
  BOOST_TEST(user.name.empty());
}

BOOST_AUTO_TEST_CASE(homes) {
  BOOST_TEST(resolve_user("crlf", kPasswd, kGroup).value().home == "/home/crlf");
  BOOST_TEST(resolve_user("nohome", kPasswd, kGroup).value().home == "/");
  BOOST_TEST(resolve_user("short", kPasswd, kGroup).value().home == "/");
}

BOOST_AUTO_TEST_CASE(nobody_becomes_root_by_mistake) {
  for (const std::string& bad : {""s,
                                 ":"s,
                                 "1:"s,
                                 ":1"s,
                                 "::"s,
                                 "1:2:3"s,
                                 "+1"s,
                                 "-1"s,
                                 "+0"s,
                                 " 0"s,
                                 "0 "s,
                                 "0x0"s,
                                 "4294967295"s,
                                 "4294967296"s,
                                 "18446744073709551616"s,
                                 "1:4294967295"s,
                                 "1:+0"s,
                                 "1:-0"s,
                                 "1: "s,
                                 "nobody"s,
                                 "emptyuid"s,
                                 "negative"s,
                                 "plus"s,
                                 "spaced"s,
                                 "huge"s,
                                 "wide"s,
                                 "badgid"s,
                                 "nogid"s,
                                 "+nis"s,
                                 "+"s,
                                 "#"s,
                                 "# comment"s,
                                 "bob:broken"s,
                                 "bob:huge"s,
                                 "bob:nosuch"s,
                                 "0\0"s,
                                 "bob\0"s,
                                 "0\n"s}) {
    const auto got = resolve_user(bad, kPasswd, kGroup);
    BOOST_TEST(!got, bad);
    if (!got) {
      BOOST_TEST(got.error().code == "E_USER");
      BOOST_TEST(got.error().status == 125);
    }
  }
  BOOST_TEST(!resolve_user("x", "x:x:0:0::/:\0"s, ""));   // a NUL in the line
  BOOST_TEST(!resolve_user("x", "\nx\nx:\nx::\n", ""));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_env)

Spec with(std::vector<EnvEntry> entries, bool tty = false, bool clear = false) {
  Spec spec;
  spec.env = std::move(entries);
  spec.tty = tty;
  spec.clear_env = clear;
  return spec;
}

BOOST_AUTO_TEST_CASE(entries) {
  BOOST_TEST((parse_env_entry("K=V").value() == EnvEntry{"K", "V"}));
  BOOST_TEST((parse_env_entry("K").value() == EnvEntry{"K", std::nullopt}));
  BOOST_TEST((parse_env_entry("K=").value() == EnvEntry{"K", ""}));
  BOOST_TEST((parse_env_entry("K=a=b").value() == EnvEntry{"K", "a=b"}));
  BOOST_TEST((parse_env_entry("K=\xFF\n").value() == EnvEntry{"K", "\xFF\n"}));
  for (const std::string& bad : {""s, "="s, "=V"s, "K=a\0b"s}) BOOST_TEST(!parse_env_entry(bad), bad);
}

BOOST_AUTO_TEST_CASE(files_as_docker_reads_them) {
  const auto got = parse_env_file(
      "\xEF\xBB\xBF"
      "A=1\r\n# comment\n\n   \n  #not this\nB=\"quoted\" # kept\nC\n\t D= $HOME  \nE=\nF=x=y\nLAST=no newline",
      "f.env");
  BOOST_REQUIRE(got);
  const std::vector<EnvEntry> expected{
      {"A", "1"},   {"B", "\"quoted\" # kept"}, {"C", std::nullopt}, {"D", " $HOME  "}, {"E", ""},
      {"F", "x=y"}, {"LAST", "no newline"}};
  BOOST_TEST((*got == expected));
  BOOST_TEST(parse_env_file("", "f").value().empty());
}

BOOST_AUTO_TEST_CASE(wrong_lines_are_named) {
  BOOST_TEST(parse_env_file("A=1\n\nB C=2\n", "f.env")
                 .error()
                 .line()
                 .starts_with("f.env:3: B C: a name cannot contain blanks"));
  BOOST_TEST(parse_env_file("A =1", "f").error().line().starts_with("f:1: "));
  BOOST_TEST(parse_env_file("\n=1", "f").error().line().starts_with("f:2: =1: the name is missing"));
  BOOST_TEST(parse_env_file("A=\0"s, "f").error().line().starts_with("f:1: "));
  BOOST_TEST(parse_env_file("A=1\nB\0C"s, "a\nb").error().line().starts_with("a\\x0ab:2: "));
}

BOOST_AUTO_TEST_CASE(the_callers_environment_is_the_start) {
  const Strings caller{"PATH=/bin", "A=1", "junk", "=x", "A=2", "B="};
  BOOST_TEST(build_environment(with({}), caller, {}) == (Strings{"PATH=/bin", "A=2", "B=", "container=sup"}));
  BOOST_TEST(build_environment(with({{"A", "3"}, {"N", "x"}, {"A", "4"}}), caller, {}) ==
             (Strings{"PATH=/bin", "A=4", "B=", "N=x", "container=sup"}));
}

BOOST_AUTO_TEST_CASE(a_name_alone_takes_the_callers_value_or_goes) {
  const Strings caller{"A=1"};
  BOOST_TEST(build_environment(with({{"A", {}}, {"B", {}}}, false, true), caller, {}) ==
             (Strings{"PATH=" + std::string(kDefaultPath), "A=1", "container=sup"}));
  BOOST_TEST(build_environment(with({{"B", "1"}, {"B", {}}}), caller, {}) == (Strings{"A=1", "container=sup"}));
  BOOST_TEST(build_environment(with({{"A", "9"}, {"A", {}}}), caller, {}) == (Strings{"A=1", "container=sup"}));
}

BOOST_AUTO_TEST_CASE(term_comes_with_a_tty) {
  BOOST_TEST(env_value(build_environment(with({}, true), {"TERM=vt100"}, {}), "TERM").value() == "vt100");
  BOOST_TEST(env_value(build_environment(with({}, true), {}, {}), "TERM").value() == "xterm");
  BOOST_TEST(env_value(build_environment(with({}, true, true), {"TERM=vt100"}, {}), "TERM").value() == "vt100");
  BOOST_TEST(env_value(build_environment(with({}, true, true), {"TERM="}, {}), "TERM").value() == "xterm");
  BOOST_TEST(env_value(build_environment(with({{"TERM", "foo"}}, true), {"TERM=vt100"}, {}), "TERM").value() == "foo");
  BOOST_TEST(!env_value(build_environment(with({}, false, true), {"TERM=vt100"}, {}), "TERM"));
}

BOOST_AUTO_TEST_CASE(home_is_the_users_unless_said_otherwise) {
  const Strings caller{"HOME=/root"};
  BOOST_TEST(build_environment(with({}), caller, {}) == (Strings{"HOME=/root", "container=sup"}));
  BOOST_TEST(build_environment(with({}), caller, "/home/bob") == (Strings{"HOME=/home/bob", "container=sup"}));
  BOOST_TEST(build_environment(with({{"HOME", "/x"}}), caller, "/home/bob") == (Strings{"HOME=/x", "container=sup"}));
  BOOST_TEST(build_environment(with({{"HOME", {}}}), caller, "/home/bob") == (Strings{"HOME=/root", "container=sup"}));
}

BOOST_AUTO_TEST_CASE(container_is_always_sup) {
  BOOST_TEST(build_environment(with({{"container", "x"}}), {"container=docker"}, {}) == (Strings{"container=sup"}));
  BOOST_TEST(build_environment(with({{"container", {}}}), {}, {}) == (Strings{"container=sup"}));
}

BOOST_AUTO_TEST_CASE(values_are_found_by_the_whole_name) {
  const Strings environment{"AB=1", "A=2", "A=3", "A", ""};
  BOOST_TEST(env_value(environment, "A").value() == "3");
  BOOST_TEST(!env_value(environment, "B"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_check)

Spec good() {
  Spec spec;
  spec.argv = {"true"};
  return spec;
}

// The line that check() answers a changed spec with; "" when it accepts it.
template <typename Change>
std::string verdict(Change change) {
  Spec spec = good();
  change(spec);
  const auto got = check(spec);
  return got ? "" : got.error().line();
}

BOOST_AUTO_TEST_CASE(the_command) {
  BOOST_TEST(check(good()).has_value());
  Spec spec;
  BOOST_TEST(check(spec).error().line().starts_with("run: Missing container command"));
  BOOST_TEST(check(spec).error().status == 125);
  spec.argv = {""};
  BOOST_TEST(check(spec).error().status == 127);
  BOOST_TEST(check(spec).error().line().find("empty command") != std::string::npos);
  spec.argv = {"x", ""};
  BOOST_TEST(check(spec).has_value());
}

BOOST_AUTO_TEST_CASE(names_and_host_names) {
  for (const std::string& name : {"a"s, "web-1"s, "A_b.c"s, "0"s}) {
    BOOST_TEST(verdict([&](Spec& s) { s.name = name; }) == "");
    BOOST_TEST(verdict([&](Spec& s) { s.hostname = name; }) == "");
  }
  for (const std::string& name : {"-a"s, ".a"s, "a/b"s, "a b"s, "../x"s, "a\n"s, "ü"s, "a\0"s, "\x1b"s}) {
    BOOST_TEST(verdict([&](Spec& s) { s.name = name; }).starts_with("--name: "), name);
    BOOST_TEST(verdict([&](Spec& s) { s.hostname = name; }).starts_with("--hostname: "), name);
  }
  BOOST_TEST(verdict([&](Spec& s) { s.hostname = std::string(64, 'h'); }) == "");
  BOOST_TEST(verdict([&](Spec& s) { s.hostname = std::string(65, 'h'); }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.hostname = "a..b"; }) != "");
}

BOOST_AUTO_TEST_CASE(ranges) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  BOOST_TEST(verdict([](Spec& s) { s.preserve_fds = 1024; }) == "");
  BOOST_TEST(verdict([](Spec& s) { s.preserve_fds = 1025; }).starts_with("--preserve-fds: 1025: "));
  BOOST_TEST(verdict([](Spec& s) { s.preserve_fds = -1; }) != "");
  BOOST_TEST(verdict([](Spec& s) { s.stop_signal = 0; }) != "");
  BOOST_TEST(verdict([](Spec& s) { s.stop_signal = 65; }) != "");
  BOOST_TEST(verdict([](Spec& s) { s.stop_timeout = milliseconds(0); }) == "");
  BOOST_TEST(verdict([](Spec& s) { s.stop_timeout = milliseconds(-1); }) != "");
  BOOST_TEST(verdict([](Spec& s) { s.stop_timeout = hours(24 * 40000); }) != "");
  BOOST_TEST(verdict([](Spec& s) { s.timeout = milliseconds(1); }) == "");
  BOOST_TEST(verdict([](Spec& s) { s.timeout = milliseconds(0); }) != "");
  BOOST_TEST(verdict([](Spec& s) { s.record = "f"; }) == "--record: f: there is no terminal to record; add -t");
  BOOST_TEST(verdict([](Spec& s) { s.record = "f", s.tty = true; }) == "");
}

BOOST_AUTO_TEST_CASE(a_nul_byte_is_refused_everywhere) {
  const std::string nul("a\0b", 3);
  BOOST_TEST(verdict([&](Spec& s) { s.argv = {nul}; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.argv = {"x", nul}; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.env = {{nul, "x"}}; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.env = {{"x", nul}}; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.env = {{"a=b", "x"}}; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.env = {{"", "x"}}; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.workdir = nul; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.user = nul; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.pidfile = nul; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.cidfile = nul; }) != "");
  BOOST_TEST(verdict([&](Spec& s) { s.record = nul, s.tty = true; }) != "");
}

BOOST_AUTO_TEST_SUITE_END()
