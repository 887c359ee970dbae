// Where the events go, and what they never do. That each line is good is checked after every case.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Result with_dest(const std::vector<std::string>& global, std::vector<std::string> args, Start start = {}) {
  start.events = false;
  std::vector<std::string> all = global;
  all.insert(all.end(), args.begin(), args.end());
  return sup_cli(all, start);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(events, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(default_is_stderr) {
  const auto result = with_dest({}, {"run", "echo", "hi"});
  BOOST_TEST(result.out == "hi\n");
  const Events events(result.err);
  BOOST_TEST(events.count("starting") == 1U);
  BOOST_TEST(events.count("exited") == 1U);
  check_events(result.err, "stderr");
}

BOOST_AUTO_TEST_CASE(stdout_none_fd_file_and_environment) {
  const auto out = with_dest({"--events", "stdout"}, {"run", "true"});
  check_events(out.out, "stdout");
  BOOST_TEST(Events(out.out).count("exited") == 1U);
  const auto none = with_dest({"--events", "none"}, {"run", "sh", "-c", "exit 3"});
  BOOST_TEST(none.code == 3);
  BOOST_TEST(none.out.empty());
  BOOST_TEST(none.err.empty(), none.err);
  const auto path = dir() + "/log";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  Start start;
  start.fds = {{fd, 9}};
  const auto by_fd = with_dest({"--events", "fd:9"}, {"run", probe_path(), "fds"}, start);
  ::close(fd);
  BOOST_TEST(by_fd.code == 0, by_fd.err);
  BOOST_TEST(!has(by_fd.out, "fd 9 "));
  check_events(read_text(path), "fd:9");
  BOOST_TEST(Events(read_text(path)).count("exited") == 1U);
  Start by_env;
  by_env.env = {"SUP_EVENTS=" + dir() + "/by-env"};
  BOOST_TEST(with_dest({}, {"run", "true"}, by_env).err.empty());
  BOOST_TEST(Events(read_text(dir() + "/by-env")).count("exited") == 1U);
  check_events(read_text(dir() + "/by-env"), "$SUP_EVENTS");
}

BOOST_AUTO_TEST_CASE(a_destination_that_is_none) {
  for (const char* bad : {"fd:99", "fd:x", "fd:-1", "/no/such/dir/log", "/"}) {
    const auto result = with_dest({"--events", bad}, {"run", "true"});
    BOOST_TEST(result.code == 125, "--events " << bad << " gave " << result.code);
    BOOST_TEST(lines(result.err).size() == 1U, result.err);
  }
}

// A number that the caller has not opened becomes one of sup's own: whatever is there then, it is not taken for the caller's.
BOOST_AUTO_TEST_CASE(a_descriptor_of_ours_is_nobody_elses) {
  for (int fd = 3; fd < 16; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) continue;  // who runs the tests has left it open for all
    const auto number = std::to_string(fd);
    Start by_env;
    by_env.env = {"SUP_EVENTS=fd:" + number};
    for (const auto& result :
         {with_dest({}, {"run", "true"}, by_env), with_dest({"--events", "fd:" + number}, {"run", "true"}),
          with_dest({"--events", "fd:" + number}, {"daemon", "--idle-exit", "1"}),
          with_dest({}, {"run", "--status-fd", number, "true"})}) {
      BOOST_TEST(result.code == 125, fd);
      BOOST_TEST(has(result.err, "open"), fd << ": " << shown(result.err));
    }
    BOOST_TEST(with_dest({"--events", "fd:" + number}, {"run", "--no-such-option"}).code == 125);
  }
}

BOOST_AUTO_TEST_CASE(quiet_says_nothing_of_a_good_run) {
  const auto result = with_dest({"-q"}, {"run", "echo", "hi"});
  BOOST_TEST(result.out == "hi\n");
  BOOST_TEST(result.err.empty(), result.err);
  const auto failed = with_dest({"-q"}, {"run", "no-such-command-anywhere"});
  BOOST_TEST(failed.code == 127);
  BOOST_TEST(has(failed.err, "no-such-command-anywhere"));
}

BOOST_AUTO_TEST_CASE(an_error_is_both_a_line_and_an_event) {
  const auto result = sup_run({"-w", "/no/such/dir", "true"});
  BOOST_TEST(result.code == 125);
  const Events events(result.events);
  BOOST_TEST(events.codes().starts_with("E_"), events.codes());
  BOOST_TEST(events.first("failed").has("/stage"), result.events);
  BOOST_TEST(events.first("failed").number("/errno") == 2, result.events);
}

