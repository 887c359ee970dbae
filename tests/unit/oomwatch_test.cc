// What v1 says of a kill comes before the kill.
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/oomwatch.h"
#include "loop/loop.h"

using namespace sup;

namespace {

struct Told {
  explicit Told(Loop& loop, int from) : loop_(loop), from_(from) {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    BOOST_REQUIRE(fd);
    fd_ = fd.get();
    watch = OomWatch::open(loop, {.fd = std::move(fd), .driver = &cgroup_driver(CgroupVersion::v1)},
                           [this] { return ++looks >= from_; });
    BOOST_REQUIRE(watch);
  }
  void tell() const {
    const std::uint64_t one = 1;
    BOOST_REQUIRE(::write(fd_, &one, sizeof one) == sizeof one);
  }
  // Until nothing of it is left to wait for; the watch itself goes at the end.
  void run() {
    Timer end(loop_);
    end.start(std::chrono::milliseconds(500), [this] { loop_.stop(); });
    loop_.run();
  }
  int looks = 0;
  std::unique_ptr<OomWatch> watch;

 private:
  Loop& loop_;
  int from_;
  int fd_ = -1;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(oom_watch)

BOOST_AUTO_TEST_CASE(a_kill_that_comes_late_is_looked_for_again) {
  Loop loop;
  Told told(loop, 4);
  told.tell();
  told.run();
  BOOST_TEST(told.looks == 5);  // once more after it was seen: there may have been two
}

BOOST_AUTO_TEST_CASE(one_that_never_comes_is_not_looked_for_without_end) {
  Loop loop;
  Told told(loop, 1000);
  told.tell();
  told.run();
  BOOST_TEST(told.looks == 8);
}

BOOST_AUTO_TEST_CASE(nobody_looks_when_nothing_is_told) {
  Loop loop;
  Told told(loop, 1);
  told.run();
  BOOST_TEST(told.looks == 0);
  BOOST_TEST(!OomWatch::open(loop, {}, [] { return true; }));
}

BOOST_AUTO_TEST_SUITE_END()
