// plan: the steps as they are, and the same run in a peer's words, which really runs.
#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Result as_peer(const std::string& peer, std::vector<std::string> args) {
  Start start;
  start.events = false;
  std::vector<std::string> all = {"plan", "--as", peer};
  all.insert(all.end(), args.begin(), args.end());
  return sup_cli(all, start);
}

Result shell(const std::string& line) {
  Start start;
  start.program = "/bin/sh";
  start.args = {"-c", line};
  return run(start);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(plan, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(numbered_steps_and_nothing_runs) {
  Start start;
  start.events = false;
  const auto marker = dir() + "/ran";
  const auto result = sup_cli({"plan", "--", "touch", marker}, start);
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(!exists(marker));
  for (const char* part : {"mount", "/proc", "host", "lo", "exec", "touch"})
    BOOST_TEST(has(result.out, part), result.out);
  BOOST_TEST(has(result.out, "1"), result.out);
  const auto by_run = sup_cli({"run", "--plan", "touch", marker}, start);
  BOOST_TEST(by_run.code == 0, by_run.err);
  BOOST_TEST(!exists(marker));
  BOOST_TEST(lines(by_run.out).size() == lines(result.out).size());
}

BOOST_AUTO_TEST_CASE(as_json) {
  Start start;
  start.events = false;
  const auto result = sup_cli({"plan", "--format", "json", "--", "sh", "-c", "\xff"}, start);
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(is_json(result.out), shown(result.out));
  BOOST_TEST(sup_cli({"plan", "--format", "yaml", "--", "true"}, start).code == 125);
}

BOOST_AUTO_TEST_CASE(the_unshare_line_runs) {
  const auto line = as_peer("unshare", {"--", probe_path(), "exit", "7"});
  BOOST_TEST_REQUIRE(line.code == 0, line.err);
  BOOST_TEST(has(line.out, "unshare"), line.out);
  BOOST_TEST(shell(line.out).code == 7, line.out);
  // Quoted for the shell, whatever is in it.
  const auto odd = as_peer("unshare", {"--", probe_path(), "argv", "a b", "it's", "$HOME", "\xff", ""});
  BOOST_TEST(shell(odd.out).out == "arg 612062\narg 69742773\narg 24484f4d45\narg ff\narg \n", odd.out);
  const auto one = as_peer("unshare", {"--", probe_path(), "pid"});
  BOOST_TEST(has(shell(one.out).out, "pid 1 "), one.out);
}

BOOST_AUTO_TEST_CASE(the_bwrap_line_runs) {
  if (!exists("/usr/bin/bwrap")) SUP_SKIP("bubblewrap is not installed");
  const auto line = as_peer("bwrap", {"-h", "box", "-w", "/usr", "--", probe_path(), "exit", "7"});
  BOOST_TEST_REQUIRE(line.code == 0, line.err);
  BOOST_TEST(has(line.out, "bwrap"), line.out);
  const auto result = shell(line.out);
  BOOST_TEST(result.code == 7, line.out << result.err);
  const auto cwd = shell(as_peer("bwrap", {"-w", "/usr", "--", probe_path(), "cwd"}).out);
  BOOST_TEST(has(cwd.out, "cwd /usr"), cwd.out + cwd.err);
}

BOOST_AUTO_TEST_CASE(docker_and_oci) {
  const auto docker = as_peer("docker", {"-ti", "-e", "A=1", "--", "sh"});
  BOOST_TEST(docker.code == 0, docker.err);
  for (const char* part : {"docker run", "-e", "A=1", "sh"}) BOOST_TEST(has(docker.out, part), docker.out);
  const auto oci = as_peer("oci", {"-t", "-h", "box", "--", "sh", "-c", "true"});
  BOOST_TEST(oci.code == 0, oci.err);
  BOOST_TEST(is_json(oci.out), shown(oci.out));
  const auto config = parse_json(oci.out);
  BOOST_TEST(config.text("/hostname") == "box", oci.out);
  BOOST_TEST(config.text("/process/terminal") == "true", oci.out);
  BOOST_TEST(config.text("/process/args/2") == "true");
  const auto unknown = as_peer("podmam", {"--", "true"});
  BOOST_TEST(unknown.code == 125);
}

BOOST_AUTO_TEST_SUITE_END()
