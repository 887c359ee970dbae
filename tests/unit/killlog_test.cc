// Who was killed for which call: asked of a log that is long, late, or silent.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/killlog.h"
#include "loop/loop.h"
#include "loop/timer.h"

using namespace sup;

namespace {

// A socket that keeps records apart, as /dev/kmsg does.
class Log {
 public:
  Log() {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    const int large = 4 << 20;
    ::setsockopt(write_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large);
  }
  void say(const std::string& record) const {
    BOOST_REQUIRE(::send(write_.get(), record.data(), record.size(), 0) == static_cast<ssize_t>(record.size()));
  }
  void killed(pid_t pid, int call, std::uint64_t when) const {
    say("5,1," + std::to_string(when) +
        ",-;audit: type=1326 audit(1.2:3): auid=0 uid=0 gid=0 ses=1 pid=" + std::to_string(pid) +
        " comm=\"x\" exe=\"x\" sig=31 arch=c000003e syscall=" + std::to_string(call) + " compat=0 ip=0x0 code=0x0\n");
  }
  [[nodiscard]] std::function<Fd()> open() {
    return [this] {
      ++opened;
      return Fd(::dup(read_.get()));
    };
  }
  int opened = 0;

 private:
  Fd read_, write_;
};

constexpr std::uint64_t kNow = 100'000'000;

struct Answers {
  std::vector<std::optional<std::string>> all;
  std::size_t wanted = 1;
  Loop& loop;
  KillLog::Told told() {
    return [this](std::optional<std::string> call) {
      all.push_back(std::move(call));
      if (all.size() == wanted) loop.stop();
    };
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(kill_log)

// The last record of that number counts, none of an earlier process's; and one pass is for all.
BOOST_AUTO_TEST_CASE(one_pass_answers_all_who_ask) {
  Loop loop;
  Log log;
  KillLog kills(loop, log.open());
  log.killed(10, 42, kNow - 50'000'000);
  for (int i = 0; i < 200; ++i) log.say("6,1," + std::to_string(kNow) + ",-;something else\n");
  log.killed(11, 170, kNow);
  log.killed(10, 171, kNow);
  log.killed(12, 170, kNow - 50'000'000);
  log.killed(13, 99999, kNow);
  Answers answers{.all = {}, .wanted = 4, .loop = loop};
  std::vector<std::unique_ptr<KillLog::Question>> questions;
  for (const pid_t pid : {10, 11, 12, 13}) questions.push_back(kills.ask(pid, kNow, answers.told()));
  BOOST_TEST(answers.all.empty());
  loop.run();
  BOOST_TEST(log.opened == 1);
  BOOST_REQUIRE(answers.all.size() == 4U);
  BOOST_TEST(answers.all[0].value_or("") == "setdomainname");
  BOOST_TEST(answers.all[1].value_or("") == "sethostname");
  BOOST_TEST(answers.all[2].value_or("") == "99999");
  BOOST_TEST(!answers.all[3].has_value());  // the one of long ago was another's: waited for, and given up
}

BOOST_AUTO_TEST_CASE(what_comes_late_is_waited_for) {
  Loop loop;
  Log log;
  KillLog kills(loop, log.open());
  Answers answers{.all = {}, .wanted = 1, .loop = loop};
  const auto question = kills.ask(10, kNow, answers.told());
  Timer late(loop);
  late.start(std::chrono::milliseconds(12), [&] { log.killed(10, 171, kNow); });
  loop.run();
  BOOST_REQUIRE(answers.all.size() == 1U);
  BOOST_TEST(answers.all[0].value_or("") == "setdomainname");
}

// Everybody else is served between two slices.
BOOST_AUTO_TEST_CASE(a_long_log_does_not_keep_the_loop) {
  Loop loop;
  Log log;
  KillLog kills(loop, log.open());
  for (int i = 0; i < 200; ++i) log.say("6,1,1,-;something else\n");
  log.killed(10, 171, kNow);
  Answers answers{.all = {}, .wanted = 1, .loop = loop};
  const auto question = kills.ask(10, kNow, answers.told());
  int turns = 0;
  NextTurn other(loop);
  const std::function<void()> turn = [&] {
    ++turns;
    if (answers.all.empty()) other.start(turn);
  };
  other.start(turn);
  loop.run();
  BOOST_TEST(answers.all[0].value_or("") == "setdomainname");
  BOOST_TEST(turns >= 3);
}

BOOST_AUTO_TEST_CASE(who_goes_is_not_told_and_who_cannot_read_is_told_at_once) {
  Loop loop;
  Log log;
  Answers answers{.all = {}, .wanted = 1, .loop = loop};
  KillLog none(loop, [] { return Fd(); });
  {
    KillLog kills(loop, log.open());
    auto gone = kills.ask(10, kNow, answers.told());
    gone.reset();
    auto stays = kills.ask(10, kNow, answers.told());
    BOOST_TEST(log.opened == 2);
    const auto left = std::move(stays);  // and the log goes before who asks
  }
  const auto question = none.ask(10, kNow, answers.told());
  loop.run();
  BOOST_REQUIRE(answers.all.size() == 1U);
  BOOST_TEST(!answers.all[0].has_value());
}

BOOST_AUTO_TEST_SUITE_END()
