// The events a supervisor remembers: bounded in bytes, gapless, the latest always there.
#include <boost/test/unit_test.hpp>
#include <string>

#include "core/eventhistory.h"

using namespace sup;

BOOST_AUTO_TEST_SUITE(eventhistory)

BOOST_AUTO_TEST_CASE(it_begins_empty_and_at_any_number) {
  EventHistory history;
  BOOST_TEST(history.first() > history.last());
  history.add(17, "a");
  history.add(18, "b");
  BOOST_TEST(history.first() == 17U);
  BOOST_TEST(history.last() == 18U);
  BOOST_TEST(history.line(17) == "a");
  BOOST_TEST(history.line(18) == "b");
}

BOOST_AUTO_TEST_CASE(the_oldest_go_when_it_is_full) {
  EventHistory history;
  const std::string line(1000, 'x');
  for (std::uint64_t seq = 1; seq <= 5000; ++seq) history.add(seq, line + std::to_string(seq));
  BOOST_TEST(history.last() == 5000U);
  BOOST_TEST(history.first() > 5000U - EventHistory::kMost / 1000);
  BOOST_TEST(history.first() < 5000U - EventHistory::kMost / 1010);
  for (auto seq = history.first(); seq <= history.last(); ++seq)
    BOOST_TEST(history.line(seq) == line + std::to_string(seq));
}

BOOST_AUTO_TEST_CASE(the_latest_stays_however_long) {
  EventHistory history;
  history.add(1, "a");
  history.add(2, std::string(2 * EventHistory::kMost, 'x'));
  BOOST_TEST(history.first() == 2U);
  history.add(3, "c");
  BOOST_TEST(history.first() == 3U);
  BOOST_TEST(history.line(3) == "c");
}

BOOST_AUTO_TEST_SUITE_END()
