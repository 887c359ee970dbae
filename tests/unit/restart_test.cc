// Restart policies: their words, every verdict, and the pauses in between.
#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>

#include "spec/restart.h"

using namespace sup;
using Kind = RestartPolicy::Kind;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(restart)

BOOST_AUTO_TEST_CASE(words_are_read_and_written_back) {
  BOOST_TEST((parse_restart("no").value() == RestartPolicy{}));
  for (const char* word : {"no", "on-failure", "on-failure:1", "on-failure:4294967295", "always", "unless-stopped"}) {
    BOOST_TEST(to_string(parse_restart(word).value()) == word);
  }
  BOOST_TEST((parse_restart("on-failure:7").value() == RestartPolicy{Kind::on_failure, 7}));
  BOOST_TEST(to_string(parse_restart("on-failure:0").value()) == "on-failure");
  for (const char* bad :
       {"", "yes", "Always", "on-failure:", "on-failure:-1", "on-failure:x", "on-failure: 1", "on-failure:4294967296",
        "always:3", "no:0", "unless-stopped:1", "on_failure", " no", "no "}) {
    const auto policy = parse_restart(bad);
    BOOST_TEST_CONTEXT(bad) {
      BOOST_REQUIRE(!policy);
      BOOST_TEST(policy.error().code == "E_USAGE");
      BOOST_TEST(policy.error().status == 125);
    }
  }
  BOOST_TEST(parse_restart("alwasy").error().line() == "--restart: alwasy: is no restart policy; did you mean always?");
}

BOOST_AUTO_TEST_CASE(every_combination) {
  using enum RestartVerdict;
  const ExitStatus good{0, 0, false};
  const ExitStatus bad{3, 0, false};
  const ExitStatus killed{0, 9, false};
  for (const std::uint32_t count : {0U, 1U, 2U, 3U, 1'000'000U}) {
    for (const ExitStatus& status : {good, bad, killed}) {
      const bool failed = !(status == good);
      // A user's stop ends it under every policy.
      BOOST_TEST((decide({Kind::no, 0}, status, count, true) == no_policy));
      for (const Kind kind : {Kind::on_failure, Kind::always, Kind::unless_stopped})
        BOOST_TEST((decide({kind, 0}, status, count, true) == stopped));
      BOOST_TEST((decide({Kind::on_failure, 2}, status, count, true) == stopped));

      BOOST_TEST((decide({Kind::no, 0}, status, count, false) == no_policy));
      BOOST_TEST((decide({Kind::always, 0}, status, count, false) == RestartVerdict::restart));
      BOOST_TEST((decide({Kind::unless_stopped, 0}, status, count, false) == RestartVerdict::restart));
      BOOST_TEST(
          (decide({Kind::on_failure, 0}, status, count, false) == (failed ? RestartVerdict::restart : succeeded)));
      BOOST_TEST((decide({Kind::on_failure, 2}, status, count, false) == (!failed     ? succeeded
                                                                          : count < 2 ? RestartVerdict::restart
                                                                                      : exhausted)));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_comes_back) {
  BOOST_TEST(!starts_with_supervisor({Kind::no, 0}, false));
  BOOST_TEST(!starts_with_supervisor({Kind::on_failure, 0}, false));
  BOOST_TEST(starts_with_supervisor({Kind::always, 0}, false));
  BOOST_TEST(starts_with_supervisor({Kind::always, 0}, true));
  BOOST_TEST(starts_with_supervisor({Kind::unless_stopped, 0}, false));
  BOOST_TEST(!starts_with_supervisor({Kind::unless_stopped, 0}, true));
}

BOOST_AUTO_TEST_CASE(pauses_double_up_to_a_minute) {
  const std::int64_t expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000, 60000};
  Backoff least;
  Backoff most;
  Backoff any;
  for (const std::int64_t base : expected) {
    BOOST_TEST(least.next(0).count() == base - base / 10);
    BOOST_TEST(most.next(static_cast<std::uint64_t>(2 * (base / 10))).count() == base + base / 10);
    const auto pause = any.next(std::numeric_limits<std::uint64_t>::max()).count();
    BOOST_TEST(pause >= base - base / 10);
    BOOST_TEST(pause <= base + base / 10);
  }
  BOOST_TEST(least.count() == std::size(expected));
}

BOOST_AUTO_TEST_CASE(staying_up_forgets) {
  Backoff backoff;
  for (int i = 0; i < 5; ++i) (void)backoff.next(0);
  backoff.ended(std::chrono::microseconds(9'999'999));
  BOOST_TEST(backoff.count() == 5U);
  backoff.ended(std::chrono::seconds(10));
  BOOST_TEST(backoff.count() == 0U);
  BOOST_TEST((backoff.next(10) == milliseconds(100)));
  (void)backoff.next(0);
  backoff.reset();
  BOOST_TEST((backoff.next(0) == milliseconds(90)));
}

BOOST_AUTO_TEST_CASE(a_crash_loop_of_years_does_not_overflow) {
  Backoff backoff(std::numeric_limits<std::uint32_t>::max());
  BOOST_TEST((backoff.next(6000) == milliseconds(60'000)));
  BOOST_TEST(backoff.count() == std::numeric_limits<std::uint32_t>::max());
}

BOOST_AUTO_TEST_SUITE_END()
