// What happens where something of a run is lost on the way: it is said, and no success is claimed.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// -t, so that the output goes through sup, which then meets the full disk.
Result into_full(std::vector<std::string> command) {
  Start start;
  start.out_fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  command.insert(command.begin(), "-t");
  auto result = sup_run(std::move(command), start);
  ::close(start.out_fd);
  return result;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lost, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(output_on_a_full_disk_is_no_success) {
  const auto result = into_full({"/bin/sh", "-c", "trap '' HUP; echo lost; exit 0"});
  BOOST_TEST(result.code == 125);
  BOOST_TEST(has(result.err, "standard output: cannot be written: No space left on device"), result.err);
}

BOOST_AUTO_TEST_CASE(nothing_written_nothing_lost) {
  const auto result = into_full({"/bin/true"});
  BOOST_TEST(result.code == 0, result.err);
}

BOOST_AUTO_TEST_CASE(a_failing_command_keeps_its_status) {
  const auto result = into_full({"/bin/sh", "-c", "trap '' HUP; echo lost; exit 3"});
  BOOST_TEST(result.code == 3, result.err);
}

// Ignored by the caller, SIGCHLD would make the kernel reap, and there would be no status.
BOOST_AUTO_TEST_CASE(a_caller_who_ignores_sigchld_loses_nothing) {
  Start start;
  start.program = "/bin/sh";
  start.args = {"-c",    "trap '' CHLD; exec \"$@\"", "sh", sup_path(), "--events", "none", "run", "/bin/sh", "-c",
                "exit 7"};
  start.events = false;
  BOOST_TEST(run(start).code == 7);
}

BOOST_AUTO_TEST_SUITE_END()
