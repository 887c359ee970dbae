// init as the PID 1 that stays, against the recording fake: what it reports, forwards, reaps and holds.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "init_fake.h"

namespace {
using namespace sup;
using namespace sup::init;
using namespace sup::init::test;
using wire::Op;
using wire::Say;
using Strings = std::vector<std::string>;

constexpr std::int16_t kIn = sys::kPollIn;
constexpr std::array<std::int16_t, 2> kSignal = {kIn, 0};

std::vector<unsigned char> plan() { return Block().add(Op::setsid).add(Op::stay).add(Op::umask, {18}).exec().bytes(); }

Strings beginning_with(const Fake& fake, const std::string& what) {
  Strings out;
  std::copy_if(fake.calls.begin(), fake.calls.end(), std::back_inserter(out),
               [&](const std::string& call) { return call.starts_with(what); });
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(init_pid1)

BOOST_AUTO_TEST_CASE(a_whole_life_call_by_call) {
  Fake fake;
  fake.dead = {{0, 0}, {9, 0}, {2, 7U << 8}};
  fake.polls = {kSignal};
  fake.signals = {std::vector<int>{sys::kSigChld}};
  BOOST_CHECK(fake.interpret(plan()) == 7);
  const Strings want = {"setsid()",
                        "prctl(4, 0)",                       // not dumpable, before there is a command
                        "sigaction(17, 0)", "sigmask(0, 18446744073709551615)", "signalfd()", "read(52)",
                        "clone(16657)",
      // the child
                        "sigmask(2, 2748)", "umask(18)", "send()", "execve(/bin/x, [x -l], [A=1])",
      // PID 1
                        "prctl(15, sup-init)", "send()", "close_range(0, 6)", "close_range(8, 51)",
                        "close_range(53, 4294967295)", "munmap()", "chdir(/)", "capget()", "capset()", "wait4()",
                        "poll()", "read(52)", "wait4()", "wait4()", "send()", "exit(7)"};
  BOOST_TEST(fake.calls == want, boost::test_tools::per_element());
  const std::vector<Said> said = {{Say::exec, 3, 0, 0}, {Say::running, 3, 0, 2}, {Say::exited, 3, 0, 7U << 8}};
  BOOST_CHECK(fake.said == said);
}

// In a pid namespace that is not its own nothing ends with it: it says so to the control group, whatever ends it.
BOOST_AUTO_TEST_CASE(a_guard_kills_what_is_left) {
  const auto guarded = Block().add(Op::stay, {9}).exec().bytes();
  Fake fake;
  fake.dead = {{2, 7U << 8}};
  BOOST_CHECK(fake.interpret(guarded) == 7);
  // From here on the channel tells of the supervisor's end: a guard that died with it would end nobody.
  const Strings first = {"prctl(4, 0)", "fcntl(9, 2)", "prctl(1, 0)", "sigaction(17, 0)"};
  BOOST_TEST(Strings(fake.calls.begin(), fake.calls.begin() + 4) == first, boost::test_tools::per_element());
  const Strings closed = {"close_range(0, 6)", "close_range(8, 8)", "close_range(10, 51)",
                          "close_range(53, 4294967295)"};
  BOOST_TEST(beginning_with(fake, "close_range") == closed, boost::test_tools::per_element());
  const Strings last = {"send()", "write(9, 1)", "exit(7)"};
  BOOST_TEST(Strings(fake.calls.end() - 3, fake.calls.end()) == last, boost::test_tools::per_element());
  Fake alone;
  alone.polls = {{0, sys::kPollHup}};
  BOOST_CHECK(alone.interpret(guarded) == 125);
  BOOST_TEST(beginning_with(alone, "write") == Strings{"write(9, 1)"}, boost::test_tools::per_element());
  // What cannot be said is left to the exit status, and what is left to the supervisor.
  Fake mute;
  mute.dead = {{2, 7U << 8}};
  mute.answers["send"] = {0, 0, -ENOBUFS};
  BOOST_CHECK(mute.interpret(guarded) == 7);
  BOOST_TEST(beginning_with(mute, "write").empty());
  for (const char* call : {"fcntl(9", "prctl(1, 0"}) {
    Fake failing;
    failing.answers[std::string(call).substr(0, 5)] = {0, -EPERM};
    if (std::string(call).starts_with("fcntl")) failing.answers = {{"fcntl", {-EPERM}}};
    BOOST_CHECK(failing.interpret(guarded) == 125);
    BOOST_TEST(beginning_with(failing, "clone").empty());
  }
}

BOOST_AUTO_TEST_CASE(keeps_no_capability_but_kill) {
  Fake fake;
  fake.dead = {{2, 0}};
  fake.interpret(plan());
  const std::vector<std::uint32_t> want = {1U << 5, 1U << 5, 0, 0, 0, 0};
  BOOST_TEST(fake.capset_to == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ends_as_the_command_ended) {
  const std::vector<std::pair<std::uint32_t, int>> cases = {{0, 0},   {1U << 8, 1}, {255U << 8, 255}, {127U << 8, 127},
                                                            {9, 137}, {15, 143},    {6 | 0x80, 134},  {64, 192}};
  for (const auto& [status, code] : cases) {
    Fake fake;
    fake.dead = {{2, status}};
    BOOST_CHECK(fake.interpret(plan()) == code);
    BOOST_CHECK((fake.said.back() == Said{Say::exited, 3, 0, status}));
  }
}

BOOST_AUTO_TEST_CASE(what_the_child_could_not_do_is_said_once) {
  Fake step;
  step.answers["chdir"] = {-EACCES};
  BOOST_CHECK(step.interpret(Block().add(Op::stay).add(Op::workdir, {}, {"/w"}).exec().bytes()) == 125);
  BOOST_CHECK((step.said == std::vector<Said>{{Say::failed, 1, EACCES, 0}}));
  BOOST_TEST(beginning_with(step, "exit").size() == 2U);   // both processes
  BOOST_TEST(beginning_with(step, "wait4").empty());

  Fake exec;
  exec.answers["execve"] = {-ENOENT, -EACCES};
  BOOST_CHECK(exec.interpret(Block().add(Op::stay).exec({"/a", "/b"}).bytes()) == 125);
  BOOST_CHECK((exec.said == std::vector<Said>{{Say::exec, 1, 0, 0}, {Say::failed, 1, EACCES, 1}}));

  Fake killed;   // by the OOM killer, say
  killed.child_runs = false;
  BOOST_CHECK(killed.interpret(plan()) == 125);
  BOOST_TEST(killed.said.empty());

  Fake waiting;   // the supervisor goes away while the child waits for it
  BOOST_CHECK(waiting.interpret(Block().add(Op::stay).add(Op::wait).exec().bytes()) == 125);
  BOOST_CHECK((waiting.said == std::vector<Said>{{Say::wait, 1, 0, 0}}));
}

BOOST_AUTO_TEST_CASE(every_call_before_the_child_forced_to_fail) {
  const Strings before = {"prctl(4", "sigaction(17", "sigmask(0", "signalfd(", "read(52", "clone("};
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].starts_with("read")) continue;  // nothing to be read
    Fake fake;
    fake.fail_at = 1 + i;
    fake.fail_with = -EMFILE;
    BOOST_CHECK(fake.interpret(plan()) == 125);
    BOOST_TEST(fake.calls[1 + i].starts_with(before[i]));
    BOOST_CHECK((fake.said == std::vector<Said>{{Say::failed, 1, EMFILE, 0}}));
    BOOST_TEST(beginning_with(fake, "execve").empty());
  }
}

