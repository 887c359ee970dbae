#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sup::test {

Terminal::Terminal(const Start& start, Size size) {
  // in_ is a duplicate, so that writing can be closed without the terminal going away.
  out_fd_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  BOOST_TEST_REQUIRE(static_cast<bool>(out_fd_), "posix_openpt: " << std::strerror(errno));
  BOOST_TEST_REQUIRE(::unlockpt(out_fd_.get()) == 0);
  char name[128];
  BOOST_TEST_REQUIRE(::ptsname_r(out_fd_.get(), name, sizeof name) == 0);
  slave_.reset(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  BOOST_TEST_REQUIRE(static_cast<bool>(slave_), name << ": " << std::strerror(errno));
  // sup may reopen the terminal by its name, so it must belong to the user, as a login makes it.
  if (as_user() && ::geteuid() == 0) BOOST_TEST(::fchown(slave_.get(), uid(), gid()) == 0);
  in_.reset(::fcntl(out_fd_.get(), F_DUPFD_CLOEXEC, 3));
  ::fcntl(out_fd_.get(), F_SETFL, ::fcntl(out_fd_.get(), F_GETFL) | O_NONBLOCK);
  resize(size);
  before_ = settings();
  const int slave = slave_.get();
  const int in = start.in == Start::In::given ? start.in_fd : start.in == Start::In::closed ? -1 : slave;
  launch(start, in, start.out_fd >= 0 ? start.out_fd : slave, start.err_fd >= 0 ? start.err_fd : slave, [slave] {
    ::setsid();
    ::ioctl(slave, TIOCSCTTY, 0);
  });
}

Terminal::~Terminal() {
  // Our slave kept the master from its end; what is left to read was read by wait().
  if (check_ && ended_ && slave_) check_restored();
}

void Terminal::resize(Size size) {
  winsize both{};
  both.ws_row = size.rows;
  both.ws_col = size.columns;
  BOOST_TEST(::ioctl(out_fd_.get(), TIOCSWINSZ, &both) == 0);
}

bool Terminal::raw() const {
  termios mode{};
  return ::tcgetattr(slave_.get(), &mode) == 0 && (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

bool Terminal::wait_raw(bool wanted, milliseconds deadline) {
  return wait_until([&] { return raw() == wanted; }, wanted ? "the terminal to be raw" : "the terminal to be cooked",
                    deadline);
}

void Terminal::hang_up() {
  check_ = false;
  slave_.reset();
  in_.reset();
  out_fd_.reset();
}

Ended Terminal::finish(milliseconds deadline) {
  const bool over = wait_until([&] { return ended_ || state_of(pid_) == 'Z'; }, "the end of the process", deadline);
  if (!over) return end_;
  // All that it wrote is in the pty by now: read until there is nothing.
  for (std::size_t seen = out_.size() + 1; seen != out_.size();) {
    seen = out_.size();
    pump(milliseconds(2));
  }
  if (check_ && slave_) check_restored();
  check_ = false;
  slave_.reset();
  in_.reset();
  out_fd_.reset();
  return wait(deadline);
}

bool Terminal::ask(std::string_view bytes, std::string_view answer, milliseconds deadline) {
  out_.clear();
  send(bytes);
  return wait_out(answer, deadline);
}

std::string Terminal::settings() const {
  termios mode{};
  if (::tcgetattr(slave_.get(), &mode) != 0) return "none";
  char text[256];
  std::snprintf(text, sizeof text, "i%x o%x c%x l%x nonblock=%d cc=", mode.c_iflag, mode.c_oflag, mode.c_cflag,
                mode.c_lflag, (::fcntl(slave_.get(), F_GETFL) & O_NONBLOCK) != 0 ? 1 : 0);
  std::string all = text;
  for (const cc_t c : mode.c_cc) {
    std::snprintf(text, sizeof text, "%02x", c);
    all += text;
  }
  return all;
}

void Terminal::check_restored() {
  BOOST_TEST(settings() == before_,
             "the terminal was not restored\n  before: " << before_ << "\n  after:  " << settings());
}

}  // namespace sup::test
