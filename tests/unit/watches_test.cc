// What epoll(7) refuses to watch is polled.
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "loop/watches.h"

using namespace sup;

namespace {

int refuse_with = 0;  // 0: the kernel is asked
std::set<int> inside;  // what the kernel watches

int kernel(int, int op, int fd, epoll_event*) {
  if (refuse_with != 0) {
    errno = refuse_with;
    return -1;
  }
  if (op == EPOLL_CTL_ADD   ? inside.insert(fd).second
      : op == EPOLL_CTL_DEL ? inside.erase(fd) != 0
                            : inside.contains(fd))
    return 0;
  errno = op == EPOLL_CTL_ADD ? EEXIST : ENOENT;
  return -1;
}

int refuse(int, int op, int, epoll_event*) {
  errno = op == EPOLL_CTL_DEL ? ENOENT : ENOSPC;
  return -1;
}

struct Pipe {
  Pipe() {
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    read = Fd(ends[0]);
    write = Fd(ends[1]);
  }
  Fd read, write;
};

struct Instance {
  Instance() : fd(::epoll_create1(EPOLL_CLOEXEC)) {
    BOOST_REQUIRE(fd);
    refuse_with = 0;
    inside.clear();
  }
  Fd fd;
};

epoll_event reading(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return event;
}

// Watches with the kernel() above for one, and a pipe.
struct Asked {
  Instance epoll;
  Watches watches{epoll.fd.get(), kernel};
  Pipe pipe;
  epoll_event event = reading(pipe.read.get());
};

}  // namespace

BOOST_AUTO_TEST_SUITE(watches)

BOOST_FIXTURE_TEST_CASE(refused_it_is_told_all_the_same_and_asked_for_again, Asked) {
  const int fd = pipe.read.get();
  for (const int err : {ENOSPC, ENOMEM, EPERM}) {
    refuse_with = err;
    BOOST_TEST(watches.control(EPOLL_CTL_ADD, fd, &event) == 0);
    BOOST_TEST(watches.refused() == 1U);
    epoll_event seen[4];
    BOOST_TEST(watches.wait(seen, 4, 0) == 0);
    BOOST_REQUIRE(::write(pipe.write.get(), "x", 1) == 1);
    BOOST_REQUIRE(watches.wait(seen, 4, -1) == 1);
    const std::uint32_t what = seen[0].events;
    const int whose = seen[0].data.fd;
    BOOST_TEST(what == static_cast<std::uint32_t>(EPOLLIN));
    BOOST_TEST(whose == fd);
    char byte = 0;
    BOOST_REQUIRE(::read(fd, &byte, 1) == 1);
    refuse_with = 0;
    BOOST_TEST(watches.wait(seen, 4, 0) == 0);
    BOOST_TEST(watches.refused() == 0U);
    BOOST_TEST(inside.contains(fd));
    BOOST_TEST(watches.control(EPOLL_CTL_DEL, fd, &event) == 0);
    BOOST_TEST(inside.empty());
  }
}

BOOST_FIXTURE_TEST_CASE(a_change_that_is_refused_counts, Asked) {
  const int fd = pipe.write.get();
  event = reading(fd);
  BOOST_TEST(watches.control(EPOLL_CTL_ADD, fd, &event) == 0);
  refuse_with = ENOMEM;
  event.events = EPOLLOUT;
  BOOST_TEST(watches.control(EPOLL_CTL_MOD, fd, &event) == 0);
  epoll_event seen[4];
  BOOST_REQUIRE(watches.wait(seen, 4, -1) == 1);
  const std::uint32_t what = seen[0].events;
  BOOST_TEST(what == static_cast<std::uint32_t>(EPOLLOUT));
  event.events = EPOLLIN;
  BOOST_TEST(watches.control(EPOLL_CTL_MOD, fd, &event) == 0);
  BOOST_TEST(watches.refused() == 1U);
  BOOST_TEST(watches.wait(seen, 4, 0) == 0);
  BOOST_TEST(watches.control(EPOLL_CTL_DEL, fd, &event) == 0);
  BOOST_TEST(watches.refused() == 0U);
}

