// Who watches a container: each of them is told, whatever another one does when it is.
#include <boost/test/unit_test.hpp>
#include <functional>
#include <string_view>

#include "core/audience.h"

using namespace sup;

namespace {

struct Watcher : Viewer {
  void output(OutputStream, std::string_view) override {}
  [[nodiscard]] bool full() const override { return false; }
  void input_drained() override {
    ++drained;
    if (when_drained) when_drained();
  }
  void input_closed() override {
    ++closed;
    if (when_drained) when_drained();
  }
  void ended(const Outcome&) override {}
  std::function<void()> when_drained;
  int drained = 0;
  int closed = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(audience)

BOOST_AUTO_TEST_CASE(who_types_on_at_once_keeps_nobody_from_being_told) {
  Audience audience;
  Watcher first, second, third;
  for (auto* one : {&first, &second, &third}) {
    audience.add(*one, std::nullopt);
    one->when_drained = [&audience, one] { audience.active(*one); };
  }
  audience.input_drained();
  audience.input_closed();
  for (const auto* one : {&first, &second, &third}) {
    BOOST_TEST(one->drained == 1);
    BOOST_TEST(one->closed == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
