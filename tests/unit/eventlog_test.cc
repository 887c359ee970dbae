// The event log and a reader who takes nothing: what waits has a bound, and what was dropped is told of.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "base/fd.h"
#include "core/eventlog.h"
#include "loop/loop.h"

using namespace sup;

namespace {

Event removed() { return {.id = "0123456789ab", .name = std::string(1000, 'n'), .cause = 0, .what = event::Removed{}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(eventlog)

BOOST_AUTO_TEST_CASE(a_reader_who_sleeps_costs_no_more_than_some_memory) {
  int ends[2];
  BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  constexpr std::uint64_t kEvents = 20'000;
  std::string all;
  std::thread reader;
  {
    Loop loop;
    auto log = EventLog::open(loop, "fd:" + std::to_string(write_end.get()), "info", false);
    BOOST_TEST_REQUIRE(log.has_value());
    for (std::uint64_t i = 0; i < kEvents; ++i) (*log)->emit(removed());
    BOOST_TEST((*log)->memory().unsent.size() < std::size_t{5} << 20);
    BOOST_TEST((*log)->memory().dropped > 10'000U);
    reader = std::thread([&] {
      char piece[65536];
      for (ssize_t n = 0; (n = ::read(read_end.get(), piece, sizeof piece)) > 0;)
        all.append(piece, static_cast<std::size_t>(n));
    });
    loop.run();   // until all that waited has been taken
    (*log)->emit(removed());
    (*log)->flush();
  }
  write_end.reset();
  reader.join();
  std::uint64_t lines = 0, last = 0, missing = 0;
  std::istringstream in(all);
  for (std::string line; std::getline(in, line); ++lines) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    BOOST_TEST_REQUIRE(json.is_object(), line);
    const auto seq = json.at("seq").get<std::uint64_t>();
    if (seq != last + 1) missing += seq - last - 1;
    last = seq;
    if (json.at("event") != "error") continue;
    BOOST_TEST(json.at("code") == "E_EVENTS");
    BOOST_TEST(
        json.at("msg").get<std::string>().find(std::to_string(missing) + " lines are missing") != std::string::npos,
        line);
  }
  BOOST_TEST(missing > 0U);
  BOOST_TEST(last == kEvents + 2);   // the notice, and one more
  BOOST_TEST(lines + missing == last);
}

BOOST_AUTO_TEST_SUITE_END()