BOOST_FIXTURE_TEST_CASE(an_end_that_is_refused_is_one, Asked) {
  BOOST_TEST(watches.control(EPOLL_CTL_ADD, pipe.read.get(), &event) == 0);
  for (const int err : {EPERM, ENOMEM}) {
    refuse_with = err;
    BOOST_TEST(watches.control(EPOLL_CTL_DEL, pipe.read.get(), &event) == 0);
    BOOST_TEST(watches.refused() == 0U);
    refuse_with = 0;
    BOOST_TEST(watches.control(EPOLL_CTL_ADD, pipe.read.get(), &event) == -1);
    BOOST_TEST(errno == EEXIST);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_watched_is_refused_to_the_caller) {
  const Instance epoll;
  Watches watches(epoll.fd.get());
  const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  auto event = reading(file.get());
  BOOST_TEST(watches.control(EPOLL_CTL_ADD, file.get(), &event) == -1);
  BOOST_TEST(errno == EPERM);
  BOOST_TEST(watches.control(EPOLL_CTL_ADD, 999'999, &event) == -1);
  BOOST_TEST(errno == EBADF);
  const Pipe pipe;
  BOOST_TEST(watches.control(EPOLL_CTL_ADD, pipe.read.get(), &event) == 0);
  BOOST_TEST(watches.control(EPOLL_CTL_ADD, pipe.read.get(), &event) == -1);
  BOOST_TEST(errno == EEXIST);
  BOOST_TEST(watches.control(EPOLL_CTL_DEL, pipe.write.get(), &event) == -1);
  BOOST_TEST(errno == ENOENT);
  BOOST_TEST(watches.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(watched_and_polled_are_told_together) {
  const Instance epoll;
  Watches watches(epoll.fd.get());
  const Pipe watched;
  auto one = reading(watched.read.get());
  BOOST_REQUIRE(watches.control(EPOLL_CTL_ADD, watched.read.get(), &one) == 0);
  Watches over(epoll.fd.get(), refuse);
  const Pipe polled;
  auto other = reading(polled.read.get());
  BOOST_REQUIRE(over.control(EPOLL_CTL_ADD, polled.read.get(), &other) == 0);
  BOOST_REQUIRE(::write(watched.write.get(), "x", 1) == 1);
  BOOST_REQUIRE(::write(polled.write.get(), "x", 1) == 1);
  epoll_event seen[4];
  BOOST_REQUIRE(over.wait(seen, 4, -1) == 2);
  const std::set<int> whose{seen[0].data.fd, seen[1].data.fd};
  BOOST_TEST((whose == std::set<int>{watched.read.get(), polled.read.get()}));
  BOOST_TEST(over.wait(seen, 1, -1) == 1);
}

BOOST_AUTO_TEST_CASE(a_loop_whose_kernel_watches_nothing_goes_on) {
  Loop loop;
  const Watches none(uv_backend_fd(loop.get()), refuse);
  Pipe pipe;
  std::string got;
  bool ended = false;
  Timer timer(loop);
  auto stream = Stream::open(loop, std::move(pipe.read),
                             {.on_data = [&](std::string_view bytes) { got += bytes; },
                              .on_end =
                                  [&](int) {
                                    ended = true;
                                    loop.stop();
                                  }});
  BOOST_REQUIRE(stream.has_value());
  (*stream)->read_start();
  BOOST_REQUIRE(::write(pipe.write.get(), "one", 3) == 3);
  timer.start(std::chrono::milliseconds{1}, [&] {
    BOOST_TEST(::write(pipe.write.get(), "two", 3) == 3);
    pipe.write.reset();
  });
  loop.run();
  BOOST_TEST(ended);
  BOOST_TEST(got == "onetwo");
  stream->reset();
}

BOOST_AUTO_TEST_SUITE_END()
