// The flags of run, one by one.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

bool line_in(const std::string& text, const std::string& line) {
  const auto all = lines(text);
  return std::find(all.begin(), all.end(), line) != all.end();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(options, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(the_callers_environment_and_container) {
  Start start;
  start.env = {"MINE=as given", "EMPTY="};
  const auto result = sup_run({probe_path(), "env"}, start);
  BOOST_TEST(line_in(result.out, "MINE=as given"), result.out);
  BOOST_TEST(line_in(result.out, "EMPTY="), result.out);
  BOOST_TEST(line_in(result.out, "container=sup"), result.out);
}

BOOST_AUTO_TEST_CASE(e_sets_copies_and_the_last_wins) {
  Start start;
  start.env = {"CALLER=his", "OLD=1"};
  const auto result = sup_run({"-e", "A=1", "-e", "A=2", "-e", "CALLER", "-e", "NOBODYS", "--env", "OLD=new=er",
                               "--env=B=", probe_path(), "env"},
                              start);
  BOOST_TEST(line_in(result.out, "A=2"), result.out);
  BOOST_TEST(!line_in(result.out, "A=1"));
  BOOST_TEST(line_in(result.out, "CALLER=his"));
  BOOST_TEST(line_in(result.out, "OLD=new=er"));
  BOOST_TEST(line_in(result.out, "B="));
  BOOST_TEST(!has(result.out, "NOBODYS"));
}

BOOST_AUTO_TEST_CASE(env_file_and_e_in_their_order) {
  const auto path = write_file("env", "# a comment\n\nFROM_FILE=yes\nQUOTED=\"kept\"\nBOTH=file\nCALLER\n");
  Start start;
  start.env = {"CALLER=his"};
  const auto result = sup_run({"--clear-env", "--env-file", path, "-e", "BOTH=flag", probe_path(), "env"}, start);
  BOOST_TEST(line_in(result.out, "FROM_FILE=yes"), result.out);
  BOOST_TEST(line_in(result.out, "QUOTED=\"kept\""), result.out);
  BOOST_TEST(line_in(result.out, "BOTH=flag"), result.out);
  BOOST_TEST(line_in(result.out, "CALLER=his"), result.out);
  BOOST_TEST(!has(result.out, "comment"));
  const auto missing = sup_run({"--env-file", dir() + "/none", "true"});
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(lines(missing.err).size() == 1U);
  BOOST_TEST(has(missing.err, dir() + "/none"), missing.err);
}

BOOST_AUTO_TEST_CASE(clear_env_leaves_only_what_is_always_set) {
  Start start;
  start.env = {"SECRET=1"};
  const auto result = sup_run({"--clear-env", probe_path(), "env"}, start);
  BOOST_TEST(line_in(result.out, "container=sup"), result.out);
  BOOST_TEST(!has(result.out, "SECRET"));
  BOOST_TEST(!has(result.out, "HOME="));
  const auto tty = sup_run({"--clear-env", "-t", probe_path(), "env"});
  BOOST_TEST(has(tty.out, "TERM="), tty.out);
  // A command is still found by its name.
  BOOST_TEST(sup_run({"--clear-env", "true"}).code == 0);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_pass_unchanged) {
  Start start;
  start.env = {"ODD=\xff\xfe"};
  const auto arguments = sup_run({probe_path(), "argv", "\xff\x80", "", "a b", "ünï", "\n\t\x1b"}, start);
  BOOST_TEST(arguments.out == "arg ff80\narg \narg 612062\narg c3bc6ec3af\narg 0a091b\n", arguments.out);
  const auto env = sup_run({"-e", "NEW=\x80", probe_path(), "env", "hex"}, start);
  BOOST_TEST(has(env.out, "env 4f44443dfffe\n"), env.out);
  BOOST_TEST(has(env.out, "env 4e45573d80\n"), env.out);
}

BOOST_AUTO_TEST_CASE(workdir) {
  BOOST_TEST(value(sup_run({probe_path(), "cwd"}).out, "cwd") == dir());
  BOOST_TEST(value(sup_run({"-w", "/usr/bin", probe_path(), "cwd"}).out, "cwd") == "/usr/bin");
  BOOST_TEST(value(sup_run({"--workdir=/", probe_path(), "cwd"}).out, "cwd") == "/");
  const auto missing = sup_run({"-w", "/no/such/dir", "true"});
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(lines(missing.err).size() == 1U, missing.err);
  BOOST_TEST(has(missing.err, "/no/such/dir"), missing.err);
  BOOST_TEST(sup_run({"-w", "/etc/passwd", "true"}).code == 125);
}

BOOST_AUTO_TEST_CASE(hostname_is_the_id_or_as_asked) {
  const auto result = sup_run({probe_path(), "hostname"});
  const auto id = Events(result.events).first("starting").text("/id");
  BOOST_TEST(id.size() == 12U);
  BOOST_TEST(value(result.out, "hostname") == id);
  BOOST_TEST(value(sup_run({"-h", "web.example", probe_path(), "hostname"}).out, "hostname") == "web.example");
  BOOST_TEST(sup_run({"--hostname", std::string(65, 'h'), "true"}).code == 125);
}

BOOST_AUTO_TEST_CASE(a_name_is_in_every_event_and_must_be_one) {
  const auto result = sup_run({"--name", "web-1", "true"});
  BOOST_TEST(result.code == 0);
  for (const auto& event : Events(result.events).all()) {
    if (event.has("/id")) BOOST_TEST(event.text("/name") == "web-1", event.line());
  }
  for (const char* bad : {"", ".hidden", "-x", "a/b", "a b", "../x", "a\nb", "\xff"}) {
    BOOST_TEST(sup_run({std::string("--name=") + bad, "true"}).code == 125, "--name=" << shown(bad));
  }
}

BOOST_AUTO_TEST_CASE(pidfile_while_it_runs_and_gone_after) {
  Start start;
  start.args = {"run", "--pidfile", "pid.txt", "--cidfile", "cid.txt", probe_path(), "sigwatch", "1"};
  Process process(start);
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  process.wait_event("\"started\"");
  // Told first, then written.
  process.wait_until([] { return exists(dir() + "/pid.txt"); }, "the pidfile");
  const auto started = Events(process.events()).first("started");
  BOOST_TEST(trimmed(read_text(dir() + "/pid.txt")) == started.text("/pid"));
  BOOST_TEST(trimmed(read_text(dir() + "/cid.txt")) == started.text("/id"));
  process.signal(SIGUSR1);
  BOOST_TEST(process.wait().code() == 42);
  BOOST_TEST(!exists(dir() + "/pid.txt"));
  const auto bad = sup_run({"--pidfile", "/no/such/dir/pid", probe_path(), "exit", "3"});
  BOOST_TEST(bad.code == 125);
}

BOOST_AUTO_TEST_CASE(preserve_fds) {
  const auto path = write_file("kept", "x");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  Start start;
  start.fds = {{fd, 3}, {fd, 4}, {fd, 5}};
  for (const char* flag : {"--sig-proxy", "--init", "-t"}) {
    const auto result = sup_run({flag, "--preserve-fds", "2", probe_path(), "fds"}, start);
    BOOST_TEST(has(result.out, "fd 3 " + path), result.out);
    BOOST_TEST(has(result.out, "fd 4 " + path), result.out);
    BOOST_TEST(!has(result.out, "fd 5 "), result.out);
    BOOST_TEST(lines(result.out).size() == 5U, result.out);
  }
  ::close(fd);
  const auto missing = sup_run({"--preserve-fds", "3", "true"});
  BOOST_TEST(missing.code == 125, "descriptors that are not open: " << missing.code << missing.err);
}

BOOST_AUTO_TEST_CASE(user_by_number_and_name) {
  if (as_user()) {
    // By name only: what he does is still done by him.
    const auto other = sup_run({"-u", "1234", "sh", "-c", "id -u; echo x > made"});
    if (other.code == 125) {
      BOOST_TEST(lines(other.err).size() == 1U, other.err);
      return;
    }
    BOOST_TEST(other.out == "1234\n", other.err);
    struct stat facts{};
    BOOST_TEST_REQUIRE(::stat((dir() + "/made").c_str(), &facts) == 0);
    BOOST_TEST(facts.st_uid == uid());
    return;
  }
  const auto number = sup_run({"-u", "1234:5678", probe_path(), "id"});
  BOOST_TEST(value(number.out, "uid") == "1234 1234 1234", number.out + number.err);
  BOOST_TEST(value(number.out, "gid") == "5678 5678 5678");
  const auto nobody = sup_run({"-u", "nobody", probe_path(), "id"});
  const passwd* entry = ::getpwnam("nobody");
  BOOST_TEST_REQUIRE(entry != nullptr);
  BOOST_TEST(value(nobody.out, "uid").starts_with(std::to_string(entry->pw_uid) + " "), nobody.out + nobody.err);
  BOOST_TEST(value(nobody.out, "gid").starts_with(std::to_string(entry->pw_gid) + " "), nobody.out);
  BOOST_TEST(!has(value(nobody.out, "groups"), " 0 "), "root's groups: " << nobody.out);
  BOOST_TEST(value(sup_run({"-u", "daemon:nogroup", probe_path(), "id"}).out, "gid")
                 .starts_with(std::to_string(::getgrnam("nogroup")->gr_gid) + " "));
  const auto caps = sup_run({"-u", "1234", probe_path(), "caps"});
  BOOST_TEST(value(caps.out, "CapEff:") == "0000000000000000", caps.out);
}

BOOST_AUTO_TEST_CASE(a_user_that_is_none_is_refused) {
  for (const char* bad :
       {"no-such-user", "4294967295", "-1", "1x", "1:", ":", "root:no-such-group", "99999999999999999999"}) {
    const auto result = sup_run({std::string("--user=") + bad, probe_path(), "id"});
    BOOST_TEST(result.code == 125, "--user=" << bad << ": " << result.code << " " << result.out);
    BOOST_TEST(lines(result.err).size() == 1U, result.err);
  }
}

BOOST_AUTO_TEST_CASE(path_is_searched_in_order) {
  const auto first = dir() + "/one";
  BOOST_TEST(
      sup_run({"sh", "-c",
               "mkdir one two; printf '#!/bin/sh\\necho first\\n' > two/tool; chmod +x two/tool; echo text > one/tool"})
          .code == 0);
  Start start;
  start.env = {"PATH=" + dir() + "/none:" + first + ":" + dir() + "/two:/usr/bin:/bin"};
  const auto result = sup_run({"tool"}, start);
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out == "first\n");
  // -e PATH is the PATH that counts.
  const auto by_flag = sup_run({"-e", "PATH=" + dir() + "/two:/usr/bin:/bin", "tool"});
  BOOST_TEST(by_flag.out == "first\n", by_flag.err);
}

BOOST_AUTO_TEST_CASE(options_end_at_the_command) {
  const auto result = sup_run({probe_path(), "argv", "-t", "--init", "--", "--help"});
  BOOST_TEST(result.out == "arg 2d74\narg 2d2d696e6974\narg 2d2d\narg 2d2d68656c70\n");
  BOOST_TEST(sup_run({"--", probe_path(), "exit", "4"}).code == 4);
  for (const char* cluster : {"-ti", "-it"})
    BOOST_TEST(has(sup_run({cluster, probe_path(), "streams"}).out, "stream 0 tty"));
  BOOST_TEST(has(sup_run({"--tty", "--interactive", probe_path(), "streams"}).out, "stream 0 tty"));
}

BOOST_AUTO_TEST_CASE(an_empty_value_does_not_take_the_command) {
  for (const char* option : {"--hostname=", "--user=", "--workdir=", "--pidfile=", "--cidfile=", "--detach-keys="}) {
    const auto result = sup_run({"-e", "A=1", option, "/bin/echo", "--name=", "ran"});
    BOOST_TEST(result.code == 0, option << ": " << shown(result.err));
    BOOST_TEST(result.out == "--name= ran\n", option);
  }
}

BOOST_AUTO_TEST_CASE(a_pidfile_that_cannot_be_is_refused_first) {
  for (const std::string& path : {dir(), dir() + "/", dir() + "/nosuch/pid"}) {
    const auto result = sup_run({"--pidfile", path, "/bin/echo", "ran"});
    BOOST_TEST(result.code == 125, path);
    BOOST_TEST(result.out.empty());
    BOOST_TEST(has(result.err, "--pidfile"), result.err);
  }
}

BOOST_AUTO_TEST_CASE(status_fd_tells_of_a_start_that_never_was) {
  const std::string path = dir() + "/status";
  const sup::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  Start start;
  start.fds = {{fd.get(), 3}};
  BOOST_TEST(sup_run({"--status-fd", "3", "-t", "--record", dir() + "/nosuch/cast", "/bin/true"}, start).code == 125);
  BOOST_TEST(has(read_text(path), "\"origin\":\"sup\""), read_text(path));
  BOOST_TEST(has(read_text(path), "\"code\":\"E_RECORD\""), read_text(path));
}

BOOST_AUTO_TEST_SUITE_END()
