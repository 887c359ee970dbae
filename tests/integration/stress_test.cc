// Much of everything. Sizes are what must hold in every run; $SUP_STRESS makes them larger.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "probe/pattern.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

void last_lines(const char* flag, long times) {
  for (long i = 0; i < times; ++i) {
    Start start;
    start.events = false;
    start.args = {
        "--events", "none", "run", flag, probe_path(), "lastline", std::to_string(i), std::to_string(i % 100)};
    const auto result = run(start);
    if (result.code != i % 100 || !has(result.out, "last line of " + std::to_string(i))) {
      BOOST_ERROR("round " << i << ": " << result.code << " " << shown(result.out) << shown(result.err));
      return;
    }
  }
}

// Reads the pattern as it comes, so that a quarter of a gigabyte is never held.
class Checked : public Process {
 public:
  using Process::Process;
  void check_all(std::uint64_t size, milliseconds deadline) {
    Pattern pattern(Pattern::Kind::text);
    bool good = true;
    long peak = 0;
    wait_until(
        [&] {
          if (!out_.empty()) {
            good = good && pattern.check(out_.data(), out_.size());
            out_.clear();
          }
          if (peak == 0 || pattern.done() % 7 == 0) peak = std::max(peak, rss_peak_kib(pid()));
          return !good || pattern.done() >= size;
        },
        "all bytes", deadline);
    BOOST_TEST(good, "a wrong byte at " << pattern.bad_at());
    BOOST_TEST(pattern.done() == size);
    BOOST_TEST(wait().code() == 0);
    BOOST_TEST(out_.empty(), "more than was written");
    BOOST_TEST(peak < memory_bound_kib(), "peak RSS " << peak << " KiB");
  }
};

Start writing(const char* flag, long size) {
  Start start;
  start.args = {"run", flag, probe_path(), "write", std::to_string(size)};
  return start;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stress, Clean, *but::label("stress") * but::label("slow"))

BOOST_AUTO_TEST_CASE(a_thousand_last_lines_on_a_tty) { last_lines("-t", scaled(1000)); }
BOOST_AUTO_TEST_CASE(a_thousand_last_lines_on_a_pipe) { last_lines("--sig-proxy", scaled(1000)); }

BOOST_AUTO_TEST_CASE(a_quarter_gigabyte_through_a_tty) {
  Checked process(writing("-t", 256L << 20));
  process.check_all(256UL << 20, 120s);
}

BOOST_AUTO_TEST_CASE(a_quarter_gigabyte_through_a_pipe) {
  Checked process(writing("--sig-proxy", 256L << 20));
  process.check_all(256UL << 20, 120s);
}

BOOST_AUTO_TEST_CASE(a_paste_of_a_mebibyte, *but::label("both")) {
  Start start;
  start.args = {"run", "-ti", probe_path(), "rawread", std::to_string(1 << 20)};
  Terminal terminal(start);
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST_REQUIRE(terminal.wait_raw());
  std::string bytes(1 << 20, '\0');
  Pattern(Pattern::Kind::binary).fill(bytes.data(), bytes.size());
  terminal.send(bytes);
  BOOST_TEST(terminal.wait_out("read 1048576 ok", 60s));
  BOOST_TEST(terminal.finish().code() == 0);
}

BOOST_AUTO_TEST_CASE(a_paste_from_a_pipe) {
  Start start;
  start.args = {"run", "-ti", probe_path(), "rawread", std::to_string(1 << 20)};
  start.in = Start::In::open;
  Process process(start);
  BOOST_TEST_REQUIRE(process.wait_out("ready"));
  std::string bytes(1 << 20, '\0');
  Pattern(Pattern::Kind::binary).fill(bytes.data(), bytes.size());
  process.send(bytes);
  BOOST_TEST(process.wait_out("read 1048576 ok", 60s));
  process.close_input();
  BOOST_TEST(process.wait().code() == 0);
}

BOOST_AUTO_TEST_CASE(many_at_once, *but::label("both")) {
  std::vector<std::unique_ptr<Process>> all;
  const long total = scaled(50);
  for (long i = 0; i < total; ++i) {
    Start start;
    start.args = {
        "run", i % 2 == 0 ? "-t" : "--init", probe_path(), "lastline", std::to_string(i), std::to_string(i % 100)};
    all.push_back(std::make_unique<Process>(start));
  }
  for (long i = 0; i < total; ++i) {
    auto& process = *all[static_cast<std::size_t>(i)];
    BOOST_TEST(process.wait(60s).code() == i % 100);
    BOOST_TEST(has(process.out(), "last line of " + std::to_string(i)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
