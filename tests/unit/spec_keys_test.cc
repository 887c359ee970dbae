// What is typed: the detach sequence and the end of the input.
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>

#include "spec/eof.h"
#include "spec/keys.h"

using namespace sup;
using namespace std::string_literals;

BOOST_AUTO_TEST_SUITE(spec_keys)

BOOST_AUTO_TEST_CASE(dockers_grammar) {
  BOOST_TEST(parse_detach_keys("ctrl-p,ctrl-q").value() == "\x10\x11");
  BOOST_TEST(parse_detach_keys("").value() == "");
  BOOST_TEST(parse_detach_keys("a").value() == "a");
  BOOST_TEST(parse_detach_keys("ctrl-@").value() == "\0"s);
  BOOST_TEST(parse_detach_keys("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_").value() == "\x1b\x1c\x1d\x1e\x1f");
  BOOST_TEST(parse_detach_keys("ctrl-a,x,ctrl-z").value() == "\x01x\x1a");
  for (const char* bad :
       {",", "a,", ",a", "ab", "ctrl-", "ctrl-P", "ctrl-1", "ctrl-pp", "Ctrl-p", "ctrl-p ctrl-q", "ü", "\xFF"}) {
    BOOST_TEST(!parse_detach_keys(bad), bad);
  }
}

BOOST_AUTO_TEST_CASE(the_sequence_detaches) {
  DetachFilter filter("\x10\x11");
  auto out = filter.feed("ab\x10");
  BOOST_TEST(out.pass == "ab");
  BOOST_TEST(!out.detached);
  BOOST_TEST(filter.holding());
  out = filter.feed("\x11rest");
  BOOST_TEST(out.pass == "");
  BOOST_TEST(out.detached);
  BOOST_TEST(out.used == 1U);
  BOOST_TEST(!filter.holding());
}

BOOST_AUTO_TEST_CASE(a_repeated_prefix_still_detaches) {
  DetachFilter filter("\x10\x11");
  const auto out = filter.feed("\x10\x10\x11");
  BOOST_TEST(out.pass == "\x10");
  BOOST_TEST(out.detached);
  DetachFilter longer("aab");
  const auto second = longer.feed("aaab");
  BOOST_TEST(second.pass == "a");
  BOOST_TEST(second.detached);
}

BOOST_AUTO_TEST_CASE(a_held_prefix_is_released) {
  DetachFilter filter("\x10\x11");
  BOOST_TEST(filter.feed("\x10").pass == "");
  BOOST_TEST(filter.release() == "\x10");
  BOOST_TEST(!filter.holding());
  BOOST_TEST(filter.release() == "");
  const auto out = filter.feed("\x11");   // what was released is no start any more
  BOOST_TEST(out.pass == "\x11");
  BOOST_TEST(!out.detached);
}

BOOST_AUTO_TEST_CASE(without_keys_everything_passes) {
  DetachFilter filter("");
  const auto out = filter.feed("\x10\x11\0x"s);
  BOOST_TEST(out.pass == "\x10\x11\0x"s);
  BOOST_TEST(out.used == 4U);
  BOOST_TEST(!out.detached);
}

