// The command line: help, version, and errors that say what was meant.
#include <boost/test/unit_test.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

void expect_usage(const Result& result, const std::string& part) {
  BOOST_TEST_CONTEXT("err: " << shown(result.err)) {
    BOOST_TEST(result.code == 125);
    BOOST_TEST(lines(result.err).size() == 1U);
    BOOST_TEST(result.err.starts_with("sup: "));
    BOOST_TEST(has(result.err, part));
    BOOST_TEST(result.out.empty());
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(usage, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(a_missing_command) {
  expect_usage(sup_run({}), "Missing container command");
  expect_usage(sup_run({"-ti"}), "Missing container command");
  expect_usage(sup_run({"--"}), "Missing container command");
}

BOOST_AUTO_TEST_CASE(the_nearest_match_is_named) {
  expect_usage(sup_run({"--intractive", "true"}), "--interactive");
  expect_usage(sup_run({"--preserve-fd", "1", "true"}), "--preserve-fds");
  expect_usage(sup_cli({"rum", "true"}), "run");
  expect_usage(sup_cli({"docter"}), "doctor");
  BOOST_TEST(has(sup_run({"--intractive", "true"}).err, "--help"));
}

BOOST_AUTO_TEST_CASE(no_abbreviated_long_options) {
  for (const char* option : {"--inter", "--tt", "--net", "--work"})
    BOOST_TEST(sup_run({option, "true"}).code == 125, option);
}

BOOST_AUTO_TEST_CASE(wrong_values) {
  for (const char* option :
       {"--sig-proxy=maybe", "--stop-signal=NOPE", "--stop-signal=0", "--stop-signal=65", "--timeout=soon",
        "--timeout=-1s", "--timeout=", "--stop-timeout=x", "--status-fd=x", "--status-fd=-1", "--preserve-fds=-1",
        "--preserve-fds=99999999999", "--network=bridge", "--detach-keys=ctrl-", "--detach-keys=ctrl-1",
        "--env-file=", "-e=", "--tty=perhaps", "-Z"}) {
    const auto result = sup_run({option, "true"});
    BOOST_TEST(result.code == 125, option << " gave " << result.code);
    BOOST_TEST(lines(result.err).size() == 1U, option << ": " << shown(result.err));
    BOOST_TEST(has(result.err, std::string(std::string_view(option).substr(0, std::string_view(option).find('=')))),
               option << ": " << shown(result.err));
  }
  for (const char* option : {"--timeout", "-w", "-e", "--name"}) expect_usage(sup_run({option}), option);
  expect_usage(sup_run({"--status-fd", "999", "true"}), "999");
}

// Command lines for which an init is at work before they have been read to the end: it is gone with them.
BOOST_AUTO_TEST_CASE(what_was_started_ahead_goes_with_a_refusal) {
  for (const auto& words : {std::vector<std::string>{"--name", "a/b", "true"},
                            {"-t", "--rm=perhaps", "true"},
                            {"-w", "/no/such/place", "true"},
                            {"-u", "nobody-of-that-name", "true"},
                            {"--hostname", std::string(65, 'h'), "true"},
                            {"--timeout", "soon", "true"}}) {
    const auto result = sup_run(words);
    BOOST_TEST(result.code == 125, words.front() << ": " << shown(result.err));
    BOOST_TEST(!result.err.empty());
  }
  BOOST_TEST(sup_run({"/no/such/command"}).code == 127);
  BOOST_TEST(sup_run({"/etc"}).code == 126);
}

// The signal for a file that may not grow would end sup before it has a word for it.
BOOST_AUTO_TEST_CASE(no_file_may_grow) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  SUP_CANNOT("ThreadSanitizer's runtime is ended by that signal itself, before main()");
#endif
#endif
  for (const char* blocks : {"0", "8"}) {
    Start start;
    start.program = "/bin/sh";
    start.args = {"-c", std::string("ulimit -f ") + blocks + "; exec " + sup_path() + " -q --events none run true"};
    const auto result = run(start);
    BOOST_TEST(result.code == 125, blocks);
    BOOST_TEST(has(result.err, "File too large"), shown(result.err));
  }
}

BOOST_AUTO_TEST_CASE(help_goes_to_stdout) {
  for (const auto& args : {std::vector<std::string>{"--help"},
                           {"run", "--help"},
                           {"plan", "--help"},
                           {"doctor", "--help"},
                           {"replay", "--help"},
                           {"version", "--help"},
                           {"ps", "--help"},
                           {"stop", "--help"},
                           {"kill", "--help"},
                           {"wait", "--help"},
                           {"rm", "--help"},
                           {"inspect", "--help"},
                           {"daemon", "--help"},
                           {"help"},
                           {"help", "run"},
                           {"help", "--format", "json"}}) {
    Start start;
    start.events = false;
    const auto result = sup_cli(args, start);
    BOOST_TEST(result.code == 0, args[0]);
    BOOST_TEST(result.err.empty(), result.err);
    BOOST_TEST(has(result.out, "sup"), result.out);
  }
  Start start;
  start.events = false;
  const auto help = sup_cli({"run", "--help"}, start);
  for (const char* option :
       {"--tty",          "--interactive", "--name",    "--env",       "--env-file",    "--clear-env",
        "--workdir",      "--hostname",    "--user",    "--init",      "--stop-signal", "--stop-timeout",
        "--sig-proxy",    "--detach-keys", "--timeout", "--status-fd", "--pidfile",     "--cidfile",
        "--preserve-fds", "--network",     "--rm",      "--keep",      "--record",      "--plan",
        "--privileged",   "--profile",     "--cap-add", "--cap-drop",  "--security-opt"}) {
    BOOST_TEST(has(help.out, option), "run --help does not tell of " << option);
  }
  for (const char* verb :
       {"run", "plan", "doctor", "version", "replay", "ps", "logs", "stop", "kill", "wait", "rm", "inspect", "daemon"})
    BOOST_TEST(has(sup_cli({"--help"}, start).out, verb));
  // After the command's name it is the command's.
  BOOST_TEST(sup_run({"sh", "-c", "test \"$0\" = --help", "--help"}).code == 0);
}

BOOST_AUTO_TEST_CASE(version_names_the_parts) {
  Start start;
  start.events = false;
  for (const auto& args : {std::vector<std::string>{"--version"}, {"version"}}) {
    const auto result = sup_cli(args, start);
    BOOST_TEST(result.code == 0);
    for (const char* part : {"sup ", "init ", "libuv ", "kernel "}) BOOST_TEST(has(result.out, part), result.out);
  }
}

BOOST_AUTO_TEST_CASE(no_arguments_at_all) {
  Start start;
  start.events = false;
  const auto result = sup_cli({}, start);
  BOOST_TEST(result.code == 125);
  BOOST_TEST(has(result.err, "help"), result.err);
}

BOOST_AUTO_TEST_CASE(an_empty_argv) {  // B38: argc 0, CVE-2021-4034's kind
  Start start;
  start.argv0 = "";
  start.events = false;
  start.args = {"run", probe_path(), "exit", "3"};
  BOOST_TEST(run(start).code == 3);
}

BOOST_AUTO_TEST_CASE(doctor_finds_and_mends) {
  Start start;
  start.events = false;
  const auto text = sup_cli({"doctor"}, start);
  BOOST_TEST((text.code == 0 || text.code == 125), text.code);
  for (const char* part : {"kernel", "namespace", "cgroup", "init"}) BOOST_TEST(has(text.out, part), text.out);
  const auto json = sup_cli({"doctor", "--format", "json"}, start);
  BOOST_TEST(is_json(json.out), shown(json.out));
  BOOST_TEST(json.err.empty(), json.err);
}

BOOST_AUTO_TEST_SUITE_END()
