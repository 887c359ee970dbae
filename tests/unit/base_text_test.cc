#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

using namespace sup;
using namespace std::string_literals;

BOOST_AUTO_TEST_SUITE(base_text)

BOOST_AUTO_TEST_CASE(a_line_of_output_on_a_terminal) {
  BOOST_TEST(printable_line("plain\ttab") == "plain\ttab");
  BOOST_TEST(printable_line("\x1b[1;32mgreen\x1b[0m\r") == "green");
  BOOST_TEST(printable_line("\x1b[2Jx\x1b]0;t\x07") == "\\x1b[2Jx\\x1b]0;t\\x07");
  BOOST_TEST(printable_line("a\rb\x9b\x1b") == "a\\x0db\\x9b\\x1b");
  BOOST_TEST(printable_line("\x1b[") == "\\x1b[");
  BOOST_TEST(printable_line("\x1b[31") == "\\x1b[31");
  BOOST_TEST(printable_line("\xE2\x80\xAE") == "\\xe2\\x80\\xae");
  BOOST_TEST(printable_line("").empty());
}

BOOST_AUTO_TEST_CASE(utf8_is_read_as_rfc_3629_has_it) {
  for (const std::string& good : {""s, "a"s, "\0"s, "é"s, "€"s, "😀"s, "\xED\x9F\xBF"s, "\xEE\x80\x80"s,
                                  "\xF4\x8F\xBF\xBF"s, "\xC2\x80"s, "\xE0\xA0\x80"s, "\xF0\x90\x80\x80"s}) {
    BOOST_TEST(is_utf8(good), good);
    BOOST_TEST(to_utf8(good) == good);
  }
  for (const std::string& bad :
       {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s, "\xF4\x90\x80\x80"s,
        "\xF5\x80\x80\x80"s, "\xFF"s, "\xE2\x82"s, "a\xC3"s, "\xC3("s}) {
    BOOST_TEST(!is_utf8(bad), printable(bad));
    BOOST_TEST(is_utf8(to_utf8(bad)));
  }
}

BOOST_AUTO_TEST_CASE(a_broken_sequence_becomes_one_replacement_character) {
  BOOST_TEST(to_utf8("a\xE2\x82z") == "a\xEF\xBF\xBDz");                           // cut off: one
  BOOST_TEST(to_utf8("\xFF\xFE") == "\xEF\xBF\xBD\xEF\xBF\xBD");                   // never starts: one each
  BOOST_TEST(to_utf8("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");   // surrogate: not even a prefix
}

BOOST_AUTO_TEST_CASE(random_bytes_always_come_out_as_text_that_a_terminal_may_show) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() & 0xFF);
    BOOST_REQUIRE(is_utf8(to_utf8(bytes)));
    const std::string shown = printable(bytes);
    BOOST_REQUIRE(is_utf8(shown));
    BOOST_REQUIRE(printable(shown) == shown);
    for (const char c : shown) BOOST_REQUIRE((static_cast<unsigned char>(c) >= 0x20 && c != 0x7F));
  }
}

BOOST_AUTO_TEST_CASE(what_a_terminal_acts_on_is_escaped) {
  BOOST_TEST(printable("a\x1b]0;x\x07") == "a\\x1b]0;x\\x07");
  BOOST_TEST(printable("a\nb\rc\td") == "a\\x0ab\\x0dc\\x09d");
  BOOST_TEST(printable("\xC2\x9B"
                       "31m") == "\\xc2\\x9b31m");   // C1 CSI
  BOOST_TEST(printable("\xE2\x80\xAE"
                       "gpj") == "\\xe2\\x80\\xaegpj");         // right-to-left override
  BOOST_TEST(printable("\xE2\x81\xA6") == "\\xe2\\x81\\xa6");   // isolate
  BOOST_TEST(printable("\xE2\x80\xA8") == "\\xe2\\x80\\xa8");   // line separator
  BOOST_TEST(printable("\xFF") == "\\xff");
  BOOST_TEST(printable("\x7F") == "\\x7f");
  BOOST_TEST(printable("grüße €😀 \\n") == "grüße €😀 \\n");
}

