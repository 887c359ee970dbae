// Escapes, tried: each fails behind docker's profile, and succeeds without one, or the test would show nothing.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>
#include <vector>

#include "busybox.h"
#include "clean.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

const std::string kRefused = std::to_string(EPERM);

std::string value(const std::string& text, const std::string& name) {
  for (const auto& line : lines(text)) {
    if (line.starts_with(name + " ")) return line.substr(name.size() + 1);
  }
  return "";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(escapes, Clean, *but::label("both"))

// A15, CVE-2022-0492: the kernel executes a v1 hierarchy's release_agent on the host. Files are opened for writing, and left alone.
BOOST_AUTO_TEST_CASE(no_release_agent_is_reached) {
  if (as_user()) return;  // who owns no file of a hierarchy
  NEEDS_BUSYBOX();
  if (::access("/sys/fs/cgroup/pids/release_agent", F_OK) != 0) SUP_CANNOT("no hierarchy of version 1 here");
  const std::string script =
      "mkdir -p /tmp/h; mount -t cgroup -o pids none /tmp/h 2>/dev/null && echo mounted\n"
      "unshare -U true 2>/dev/null && echo nested\n"
      "for f in $(find /sys/fs/cgroup -maxdepth 2 -name release_agent -o -maxdepth 2 -name notify_on_release -o "
      "-maxdepth 2 -name cgroup.procs 2>/dev/null); do (: >>$f) 2>/dev/null && echo open $f; done\necho done";
  const std::string root = make_root();
  const auto tried = [&](std::vector<std::string> options) {
    options.insert(options.end(), {"sh", "-c", script});
    return sup_run(options);
  };
  for (const auto& options : {std::vector<std::string>{"--profile", "docker", "-w", "/", "--tmpfs", "/tmp"},
                              {"--profile", "strict", "-w", "/", "--tmpfs", "/tmp"},
                              {"--rootfs", root},
                              {"--rootfs", root, "-m", "64m"},
                              {"--rootfs", root, "--profile", "strict"}}) {
    const auto result = tried(options);
    BOOST_TEST(result.code == 0, result.err);
    BOOST_TEST(result.out == "done\n", options.at(1) << ": " << result.out);
  }
  const auto open = tried({"-w", "/", "--tmpfs", "/tmp"});
  BOOST_TEST(has(open.out, "mounted\n"), open.out);
  BOOST_TEST(has(open.out, "nested\n"), open.out);
  BOOST_TEST(has(open.out, "open /sys/fs/cgroup/pids/release_agent\n"), open.out);
}

// A19: the init that stays as PID 1 is nobody's to trace or to write to.
BOOST_AUTO_TEST_CASE(init_is_not_traced) {
  for (const char* profile : {"docker", "strict"}) {
    const auto init = sup_run({"--profile", profile, "--init", probe_path(), "attach", "1"});
    BOOST_TEST(init.code == 0, init.err);
    BOOST_TEST(value(init.out, "attach") == kRefused, init.out);
    BOOST_TEST(value(init.out, "memory") == std::to_string(EACCES), init.out);
  }
  // A command of one's own is: what holds is that init is not dumpable.
  const auto own = sup_run({"--profile", "docker", "sh", "-c", "sleep 1000 & exec " + probe_path() + " attach $!"});
  BOOST_TEST(value(own.out, "attach") == "0", own.out);
  BOOST_TEST(value(own.out, "memory") == "0", own.out);
}

BOOST_AUTO_TEST_SUITE_END()
