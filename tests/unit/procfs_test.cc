// What a process does with signals, as /proc tells it.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "base/fd.h"
#include "sys/procfs.h"

using namespace sup;

BOOST_AUTO_TEST_SUITE(procfs)

BOOST_AUTO_TEST_CASE(the_attitude_to_signals) {
  int ends[2];
  BOOST_TEST_REQUIRE(::pipe(ends) == 0);
  const Fd read(ends[0]);
  Fd write(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "a) (b 7");
    std::signal(SIGUSR1, [](int) {});
    std::signal(SIGUSR2, SIG_IGN);
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGRTMIN + 1, [](int) {});
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
    if (::write(ends[1], "", 1) == 1) ::pause();
    ::_exit(0);
  }
  BOOST_TEST_REQUIRE(child > 0);
  char byte = 0;
  BOOST_TEST_REQUIRE(::read(read.get(), &byte, 1) == 1);
  for (const int asked : {SIGTERM, SIGRTMIN + 1}) {
    const auto state = signal_state(child, asked);
    BOOST_TEST_REQUIRE(state.has_value());
    BOOST_TEST(state->has_handler(SIGUSR1));
    BOOST_TEST(!state->has_handler(SIGUSR2));
    BOOST_TEST(!state->has_handler(SIGTERM));
    BOOST_TEST(state->ignores(SIGUSR2));
    BOOST_TEST(!state->ignores(SIGUSR1));
    BOOST_TEST(state->blocks(SIGHUP));
    BOOST_TEST(!state->blocks(SIGTERM));
    BOOST_TEST(state->command == "a) (b 7");
  }
  BOOST_TEST(signal_state(child, SIGRTMIN + 1)->has_handler(SIGRTMIN + 1));
  BOOST_TEST(!signal_state(child, SIGRTMIN + 1)->has_handler(SIGRTMIN + 2));
  BOOST_TEST_REQUIRE(::kill(child, SIGKILL) == 0);
  siginfo_t dead{};
  BOOST_TEST_REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &dead, WEXITED | WNOWAIT) == 0);
  // A zombie takes no signal any more.
  BOOST_TEST(!signal_state(child, SIGTERM).has_value());
  BOOST_TEST(!signal_state(child, SIGRTMIN + 1).has_value());
  BOOST_TEST(::waitpid(child, nullptr, 0) == child);
  BOOST_TEST(!signal_state(child, SIGTERM).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
