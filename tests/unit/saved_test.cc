// What a live upgrade hands over: encoded, read back, and refused where it is not ours.
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "core/container.h"
#include "core/eventlog.h"
#include "core/reaper.h"
#include "core/saved.h"
#include "core/savedcodec.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "spec/eof.h"

using namespace sup;

namespace {

SavedSupervisor example() {
  SavedSupervisor all;
  all.closing = true;
  all.last_number = 9;
  SavedHeld held;
  held.id = "0123456789ab";
  held.number = 7;
  held.spec = R"({"argv":["/bin/true"]})";
  held.environ = {"A=\xff\xfe", std::string("B=\0x", 4)};
  held.state = "running";
  held.again_ms = 1500;
  held.log_held = {"begun \xe2\x82", "", ""};
  held.ring = {{.stream = 2, .bytes = std::string("\x00\xff\r\n", 4)}};
  held.ring_total = 70'000;
  SavedContainer container;
  container.pid = 4711;
  container.pidfd = 12;
  container.master = {.fd = 13, .reading = true, .ended = false, .ending = false, .unsent = "typed\x04"};
  container.spans.clone = 17;
  container.bytes.out = std::uint64_t{1} << 40;
  container.command_status = 256;
  held.container = container;
  held.outcome = SavedOutcome{.ran = false,
                              .error = Error{.code = "E_X", .where = "w", .what = "x", .err = 2},
                              .status = {},
                              .reason = 3,
                              .duration_ms = 12,
                              .bytes = {}};
  all.held.push_back(std::move(held));
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saved)

BOOST_AUTO_TEST_CASE(what_was_written_is_read_back_byte_for_byte) {
  const auto bytes = encode_state({{"supervisor", saved_to_json(example())}});
  const auto state = decode_state(bytes);
  BOOST_REQUIRE(state);
  const auto all = supervisor_from_json(state->at("supervisor"));
  BOOST_REQUIRE(all);
  const auto want = example();
  BOOST_REQUIRE_EQUAL(all->held.size(), 1U);
  const auto& held = all->held[0];
  BOOST_TEST(all->closing);
  BOOST_TEST(all->last_number == 9U);
  BOOST_TEST(held.number == 7U);
  BOOST_TEST(held.environ == want.held[0].environ);
  BOOST_TEST(held.log_held == want.held[0].log_held);
  BOOST_TEST(held.ring[0].bytes == want.held[0].ring[0].bytes);
  BOOST_REQUIRE(held.container);
  BOOST_TEST(held.container->master.unsent == "typed\x04");
  BOOST_TEST(held.container->master.reading);
  BOOST_TEST(held.container->spans.clone.value() == 17U);
  BOOST_TEST(!held.container->spans.exec.has_value());
  BOOST_TEST(held.container->bytes.out.value() == std::uint64_t{1} << 40);
  BOOST_TEST(held.container->command_status.value() == 256);
  BOOST_REQUIRE(held.outcome);
  BOOST_TEST(held.outcome->error.value().code == "E_X");
  // And once more: nothing is left out on the way.
  BOOST_TEST(encode_state({{"supervisor", saved_to_json(*all)}}) == bytes);
}

BOOST_AUTO_TEST_CASE(what_is_missing_has_its_default_and_what_is_new_is_ignored) {
  const auto all = supervisor_from_json({{"held", {{{"id", "a"}, {"from_the_future", 1}}}}});
  BOOST_REQUIRE(all);
  BOOST_TEST(all->held.at(0).state.empty());
  BOOST_TEST(!all->held.at(0).container.has_value());
}

BOOST_AUTO_TEST_CASE(a_state_of_another_kind_is_refused) {
  BOOST_TEST(!decode_state("").has_value());
  BOOST_TEST(!decode_state("not CBOR at all").has_value());
  std::string foreign;
  nlohmann::json::to_cbor({{"format", 999}, {"version", "9.9"}}, foreign);
  const auto refused = decode_state(foreign);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().line().find("9.9") != std::string::npos);
  auto bytes = encode_state({{"supervisor", saved_to_json(example())}});
  for (const std::size_t keep : {std::size_t{1}, bytes.size() / 2, bytes.size() - 1})
    BOOST_TEST(!decode_state(bytes.substr(0, keep)).has_value());
  BOOST_TEST(!supervisor_from_json({{"held", 3}}).has_value());
  BOOST_TEST(!supervisor_from_json({{"held", {{{"id", 5}}}}}).has_value());
  BOOST_TEST(!supervisor_from_json({{"held", {5}}}).has_value());
  BOOST_TEST(!supervisor_from_json({{"held", {{{"environ", {1}}}}}}).has_value());
  BOOST_TEST(!supervisor_from_json({{"held", {{{"container", 1}}}}}).has_value());
  BOOST_TEST(!supervisor_from_json({{"held", {{{"container", {{"spans", {{"clone", "1"}}}}}}}}}).has_value());
  BOOST_TEST(!supervisor_from_json({{"closing", 1}}).has_value());
  BOOST_TEST(!supervisor_from_json(5).has_value());
  BOOST_TEST(supervisor_from_json(nullptr).has_value());
}

BOOST_AUTO_TEST_CASE(a_terminal_s_begun_line_is_remembered) {
  termios modes{};
  modes.c_lflag = ICANON;
  modes.c_cc[VEOF] = 4;
  EofTracker before;
  before.feed("half a line", modes);
  EofTracker after;
  BOOST_TEST(after.needed(modes) == 1);
  after.remember(before.memory());
  BOOST_TEST(after.needed(modes) == before.needed(modes));
  BOOST_TEST(after.needed(modes) == 2);
}

// A process that nobody watches would never have an end.
BOOST_AUTO_TEST_CASE(a_container_that_cannot_be_gone_on_with_ends) {
  Loop loop;
  auto log = EventLog::open(loop, "none", "info", false);
  BOOST_REQUIRE(log);
  Reaper reaper(loop);
  BOOST_REQUIRE(reaper.start());
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const Fd watch(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  SavedContainer saved;
  saved.pid = child;
  saved.pidfd = ::fcntl(watch.get(), F_DUPFD_CLOEXEC, 3);
  saved.out.fd = 1 << 20;   // not open
  saved.out.reading = true;
  Spec spec;
  spec.argv = {"/bin/true"};
  BOOST_TEST(!Container::restore(loop, **log, reaper, spec, {}, saved, {}).has_value());
  pollfd p{.fd = watch.get(), .events = POLLIN, .revents = 0};
  BOOST_TEST(::poll(&p, 1, 10'000) == 1);
  // Reaped, and told to nobody.
  Timer look(loop);
  std::function<void()> until_reaped = [&] {
    if (::kill(child, 0) < 0) return loop.stop();
    look.start(std::chrono::milliseconds(5), until_reaped);
  };
  until_reaped();
  loop.run();
  BOOST_TEST(::kill(child, 0) < 0);
}

BOOST_AUTO_TEST_SUITE_END()
