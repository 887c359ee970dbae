// The reading of a command line held against CLI11's own parser: the same options in the same order, the same words left, the same
// errors, whatever is written.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "face/cli/option.h"

using namespace sup;
using namespace sup::cli;

namespace {

using Words = std::vector<std::string>;

struct Outcome {
  std::vector<std::string> set;  // "name=value", in the order given
  Words operands;
  bool help = false;
  std::string error;
};

struct Row {
  char letter;
  const char* name;
  bool value;
};
constexpr Row kRows[] = {{'t', "tty", false},    {'i', "interactive", false}, {'e', "env", true},   {0, "memory", true},
                         {'w', "workdir", true}, {0, "init", false},          {0, "tty-size", true}};

Outcome ours(const Words& args, Operands operands) {
  Outcome out;
  std::vector<Option> options;
  for (const Row& row : kRows) {
    options.push_back({row.letter, row.name, row.value ? "V" : "", "", "", [&out, &row](std::string_view v) {
                         out.set.push_back(std::string(row.name) + "=" + std::string(v));
                         return Result<void>{};
                       }});
  }
  auto parsed = parse("run", options, args, operands);
  if (!parsed) return {.set = {}, .operands = {}, .help = false, .error = parsed.error().line()};
  out.operands = parsed->operands;
  out.help = parsed->help;
  return out;
}

// What is left is judged by sup's own rules: here only whether there is an option that nobody knows.
Outcome theirs(const Words& args, Operands operands) {
  Outcome out;
  CLI::App app;
  app.set_help_flag();
  app.allow_windows_style_options(false);
  if (operands == Operands::command) app.prefix_command();
  app.allow_extras();
  app.add_flag("--help", out.help);
  for (const Row& row : kRows) {
    const std::string letter = row.letter != 0 ? std::string("-") + row.letter + "," : "";
    const CLI::callback_t take = [&out, &row](const Words& values) {
      for (const auto& v : values) out.set.push_back(std::string(row.name) + "=" + v);
      return true;
    };
    CLI::Option* made = app.add_option(letter + "--" + row.name, take);
    made->trigger_on_parse();
    if (row.value) {
      made->type_size(1)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
    } else {
      made->type_size(0)->expected(0, 1)->default_str("true");
    }
  }
  Words reversed(args.rbegin(), args.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::Error& e) {
    return {
        .set = {}, .operands = {}, .help = false, .error = std::string("run: ") + e.what() + "; see sup run --help"};
  }
  bool ended = false;
  for (const auto& word : app.remaining()) {
    if (!ended && word == "--") {
      ended = true;
      if (operands == Operands::command && !out.operands.empty()) out.operands.push_back(word);
      continue;
    }
    if (!ended && word.size() > 1 && word[0] == '-' && (operands == Operands::any || out.operands.empty()))
      return {.set = {}, .operands = {}, .help = false, .error = "unknown " + word.substr(0, word.find('='))};
    if (operands == Operands::command) ended = true;
    out.operands.push_back(word);
  }
  return out;
}

std::string shown(const Words& words) {
  std::string text;
  for (const auto& w : words) text += "[" + w + "]";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cli_reference)

BOOST_AUTO_TEST_CASE(every_line_is_read_as_cli11_reads_it) {
  const Words pieces = {"--tty",
                        "--tty=false",
                        "--interactive",
                        "-t",
                        "-ti",
                        "-it",
                        "-e",
                        "-eA=1",
                        "-te",
                        "-tieB",
                        "--env",
                        "--env=A",
                        "--env=A=B",
                        "--memory",
                        "--memory=1",
                        "--init",
                        "--init=0",
                        "--tty-size",
                        "--tty-size=9x9",
                        "-w",
                        "-w/x",
                        "-w=x",
                        "--",
                        "ls",
                        "a=b",
                        "",
                        "-",
                        "-l",
                        "--bogus",
                        "--bogus=1",
                        "-tx",
                        "-5",
                        "--help",
                        "-t=x",
                        "---",
                        "--env-",
                        "--i",
                        "-?",
                        "--=x",
                        "-tieC=d",
                        "word"};
  std::uint64_t state = 42;
  const auto draw = [&state](std::size_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  for (int round = 0; round < 6000; ++round) {
    Words args;
    for (std::size_t n = draw(6); n > 0; --n) args.push_back(pieces[draw(pieces.size())]);
    const auto operands = draw(2) == 0 ? Operands::any : Operands::command;
    const Outcome want = theirs(args, operands);
    const Outcome got = ours(args, operands);
    const std::string line = shown(args) + (operands == Operands::any ? " any" : " command");
    if (want.error.starts_with("unknown ")) {
      BOOST_REQUIRE_MESSAGE(
          got.error.find(want.error.substr(0, 8) + "option " + want.error.substr(8)) != std::string::npos,
          line << ": " << got.error << ", not " << want.error);
      continue;
    }
    BOOST_REQUIRE_MESSAGE(got.error == want.error, line << ": " << got.error << ", not " << want.error);
    BOOST_REQUIRE_MESSAGE(got.set == want.set, line << ": " << shown(got.set) << ", not " << shown(want.set));
    BOOST_REQUIRE_MESSAGE(got.operands == want.operands, line << ": " << shown(got.operands));
    BOOST_REQUIRE_MESSAGE(got.help == want.help, line);
  }
}

// What CLI11 reads otherwise: `--name=`, as a script writes it whose variable is empty, gives an empty value, not the next word.
BOOST_AUTO_TEST_CASE(an_empty_value_is_one) {
  for (const auto operands : {Operands::any, Operands::command}) {
    const Outcome got = ours({"--env=", "--memory=", "ls"}, operands);
    BOOST_TEST(got.set == (Words{"env=", "memory="}), boost::test_tools::per_element());
    BOOST_TEST(got.operands == (Words{"ls"}), boost::test_tools::per_element());
  }
  const Outcome behind = ours({"id", "--env=", "other"}, Operands::any);
  BOOST_TEST(behind.set == (Words{"env="}), boost::test_tools::per_element());
  BOOST_TEST(behind.operands == (Words{"id", "other"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
