// The states of a container: the table as words, and the promises that hold for all of it.
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "spec/lifecycle.h"

using namespace sup;
using S = ContainerState;
using A = ContainerAction;

namespace {

S state_at(std::size_t i) { return static_cast<S>(i); }
A action_at(std::size_t i) { return static_cast<A>(i); }

// All that can happen; what is not here cannot.
constexpr const char* kTable = R"(
created  start starting   stop created   restart starting  remove removed
starting started running  failed exited  stop stopping     kill starting   exited exited  restart stopping  exec starting
running  pause paused     stop stopping  kill running      exited exited   restart stopping  exec running
paused   unpause running  stop stopping  kill paused       exited exited   restart stopping
stopping started stopping failed exited  stop stopping     kill stopping   exited exited  restart stopping  exec stopping
exited   start starting   stop exited    again backoff     restart starting  remove removed
backoff  start starting   stop exited    restart starting
removed
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(lifecycle)

BOOST_AUTO_TEST_CASE(the_table) {
  std::map<std::pair<std::string, std::string>, std::string> expected;
  std::istringstream lines(kTable);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string state, action, next;
    words >> state;
    while (words >> action >> next) expected[{state, action}] = next;
  }
  BOOST_TEST(expected.size() == 37U);
  std::size_t found = 0;
  for (std::size_t s = 0; s < kContainerStates; ++s) {
    for (std::size_t a = 0; a < kContainerActions; ++a) {
      const auto next = next_state(state_at(s), action_at(a));
      const auto want = expected.find({std::string(to_string(state_at(s))), std::string(to_string(action_at(a)))});
      BOOST_TEST_CONTEXT(to_string(state_at(s)) << " " << to_string(action_at(a))) {
        BOOST_TEST(next.has_value() == (want != expected.end()));
        if (next && want != expected.end()) BOOST_TEST(to_string(*next) == want->second);
      }
      found += next ? 1U : 0U;
    }
  }
  BOOST_TEST(found == expected.size());
}

BOOST_AUTO_TEST_CASE(every_refusal_has_words) {
  for (std::size_t s = 0; s < kContainerStates; ++s) {
    for (std::size_t a = 0; a < kContainerActions; ++a) {
      const auto next = next_state(state_at(s), action_at(a), "web");
      BOOST_TEST(next.has_value() == next_state(state_at(s), action_at(a)).has_value());
      if (next) continue;
      const Error& error = next.error();
      BOOST_TEST_CONTEXT(error.line()) {
        BOOST_TEST(error.code == "E_STATE");
        BOOST_TEST(error.what == "web");
        BOOST_TEST(!error.why.empty());
        BOOST_TEST(error.status == 125);
        const A action = action_at(a);
        const bool users = action != A::started && action != A::failed && action != A::exited && action != A::again;
        if (users) BOOST_TEST(error.hint.find("fault of sup") == std::string::npos);
      }
    }
  }
  BOOST_TEST(next_state(S::paused, A::start, "web").error().line() == "start: web: is paused; unpause it first");
  BOOST_TEST(next_state(S::running, A::remove, "web").error().line() ==
             "rm: web: is running; stop it first, or use rm -f");
  BOOST_TEST(next_state(S::exited, A::kill, "web").error().line() ==
             "kill: web: has exited; there is nothing to send a signal to");
  BOOST_TEST(next_state(S::paused, A::exec, "web").error().line() == "exec: web: is paused; unpause it first");
  BOOST_TEST(next_state(S::exited, A::exec, "web").error().line() == "exec: web: has exited; start it first");
  BOOST_TEST(next_state(S::running, A::unpause, "web").error().line() == "unpause: web: is not paused");
}

BOOST_AUTO_TEST_CASE(promises) {
  for (std::size_t s = 0; s < kContainerStates; ++s) {
    const S state = state_at(s);
    // Whatever lives has an end, and only that.
    BOOST_TEST(next_state(state, A::exited).has_value() == is_live(state));
    // Only what does not live is removed, and a signal needs somebody.
    if (next_state(state, A::remove)) BOOST_TEST(!is_live(state));
    BOOST_TEST(next_state(state, A::kill).has_value() == is_live(state));
    if (is_live(state)) BOOST_TEST((next_state(state, A::kill) == state));
    // A stop is never refused while there is a container, and asking twice changes nothing.
    if (state != S::removed) {
      const auto stopped = next_state(state, A::stop);
      BOOST_REQUIRE(stopped.has_value());
      BOOST_TEST((next_state(*stopped, A::stop) == *stopped));
    }
    BOOST_TEST((parse_state(to_string(state)) == state));
    for (std::size_t a = 0; a < kContainerActions; ++a) BOOST_TEST(!next_state(S::removed, action_at(a)));
  }
  BOOST_TEST(!parse_state("dead").has_value());
  BOOST_TEST(!parse_state("").has_value());
}

BOOST_AUTO_TEST_CASE(removal_is_always_reachable) {
  for (std::size_t s = 0; s < kContainerStates; ++s) {
    std::set<S> seen{state_at(s)};
    for (bool grew = true; grew;) {
      grew = false;
      for (const S state : std::set<S>(seen)) {
        for (const A action : {A::stop, A::exited, A::remove}) {
          if (const auto next = next_state(state, action)) grew = seen.insert(*next).second || grew;
        }
      }
    }
    BOOST_TEST(seen.contains(S::removed));
  }
}

BOOST_AUTO_TEST_SUITE_END()