BOOST_AUTO_TEST_CASE(shell_words_look_as_a_person_would_write_them) {
  BOOST_TEST(shell_quote("") == "''");
  BOOST_TEST(shell_quote("/bin/ls") == "/bin/ls");
  BOOST_TEST(shell_quote("a b") == "'a b'");
  BOOST_TEST(shell_quote("it's") == "'it'\\''s'");
  BOOST_TEST(shell_quote("$HOME") == "'$HOME'");
  BOOST_TEST(shell_quote("~") == "'~'");
  BOOST_TEST(shell_quote("ü") == "'ü'");
  BOOST_TEST(shell_quote("\x1b[0m") == "\"$(printf '\\033[0m')\"");
  BOOST_TEST(shell_join(std::vector<std::string>{"sh", "-c", "a b"}) == "sh -c 'a b'");
}

BOOST_AUTO_TEST_CASE(a_shell_reads_back_the_same_bytes) {
  std::vector<std::string> words{"",          "-n",        "\n",     "a\n\n", "\x1b",   "-\x1b",
                                 "%s\x1b%%",  "\\\x1b\\n", "'\x1b'", "\0337", "\xFF\n", "\"$x`y`\"",
                                 "!\x1b\"$x", "*\xFE?",    "é\xC3",  "#\x01"};
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(1 + random() % 8, '\0');
    for (char& byte : bytes) byte = static_cast<char>(1 + random() % 255);
    words.push_back(bytes);
  }
  // One shell for all: `printf '%s\0'` gives the words back, each with a NUL after it.
  const std::string command = "printf '%s\\0' " + shell_join(words);
  struct Close {
    void operator()(FILE* pipe) const { pclose(pipe); }
  };
  const std::unique_ptr<FILE, Close> pipe(popen(command.c_str(), "r"));
  BOOST_REQUIRE(pipe);
  std::string got;
  char buffer[4096];
  for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) got.append(buffer, n);
  std::string expected;
  for (const std::string& word : words) expected += word + '\0';
  BOOST_TEST((got == expected));
}