// Against the plainest model there is: find the sequence in the bytes since the last release.
BOOST_AUTO_TEST_CASE(nothing_is_lost_or_invented) {
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string keys(1 + random() % 4, '\0');
    for (char& c : keys) c = static_cast<char>('a' + random() % 2);
    DetachFilter filter(keys);
    std::string given;
    std::string since;   // fed after the last release
    std::string got;
    bool detached = false;
    for (int piece = 0; piece < 6 && !detached; ++piece) {
      std::string bytes(random() % 5, '\0');
      for (char& c : bytes) c = static_cast<char>('a' + random() % 2);
      const auto out = filter.feed(bytes);
      got += out.pass;
      detached = out.detached;
      given += bytes.substr(0, out.used);
      since += bytes.substr(0, out.used);
      const std::size_t found = (since + (detached ? "" : bytes.substr(out.used))).find(keys);
      BOOST_REQUIRE(detached == (found != std::string::npos));
      if (detached) {
        BOOST_REQUIRE(found + keys.size() == since.size());
      } else {
        BOOST_REQUIRE(out.used == bytes.size());
        if (random() % 4 == 0) {
          got += filter.release();
          since.clear();
          BOOST_REQUIRE(got == given);
        }
      }
    }
    if (detached) {
      BOOST_REQUIRE(got + keys == given);
    } else {
      BOOST_REQUIRE(got + filter.release() == given);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(spec_eof)

// The modes of a fresh pty, as Linux makes them.
termios fresh() {
  termios modes{};
  modes.c_iflag = ICRNL | IXON;
  modes.c_oflag = OPOST | ONLCR;
  modes.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  modes.c_cc[VINTR] = 3;
  modes.c_cc[VQUIT] = 0x1c;
  modes.c_cc[VERASE] = 0x7f;
  modes.c_cc[VKILL] = 0x15;
  modes.c_cc[VEOF] = 4;
  modes.c_cc[VSTART] = 0x11;
  modes.c_cc[VSTOP] = 0x13;
  modes.c_cc[VSUSP] = 0x1a;
  modes.c_cc[VREPRINT] = 0x12;
  modes.c_cc[VWERASE] = 0x17;
  modes.c_cc[VLNEXT] = 0x16;
  return modes;
}

int after(std::string_view bytes, const termios& modes = fresh()) {
  EofTracker tracker;
  tracker.feed(bytes, modes);
  return tracker.needed(modes);
}

BOOST_AUTO_TEST_CASE(one_where_a_line_begins_two_in_the_middle) {
  BOOST_TEST(after("") == 1);
  BOOST_TEST(after("hi\n") == 1);
  BOOST_TEST(after("hi\r") == 1);   // ICRNL
  BOOST_TEST(after("hi") == 2);
  BOOST_TEST(after("hi\nyo") == 2);
  BOOST_TEST(after("hi\x04") == 1);   // the VEOF handed the line over
  BOOST_TEST(after("hi\x7f\x7f") == 1);
  BOOST_TEST(after("hi\x7f") == 2);
  BOOST_TEST(after("hi there\x17\x17") == 1);
  BOOST_TEST(after("hi\x15") == 1);
  BOOST_TEST(after("hi\x03") == 1);   // the signal flushes the line
  BOOST_TEST(after("\x16\n") == 2);   // a literal newline is no line end
  BOOST_TEST(after("\x16") == 3);
  BOOST_TEST(after("\x11\x13") == 1);   // flow control is not input
  BOOST_TEST(after(std::string(100'000, 'x')) == 2);
  BOOST_TEST(after(std::string(100'000, 'x') + std::string(4095, '\x7f')) == 1);   // the kernel kept 4095
}

BOOST_AUTO_TEST_CASE(it_may_come_in_pieces) {
  EofTracker tracker;
  const termios modes = fresh();
  tracker.feed("h", modes);
  tracker.feed("i", modes);
  BOOST_TEST(tracker.needed(modes) == 2);
  tracker.feed("\n", modes);
  BOOST_TEST(tracker.needed(modes) == 1);
  tracker.feed("\x16", modes);
  tracker.feed("\x04", modes);
  BOOST_TEST(tracker.needed(modes) == 2);
}

BOOST_AUTO_TEST_CASE(the_modes_decide) {
  termios modes = fresh();
  modes.c_iflag &= ~static_cast<tcflag_t>(ICRNL);
  BOOST_TEST(after("hi\r", modes) == 2);
  modes = fresh();
  modes.c_iflag |= IGNCR;
  BOOST_TEST(after("\r", modes) == 1);
  modes = fresh();
  modes.c_lflag |= NOFLSH;
  BOOST_TEST(after("hi\x03", modes) == 2);
  modes = fresh();
  modes.c_lflag &= ~static_cast<tcflag_t>(ISIG);
  BOOST_TEST(after("\x03", modes) == 2);
  modes = fresh();
  modes.c_iflag |= IUTF8;
  BOOST_TEST(after("é\x7f", modes) == 1);
  BOOST_TEST(after("é\x7f") == 2);   // without IUTF8 one byte goes
  modes = fresh();
  modes.c_cc[VEOF] = 'q';
  BOOST_TEST(after("hiq", modes) == 1);
  BOOST_TEST(after("hi\x04", modes) == 2);
}

BOOST_AUTO_TEST_CASE(none_helps_where_there_is_no_veof) {
  termios modes = fresh();
  modes.c_lflag &= ~static_cast<tcflag_t>(ICANON);
  BOOST_TEST(after("hi", modes) == 0);
  modes = fresh();
  modes.c_cc[VEOF] = _POSIX_VDISABLE;
  BOOST_TEST(after("hi\n", modes) == 0);
}

BOOST_AUTO_TEST_CASE(bytes_fed_raw_may_be_a_begun_line) {
  termios raw = fresh();
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON);
  EofTracker tracker;
  tracker.feed("cat\r", raw);
  BOOST_TEST(tracker.needed(fresh()) == 2);
  tracker.feed("x\n", fresh());
  BOOST_TEST(tracker.needed(fresh()) == 1);
}

// The kernel itself is the judge: after needed() VEOFs a reader sees the end, and not one earlier.
BOOST_AUTO_TEST_CASE(a_real_terminal_agrees) {
  std::mt19937 random(7);
  const std::string alphabet =
      "aab _-\x7f\x7f\x17\x15\x16\x04\r\n\xc3\xa9\xa9\x12\x11";   // no ^C: its flush races with the reader
  for (int round = 0; round < 300; ++round) {
    int master = -1;
    int slave = -1;
    BOOST_REQUIRE(openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    termios modes{};
    tcgetattr(slave, &modes);
    if (round % 3 == 0) modes.c_iflag |= IUTF8;
    if (round % 2 == 0) modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(slave, TCSANOW, &modes);
    std::string input(random() % 12, '\0');
    for (char& c : input) c = alphabet[random() % alphabet.size()];

    EofTracker tracker;
    tracker.feed(input, modes);
    const int needed = tracker.needed(modes);
    // The input's own ends of file come first; they are counted by feeding the input cut before each.
    int before = 0;
    EofTracker replay;
    for (const char c : input) {
      if (c == '\x04' && replay.needed(modes) == 1) ++before;
      replay.feed(std::string_view(&c, 1), modes);
    }
    const std::string all = input + std::string(static_cast<std::size_t>(needed), '\x04');
    BOOST_REQUIRE(write(master, all.data(), all.size()) == static_cast<ssize_t>(all.size()));
    // Blocking reads behind a deadline: the ends that must come do come, and none after them.
    int ends = 0;
    char buffer[4096];
    pollfd ready{slave, POLLIN, 0};
    while (ends < before + 1 && poll(&ready, 1, 5000) == 1) {
      if (read(slave, buffer, sizeof buffer) == 0) ++ends;
    }
    BOOST_TEST(ends == before + 1, "round " << round);
    BOOST_TEST(poll(&ready, 1, 0) == 0, "round " << round);
    close(master);
    close(slave);
  }
}

BOOST_AUTO_TEST_SUITE_END()
