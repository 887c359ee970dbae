// Work in slices: between two of them everybody else is served.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "loop/loop.h"
#include "loop/nextturn.h"
#include "loop/stream.h"

using namespace sup;

BOOST_AUTO_TEST_SUITE(next_turn)

BOOST_AUTO_TEST_CASE(what_has_come_is_served_between_two_slices) {
  Loop loop;
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd write(ends[1]);
  int slices = 0;
  int served_after = -1;
  auto stream = Stream::open(loop, Fd(ends[0]), {.on_data = [&](std::string_view) { served_after = slices; }});
  BOOST_REQUIRE(stream.has_value());
  (*stream)->read_start();
  NextTurn next(loop);
  const std::function<void()> slice = [&] {
    // Comes while the first slice is at work.
    if (++slices == 1) BOOST_REQUIRE(::write(write.get(), "x", 1) == 1);
    if (slices < 20) return next.start(slice);
    loop.stop();
  };
  next.start(slice);
  loop.run();
  BOOST_TEST(slices == 20);
  BOOST_TEST(served_after == 1);
}

BOOST_AUTO_TEST_CASE(once_and_what_was_asked_for_last) {
  Loop loop;
  std::vector<int> done;
  NextTurn next(loop);
  next.start([&] { done.push_back(1); });
  next.start([&] { done.push_back(2); });
  BOOST_TEST(done.empty());
  loop.run();  // ends, for nothing is left to wait for
  BOOST_TEST(done == std::vector<int>{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(who_goes_is_not_called) {
  Loop loop;
  bool called = false;
  {
    NextTurn next(loop);
    next.start([&] { called = true; });
  }
  loop.run();
  BOOST_TEST(!called);
}

BOOST_AUTO_TEST_SUITE_END()