BOOST_AUTO_TEST_CASE(durations) {
  const auto ms = [](std::string_view text) {
    const auto got = parse_duration(text);
    return got ? got->count() : -1;
  };
  BOOST_TEST(ms("10") == 10'000);
  BOOST_TEST(ms("1.5") == 1'500);
  BOOST_TEST(ms("10s") == 10'000);
  BOOST_TEST(ms("1.5s") == 1'500);
  BOOST_TEST(ms("1m30s") == 90'000);
  BOOST_TEST(ms("1h") == 3'600'000);
  BOOST_TEST(ms("2d1h1m1s1ms") == 2 * 86'400'000 + 3'661'001);
  BOOST_TEST(ms("500ms") == 500);
  BOOST_TEST(ms("0.001") == 1);
  BOOST_TEST(ms("0.1234567890123456789h") == 444'444);
  BOOST_TEST(ms("36525d") == 36525LL * 86'400'000);
  for (const char* bad : {"",
                          "0",
                          "0s",
                          "0.0001",
                          "-1",
                          "+1",
                          " 1",
                          "1 ",
                          "1x",
                          "s",
                          ".",
                          "1.",
                          ".5",
                          "1..5",
                          "1m30",
                          "1s1m",
                          "1s1s",
                          "1mss",
                          "36525d1ms",
                          "36526d",
                          "1e3",
                          "0x10",
                          "inf",
                          "99999999999999999999",
                          "18446744073709551615h",
                          "1.5.5s",
                          "1\n"}) {
    BOOST_TEST(ms(bad) == -1, bad);
  }
  BOOST_TEST(parse_duration("1x", "--timeout").error().line().starts_with("--timeout: 1x: "));
  BOOST_TEST(parse_duration("1x", "--timeout").error().code == "E_USAGE");
}

BOOST_AUTO_TEST_CASE(numbers_are_read_strictly) {
  BOOST_TEST((parse_unsigned<std::uint8_t>("255") == std::uint8_t{255}));
  BOOST_TEST((parse_unsigned<std::uint32_t>("007") == 7U));
  BOOST_TEST((parse_unsigned<std::uint32_t>("4294967295") == UINT32_MAX));
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "0x1", "1.0", "256", "99999999999999999999999"}) {
    BOOST_TEST(!parse_unsigned<std::uint8_t>(bad), bad);
  }
}

BOOST_AUTO_TEST_CASE(the_nearest_word) {
  const std::vector<std::string_view> words{"tty", "interactive", "hostname", "env-file", "init"};
  BOOST_TEST(nearest("intractive", words).value() == "interactive");
  BOOST_TEST(nearest("hostnam", words).value() == "hostname");
  BOOST_TEST(nearest("tyy", words).value() == "tty");
  BOOST_TEST(nearest("hsotname", words).value() == "hostname");
  BOOST_TEST(nearest("inti", words).value() == "init");
  BOOST_TEST(nearest("envfile", words).value() == "env-file");
  BOOST_TEST(!nearest("frobnicate", words));
  BOOST_TEST(!nearest("", words));
  BOOST_TEST(!nearest("x", std::vector<std::string_view>{"y"}));
  BOOST_TEST(!nearest(std::string(100'000, 'a'), words));
}

BOOST_AUTO_TEST_CASE(splitting_keeps_empty_pieces) {
  BOOST_TEST((split("", ':') == std::vector<std::string_view>{""}));
  BOOST_TEST((split("a::b:", ':') == std::vector<std::string_view>{"a", "", "b", ""}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(base_error)

BOOST_AUTO_TEST_CASE(the_line_leaves_out_what_is_empty) {
  Error error;
  error.where = "exec";
  error.what = "/bin/nosuch";
  error.err = ENOENT;
  BOOST_TEST(error.line() == "exec: /bin/nosuch: No such file or directory");
  error.hint = "look again";
  BOOST_TEST(error.line() == "exec: /bin/nosuch: No such file or directory; look again");
  error.why = "the interpreter is missing";
  error.what.clear();
  BOOST_TEST(error.line() == "exec: the interpreter is missing; look again");
  error.why.clear();
  error.err = 0;
  error.where.clear();
  BOOST_TEST(error.line() == "look again");
  error.err = 5555;
  BOOST_TEST(error.line() == "errno 5555; look again");
}

BOOST_AUTO_TEST_CASE(names_cannot_forge_a_line) {
  Error error;
  error.where = "exec\nsup: all is well";
  error.what = "\x1b[2J\xFF";
  error.why = "\xE2\x80\xAE";
  error.hint = "\r";
  BOOST_TEST(error.line() == "exec\\x0asup: all is well: \\x1b[2J\\xff: \\xe2\\x80\\xae; \\x0d");
}

BOOST_AUTO_TEST_CASE(usage_is_125) {
  const auto error = usage("run", "Missing container command", "see --help").error();
  BOOST_TEST(error.status == 125);
  BOOST_TEST(error.code == "E_USAGE");
  BOOST_TEST(error.line() == "run: Missing container command; see --help");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(base_clock)

struct Zone {
  explicit Zone(const char* zone) {
    if (const char* tz = getenv("TZ")) before = tz;
    setenv("TZ", zone, 1);
    tzset();
  }
  ~Zone() {
    if (before.empty()) {
      unsetenv("TZ");
    } else {
      setenv("TZ", before.c_str(), 1);
    }
    tzset();
  }
  std::string before;
};

BOOST_AUTO_TEST_CASE(times_as_rfc_3339_writes_them) {
  {
    const Zone zone("CET-1");
    BOOST_TEST(rfc3339({1795424400, 123'999}) == "2026-11-23T10:00:00.000123+01:00");
    BOOST_TEST(rfc3339({1795424400, 999'999'999}) == "2026-11-23T10:00:00.999999+01:00");
  }
  {
    const Zone zone("NST3:30");
    BOOST_TEST(rfc3339({1795424401, 0}) == "2026-11-23T05:30:01.000000-03:30");
  }
  {
    const Zone zone("UTC0");
    BOOST_TEST(rfc3339({0, 0}) == "1970-01-01T00:00:00.000000+00:00");
  }
}

BOOST_AUTO_TEST_CASE(summer_time_changes_the_offset) {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  BOOST_TEST(rfc3339({1774745999, 0}) == "2026-03-29T01:59:59.000000+01:00");
  BOOST_TEST(rfc3339({1774746000, 0}) == "2026-03-29T03:00:00.000000+02:00");
}

BOOST_AUTO_TEST_CASE(the_monotonic_clock_does_not_go_back) {
  std::int64_t last = now_us();
  BOOST_TEST(last > 0);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t next = now_us();
    BOOST_REQUIRE(next >= last);
    last = next;
  }
}

BOOST_AUTO_TEST_SUITE_END()