BOOST_AUTO_TEST_CASE(forwards_every_signal_but_sigchld) {
  Fake fake;
  Strings want;
  for (int sig = 1; sig <= 64; ++sig) {
    fake.polls.push_back(kSignal);
    fake.signals.push_back({sig});
    fake.dead.push_back({0, 0});
    if (sig != sys::kSigChld) want.push_back("kill(2, " + std::to_string(sig) + ")");
  }
  fake.dead.push_back({2, 0});
  BOOST_CHECK(fake.interpret(plan()) == 0);
  BOOST_TEST(beginning_with(fake, "kill") == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(forwards_several_at_once_in_order) {
  Fake fake;
  fake.dead = {{0, 0}, {2, 0}};
  fake.polls = {kSignal};
  fake.signals = {std::vector<int>{1, sys::kSigChld, 15, 64}};
  fake.interpret(plan());
  BOOST_TEST(beginning_with(fake, "kill") == (Strings{"kill(2, 1)", "kill(2, 15)", "kill(2, 64)"}),
             boost::test_tools::per_element());
}

// It stood in the caller's process group until its setsid: what has come by then the supervisor has as well, and passes on.
BOOST_AUTO_TEST_CASE(what_came_before_the_command_is_not_forwarded) {
  Fake fake;
  fake.dead = {{0, 0}, {2, 0}};
  fake.polls = {kSignal};
  fake.early = {2, 3, 20};
  fake.signals = {std::vector<int>{2}};
  fake.interpret(plan());
  BOOST_TEST(beginning_with(fake, "kill") == Strings{"kill(2, 2)"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reaps_orphans_without_end) {
  Fake fake;
  for (int i = 0; i < 10'000; ++i) {
    fake.dead.push_back({100 + i, 0});
    if (i % 100 == 99) {
      fake.dead.push_back({0, 0});
      fake.polls.push_back(kSignal);
      fake.signals.push_back({sys::kSigChld});
    }
  }
  fake.dead.push_back({2, 5U << 8});
  BOOST_CHECK(fake.interpret(plan()) == 5);
  BOOST_TEST(beginning_with(fake, "wait4").size() == 10'101U);
  BOOST_TEST(fake.said.size() == 3U);
}

BOOST_AUTO_TEST_CASE(ends_at_once_when_the_supervisor_has_gone) {
  const auto end = [](std::int16_t events, std::deque<long> recv) {
    Fake fake;
    fake.polls = {{0, events}};
    fake.answers["recv"] = std::move(recv);
    const auto status = fake.interpret(plan());
    BOOST_TEST(beginning_with(fake, "kill").empty());  // the kernel kills what is left
    return status;
  };
  BOOST_CHECK(end(sys::kPollIn | sys::kPollHup, {}) == 125);
  BOOST_CHECK(end(sys::kPollErr, {-ECONNRESET}) == 125);

  Fake already;  // gone before {running} could be said
  already.answers["send"] = {0, -EPIPE};
  already.polls = {{0, sys::kPollHup}};
  BOOST_CHECK(already.interpret(plan()) == 125);
}

BOOST_AUTO_TEST_CASE(a_command_that_ended_wins_over_a_supervisor_that_has_gone) {
  Fake fake;
  fake.dead = {{2, 3U << 8}};
  fake.answers["send"] = {0, 0, -EPIPE};
  BOOST_CHECK(fake.interpret(plan()) == 3);
}

BOOST_AUTO_TEST_CASE(bytes_without_meaning_are_ignored) {
  Fake fake;
  fake.heard = std::string(200, 'x');
  fake.polls = {{0, kIn}, {0, kIn}, {0, kIn}, {0, kIn}};
  fake.dead = {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {2, 0}};
  BOOST_CHECK(fake.interpret(plan()) == 0);
  BOOST_TEST(fake.heard.empty());

  Fake nothing;  // told to look, and nothing there
  nothing.answers["recv"] = {-EAGAIN, -EINTR};
  nothing.polls = {{0, kIn}, {0, kIn}};
  nothing.dead = {{0, 0}, {0, 0}, {2, 0}};
  BOOST_CHECK(nothing.interpret(plan()) == 0);
}

BOOST_AUTO_TEST_CASE(interrupted_looks_are_taken_again) {
  Fake fake;
  fake.answers = {{"wait4", {-EINTR}}, {"poll", {-EINTR}}, {"read", {0, -EINTR}}};
  fake.polls = {kSignal, kSignal};
  fake.signals = {std::vector<int>{15}};
  fake.dead = {{0, 0}, {0, 0}, {0, 0}, {2, 0}};
  BOOST_CHECK(fake.interpret(plan()) == 0);
  BOOST_TEST(beginning_with(fake, "kill").size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