BOOST_AUTO_TEST_CASE(the_cause_of_each_is_given) {
  const auto result = sup_run({probe_path(), "exit", "1"});
  const Events events(result.events);
  BOOST_TEST_REQUIRE(events.count("exited") == 1U);
  BOOST_TEST(events.first("started").number("/cause") == events.first("starting").number("/seq"));
  BOOST_TEST(events.first("exited").number("/cause") == events.first("started").number("/seq"));
}

BOOST_AUTO_TEST_CASE(two_in_one_file_keep_their_lines_whole) {
  // Each has its own seq, so only the lines themselves are looked at.
  const auto path = dir() + "/shared-log";
  Start start;
  start.program = "/bin/sh";
  start.args = {"-c", "for i in 1 2 3 4 5 6 7 8; do \"$0\" --events \"$1\" run true & done; wait", sup_path(), path};
  BOOST_TEST(run(start).code == 0);
  for (const auto& line : lines(read_text(path))) BOOST_TEST(is_json(line), shown(line));
  BOOST_TEST(Events(read_text(path)).count("exited") == 8U);
}

BOOST_AUTO_TEST_CASE(hostile_strings) {  // B27
  const std::string parts[] = {"\n",
                               "\",\"event\":\"exited",
                               "\x1b[2J",
                               "\x1b]0;evil\x07",
                               "\xc2\x9b",
                               "\xe2\x80\xae",
                               "\xe2\x80\xa8",
                               "\xff",
                               "\r",
                               "\\",
                               "\"",
                               "{}",
                               std::string(70'000, 'A'),
                               "\xed\xa0\x80",
                               "\xf4\x90\x80\x80"};
  std::vector<std::string> hostile;
  for (const auto& a : parts) {
    for (const auto& b : parts) hostile.push_back("/x" + a.substr(0, 70'000) + b.substr(0, 3));
  }
  const long most = std::min<long>(static_cast<long>(hostile.size()), scaled(60));
  for (long i = 0; i < most; ++i) {
    const auto& text = hostile[static_cast<std::size_t>(i * static_cast<long>(hostile.size()) / most)];
    Start start;
    start.env = {"ODD=" + text.substr(0, 1000)};
    const auto result = sup_run({"-e", "N=" + text.substr(0, 1000), i % 2 == 0 ? text : "true", text}, start);
    BOOST_TEST((result.code == 0 || result.code == 127 || result.code == 126), result.code << shown(result.err));
    const auto all = lines(result.events);
    const Events events(result.events);
    BOOST_TEST(all.size() == events.size(), "a line that is no event: " << shown(result.events));
    BOOST_TEST(events.count("exited") + events.count("failed") >= 1U);
    BOOST_TEST(events.count("exited") <= 1U);
    for (const auto& line : all) {
      BOOST_TEST(line.size() <= 65536U, "a line of " << line.size() << " bytes");
      BOOST_TEST(std::all_of(line.begin(), line.end(), [](char c) { return c >= 32 && c < 127; }),
                 "not ASCII: " << shown(line));
    }
    // What goes to a person's terminal carries no control codes either.
    for (const char c : result.err) {
      if (c == '\n') continue;
      if (static_cast<unsigned char>(c) < 32 || c == 127) {
        BOOST_ERROR("a control code on stderr: " << shown(result.err));
        break;
      }
    }
    BOOST_TEST(lines(result.err).size() <= 1U, shown(result.err));
  }
  const auto hostname = sup_run({"-h", "a\n\x1b[2J", "true"});
  BOOST_TEST((hostname.code == 0 || hostname.code == 125));
}

BOOST_AUTO_TEST_CASE(a_log_that_is_a_trap_is_refused) {  // B29's kinds, as far as --events goes
  const auto target = write_file("target", "precious\n");
  BOOST_TEST_REQUIRE(::symlink(target.c_str(), (dir() + "/link").c_str()) == 0);
  BOOST_TEST_REQUIRE(::mkfifo((dir() + "/fifo").c_str(), 0666) == 0);
  if (as_user()) BOOST_TEST(::chown((dir() + "/fifo").c_str(), uid(), gid()) == 0);
  for (const char* name : {"/link", "/fifo"}) {
    const auto result = with_dest({"--events", dir() + name}, {"run", "true"});
    BOOST_TEST(result.code == 125, name << " gave " << result.code);
  }
  BOOST_TEST(read_text(target) == "precious\n");
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_not_silent) {
  const auto result = with_dest({"--events", "fd:1"}, {"run", "true"});
  BOOST_TEST(result.code == 0);
  Start start;
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  start.fds = {{full, 9}};
  const auto lost = with_dest({"--events", "fd:9"}, {"run", probe_path(), "exit", "3"}, start);
  ::close(full);
  BOOST_TEST(!lost.err.empty(), "events were lost and nobody was told");
  BOOST_TEST((lost.code == 3 || lost.code == 125), lost.code);
}

BOOST_AUTO_TEST_SUITE_END()
