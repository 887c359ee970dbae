// --init: a PID 1 that reaps, forwards and tells the truth.
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// Where sup keeps its init, as an installed or a built tree has it.
std::string init_path() {
  namespace fs = std::filesystem;
  const auto bin = fs::canonical(sup_path()).parent_path();
  for (const auto& path : {bin / "../libexec/sup/init", bin / "../init/init", bin / "init"}) {
    if (fs::exists(path)) return fs::canonical(path).string();
  }
  return {};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(init, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(without_it_the_command_is_pid_1) {
  const auto result = sup_run({probe_path(), "pid"});
  BOOST_TEST(has(result.out, "pid 1 ppid 0 "), result.out);
}

BOOST_AUTO_TEST_CASE(with_it_init_is_pid_1_from_memory) {
  const auto result = sup_run({"--init", probe_path(), "pid"});
  BOOST_TEST(!result.out.starts_with("pid 1 "), result.out);
  BOOST_TEST(has(result.out, " ppid 1 "), result.out);
  // An ordinary user's command is in a namespace below init's: it may not even look.
  const auto one = value(result.out, "one");
  BOOST_TEST((one.starts_with("/memfd:") || (as_user() && one == "?Permission denied")), result.out);
}

BOOST_AUTO_TEST_CASE(orphans_are_reaped) {
  const auto result = sup_run({"--init", probe_path(), "orphans", std::to_string(scaled(500))});
  BOOST_TEST(result.code == 0, result.out);
  BOOST_TEST(value(result.out, "zombies").starts_with("0 of "), result.out);
}

BOOST_AUTO_TEST_CASE(what_is_left_is_killed_and_the_output_ends) {
  for (const char* flag : {"--init", "--sig-proxy"}) {
    Start start;
    start.deadline = 5s;
    const auto result = sup_run({flag, probe_path(), "leave", "6"}, start);
    BOOST_TEST(result.code == 6);
    BOOST_TEST(has(result.out, "left one behind"));
    const auto tty = sup_run({"-t", flag, probe_path(), "leave", "6"}, start);
    BOOST_TEST(tty.code == 6);
  }
}

BOOST_AUTO_TEST_CASE(job_control_works_under_it) {
  const auto result = sup_run({"-t", "--init", "sh", "-c", "set -m; sleep 0.01 & wait $! && echo waited; stty size"});
  BOOST_TEST(result.code == 0);
  BOOST_TEST(has(result.out, "waited"));
  BOOST_TEST(has(result.out, "24 80"), result.out);
}

BOOST_AUTO_TEST_CASE(its_failures_are_told_as_without_it) {
  const auto result = sup_run({"--init", "no-such-command-anywhere"});
  BOOST_TEST(result.code == 127);
  BOOST_TEST(lines(result.err).size() == 1U, result.err);
  BOOST_TEST(Events(result.events).count("started") == 0U);
}

BOOST_AUTO_TEST_CASE(by_hand_it_says_what_it_is) {
  const auto path = init_path();
  BOOST_TEST_REQUIRE(!path.empty(), "no init beside " << sup_path());
  for (const auto& args : {std::vector<std::string>{}, {"--help"}, {"3"}, {"99999999999"}, {"-1"}}) {
    Start start;
    start.program = path;
    start.args = args;
    const auto result = run(start);
    BOOST_TEST(result.code == 125);
    BOOST_TEST(lines(result.err).size() == 1U, shown(result.err));
    BOOST_TEST(has(result.err, "sup"), shown(result.err));
  }
}

BOOST_AUTO_TEST_CASE(it_is_small_and_static) {
  const auto text = read_text(init_path());
  BOOST_TEST(
      text.starts_with("\x7f"
                       "ELF"));
  BOOST_TEST(!has(text, "/ld-linux"), "init has an interpreter");
}

BOOST_AUTO_TEST_SUITE_END()
