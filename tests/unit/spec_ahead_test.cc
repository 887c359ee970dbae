#include "spec/ahead.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "face/cli/globals.h"
#include "face/cli/run_options.h"
#include "spec/parked.h"
#include "spec/plan.h"

using namespace sup;

namespace {

bool wants(std::vector<std::string> words, const std::vector<std::string>& environ = {"PATH=/bin"}) {
  words.insert(words.begin(), "sup");
  std::vector<const char*> argv;
  for (const auto& w : words) argv.push_back(w.c_str());
  argv.push_back(nullptr);
  std::vector<const char*> envp;
  for (const auto& e : environ) envp.push_back(e.c_str());
  envp.push_back(nullptr);
  return ahead::wanted(argv.data(), envp.data());
}

Facts roots_facts() {
  Facts facts;
  facts.uid = 0;
  facts.gid = 0;
  facts.cwd = "/";
  facts.environ = {"PATH=/bin"};
  facts.id = "0123456789ab";
  return facts;
}

// Whether the table takes this word as one that has a value behind it; none: it is not there.
template <typename Table>
void hold_against(const Table& table, const std::vector<cli::Option>& options) {
  for (const auto& known : table) {
    const std::string name = known.name;
    const auto row = std::ranges::find_if(options, [&](const cli::Option& o) {
      return name == "--" + std::string(o.name) || (o.letter != 0 && name == std::string("-") + o.letter);
    });
    BOOST_TEST_CONTEXT(name) {
      BOOST_REQUIRE(row != options.end());
      BOOST_TEST(known.value == !row->value.empty());
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spec_ahead)

BOOST_AUTO_TEST_CASE(its_plan_is_the_beginning_of_roots) {
  Spec spec;
  spec.argv = {"/bin/true"};
  const auto whole = compile(spec, roots_facts());
  BOOST_REQUIRE(whole.has_value());
  const Plan expected = parked(*whole);
  const Plan plan = ahead::plan();
  BOOST_TEST(plan.clone_flags == expected.clone_flags);
  BOOST_TEST(plan.boot_fd() == ahead::kBoot);
  BOOST_REQUIRE(plan.steps.size() == expected.steps.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) BOOST_TEST((plan.steps[i] == expected.steps[i]), "step " << i);
  BOOST_TEST(fits(plan, *whole));
}

BOOST_AUTO_TEST_CASE(what_it_lets_pass_changes_nothing_of_it) {
  // What stands behind the table's options in the Spec, each on its own.
  const std::vector<std::pair<std::string, void (*)(Spec&)>> settings = {
      {"tty", [](Spec& s) { s.tty = true; }},           {"interactive", [](Spec& s) { s.interactive = true; }},
      {"workdir", [](Spec& s) { s.workdir = "/tmp"; }}, {"hostname", [](Spec& s) { s.hostname = "h"; }},
      {"user", [](Spec& s) { s.user = "1000:1000"; }},  {"init", [](Spec& s) { s.init = true; }},
  };
  for (const auto& [name, set] : settings) {
    Spec spec;
    spec.argv = {"/bin/true"};
    set(spec);
    const auto whole = compile(spec, roots_facts());
    BOOST_REQUIRE_MESSAGE(whole.has_value(), name);
    BOOST_TEST(fits(ahead::plan(), *whole), name);
  }
}

BOOST_AUTO_TEST_CASE(its_bytes_are_a_plan) {
  const auto& wire = ahead::kPlan;
  BOOST_TEST(wire.header.size == sizeof wire);
  BOOST_TEST(reinterpret_cast<const char*>(&wire)[sizeof wire - 1] == 0);
  const auto again = encode(ahead::plan());
  BOOST_REQUIRE(again.has_value());
}

BOOST_AUTO_TEST_CASE(the_tables_are_the_options) {
  cli::Globals globals;
  bool version = false;
  hold_against(ahead::kGlobals, cli::global_options(globals, version));
  Spec spec;
  cli::RunFlags flags;
  const auto options = cli::run_options(spec, flags);
  hold_against(ahead::kOptions, options);
  for (const char* letter = ahead::kTogether; *letter != 0; ++letter) {
    const auto row = std::ranges::find(options, *letter, &cli::Option::letter);
    BOOST_REQUIRE(row != options.end());
    BOOST_TEST(row->value.empty());
  }
}

BOOST_AUTO_TEST_CASE(command_lines) {
  BOOST_TEST(wants({"run", "/bin/true"}));
  BOOST_TEST(wants({"run", "-ti", "/bin/sh"}));
  BOOST_TEST(wants({"run", "-t", "-i", "sh", "-d", "--rootfs", "/"}));
  BOOST_TEST(wants({"-q", "run", "--", "true"}));
  BOOST_TEST(wants({"run", "--env=A=b", "--name", "web", "-w", "/", "true"}));
  BOOST_TEST(wants({"run", "--tty=false", "true"}));
  BOOST_TEST(!wants({}));
  BOOST_TEST(!wants({"run"}));
  BOOST_TEST(!wants({"run", "-ti"}));
  BOOST_TEST(!wants({"run", "-t", "--"}));
  BOOST_TEST(!wants({"run", "--name"}));
  BOOST_TEST(!wants({"run", "--name", "web"}));
  BOOST_TEST(!wants({"run", "-d", "true"}));
  BOOST_TEST(!wants({"run", "-tid", "true"}));
  BOOST_TEST(!wants({"run", "-eA=b", "true"}));
  BOOST_TEST(!wants({"run", "-", "true"}));
  BOOST_TEST(!wants({"run", "--rootfs", "/srv", "true"}));
  BOOST_TEST(!wants({"run", "--namex", "true"}));
  BOOST_TEST(!wants({"run", "--=x", "true"}));
  BOOST_TEST(!wants({"runs", "true"}));
  BOOST_TEST(!wants({"ps"}));
  BOOST_TEST(!wants({"-S", "a", "run", "true"}));
  BOOST_TEST(wants({"--events", "/var/log/sup", "run", "true"}));
  BOOST_TEST(wants({"--events=none", "--log-level", "error", "run", "true"}));
  BOOST_TEST(!wants({"--events", "fd:3", "run", "true"}));
  BOOST_TEST(!wants({"--events=fd:3", "run", "true"}));
  BOOST_TEST(!wants({"--events", "run"}));
  BOOST_TEST(!wants({"run", "true"}, {"A=b", "SUP_SUPERVISOR=a"}));
  BOOST_TEST(!wants({"run", "true"}, {"SUP_SUPERVISOR="}));
  BOOST_TEST(!wants({"run", "true"}, {"SUP_EVENTS=fd:3"}));
  BOOST_TEST(wants({"run", "true"}, {"SUP_EVENTS=/var/log/sup"}));
  BOOST_TEST(wants({"run", "true"}, {"XSUP_SUPERVISOR=a", "SUP_SUPERVISORS=a"}));
}

BOOST_AUTO_TEST_SUITE_END()
