// Plans of exec: what one more command in a container is told to do.
#include <sched.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>
#include <vector>

#include "plan_cases.h"
#include "spec/capabilities.h"
#include "spec/plan.h"

using namespace sup;
using namespace sup::test;
using wire::Op;

BOOST_AUTO_TEST_SUITE(spec_exec_plan)

// What comes in by exec is bound by the very steps that the container's own command is bound by.
BOOST_AUTO_TEST_CASE(exec_is_confined_as_run_is) {
  each_spec([](const Spec& spec, const Facts& facts, const Plan& plan) {
    Inside inside;
    inside.namespaces = CLONE_NEWNS | CLONE_NEWPID;
    if (facts.uid != 0) inside.uid = 1000, inside.gid = 1001;
    Spec exec;
    exec.argv = spec.argv;
    exec.tty = spec.tty;
    const auto joined = compile_exec(spec, facts, exec, inside);
    BOOST_REQUIRE(joined.has_value());
    const auto own = [](const Plan& of) {
      // Behind the session, its keyring and the host name, which stand where the kind of plan wants them.
      std::size_t from = 0;
      for (const Op op : {Op::setsid, Op::keyring, Op::hostname})
        from = std::max(from, last_place(of, op).value_or(0) + 1);
      BOOST_REQUIRE(place(of, Op::setsid) && place(of, Op::keyring));
      std::vector<Step> steps(of.steps.begin() + static_cast<std::ptrdiff_t>(from), of.steps.end());
      // The numbers of what else is closed differ, and a child of --init's needs no wish of its own.
      std::erase_if(steps, [](const Step& s) { return s.op == Op::pdeathsig || s.op == Op::close_from; });
      return steps;
    };
    BOOST_REQUIRE(own(*joined) == own(plan));
    BOOST_REQUIRE(joined->clone_flags == 0U);
    BOOST_REQUIRE(!joined->user_namespace);
    BOOST_REQUIRE(joined->joins);
    BOOST_REQUIRE(joined->tty == spec.tty);
    const std::vector<Op> head{Op::pdeathsig, Op::signals_default, Op::join, Op::pdeathsig, Op::wait, Op::setsid};
    for (std::size_t i = 0; i < head.size(); ++i) BOOST_REQUIRE(joined->steps[i].op == head[i]);
    BOOST_REQUIRE(joined->steps[2].n[0] == inside.namespaces);
    BOOST_REQUIRE(joined->steps[2].n[1] == static_cast<std::uint64_t>(joined->join_fd()));
    BOOST_REQUIRE(joined->steps[2].n[2] == (spec.privileged ? 0 : host_root_dropped()));
    if (place(*joined, Op::ids)) BOOST_REQUIRE(*last_place(*joined, Op::pdeathsig) > *place(*joined, Op::ids));
    for (const Op op : {Op::hostname, Op::link_up, Op::stay, Op::mount, Op::unshare})
      BOOST_REQUIRE(!place(*joined, op));
  });
}

namespace {

std::string joined(const std::function<void(Spec& container, Facts&, Spec& exec, Inside&)>& change) {
  Facts facts = root_facts();
  Spec container;
  container.argv = {"sleep", "9"};
  Spec exec;
  exec.argv = {"ls"};
  Inside inside;
  inside.namespaces = CLONE_NEWNS | CLONE_NEWPID;
  inside.passwd = "eve:x:7:8::/home/eve:/bin/sh\n";
  inside.group = "disk:x:6:eve\n";
  if (change) change(container, facts, exec, inside);
  const auto plan = compile_exec(container, facts, exec, inside);
  if (!plan) return "error " + plan.error().code + " " + plan.error().line() + "\n";
  std::string out;
  for (const Step& step : plan->steps) {
    if (step.op != Op::capbset_drop) out += describe(step) + "\n";
    if (step.op != Op::exec) continue;
    for (const auto& entry : step.lists[2]) out += entry + "\n";
  }
  return out;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(exec_in_full) {
  BOOST_TEST(joined(nullptr) ==
             "die with the supervisor (SIGKILL)\nset every signal to its default\n"
             "join the container's namespaces: mnt,pid\n"
             "die with the supervisor (SIGKILL)\n"
             "wait for the start\n"
             "start a session\n"
             "take a new session keyring\n"
             "keep every capability that is not dropped, none ambient\n"
             "change to /job\n"
             "close descriptors from 4 up\n"
             "let signals in\n"
             "exec ls as /usr/bin/ls, else /bin/ls, with 4 variables\n"
             "PATH=/usr/bin:/bin\nHOME=/root\nTERM=vt100\ncontainer=sup\n");
}

BOOST_AUTO_TEST_CASE(exec_takes_environment_directory_and_user_on_top_of_the_containers) {
  const auto all = joined([](Spec& container, Facts&, Spec& exec, Inside&) {
    container.env = {{"A", "1"}, {"B", "2"}};
    container.user = "bob";
    container.workdir = "/srv";
    exec.env = {{"B", "3"}, {"C", "4"}, {"D", std::nullopt}, {"container", "no"}};
  });
  for (const auto* part : {"\nA=1\nB=3\n", "\nC=4\n", "HOME=/home/bob\n", "container=sup\n",
                           "set the groups to 1001,4,44\nbecome uid 1000, gid 1001\n", "change to /srv\n"}) {
    BOOST_TEST(says(all, part), part << "\n" << all);
  }
  BOOST_TEST(!says(all, "D="));
  // Names are those of the container as it is now, not as it was at its start.
  const auto eve = joined([](Spec& container, Facts&, Spec& exec, Inside&) {
    container.user = "bob";
    exec.user = "eve";
    exec.workdir = "x";
  });
  for (const auto* part : {"HOME=/home/eve\n", "set the groups to 8,6\nbecome uid 7, gid 8\n", "change to /job/x\n"})
    BOOST_TEST(says(eve, part), part << "\n" << eve);
  BOOST_TEST(says(joined([](Spec&, Facts&, Spec& exec, Inside&) { exec.user = "bob"; }), "error E_USER"));
  BOOST_TEST(says(joined([](Spec&, Facts&, Spec& exec, Inside&) { exec.argv.clear(); }), "error E_USAGE"));
  // A directory of the caller's that has gone is needed for a relative one only.
  const auto lost = [](const char* to) {
    return joined([to](Spec&, Facts& facts, Spec& exec, Inside&) { facts.cwd.clear(), exec.workdir = to; });
  };
  BOOST_TEST(says(lost("/tmp"), "change to /tmp\n"));
  BOOST_TEST(says(lost("tmp"), "error E_WORKDIR"));
}

BOOST_AUTO_TEST_CASE(exec_of_a_user_in_a_container_that_has_one) {
  const auto as = [](const char* user) {
    return joined([user](Spec&, Facts& facts, Spec& exec, Inside& inside) {
      facts.uid = 1000, facts.gid = 1001;
      inside.uid = 7, inside.gid = 8;
      exec.user = user;
    });
  };
  BOOST_TEST(!says(as("7:8"), "become"));
  BOOST_TEST(!says(as("eve"), "become"));
  BOOST_TEST(says(as("eve"), "HOME=/home/eve\n"));
  for (const auto* other : {"0", "7:0", "7"}) {
    const bool ok = std::string(other) == "7";  // eve's own group
    BOOST_TEST(says(as(other), "error E_USER") == !ok, other);
  }
}

BOOST_AUTO_TEST_SUITE_END()
