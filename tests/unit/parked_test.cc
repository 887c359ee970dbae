// What an init made in advance has done, and for which plans that is right.
#include <sched.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>
#include <vector>

#include "spec/parked.h"

using namespace sup;
using wire::Op;

namespace {

Facts facts_of(uid_t uid) {
  Facts facts;
  facts.id = "0123456789ab";
  facts.uid = facts.gid = uid;
  facts.environ = {"PATH=/bin"};
  facts.cwd = "/job";
  facts.proc_mounts = {"/proc"};
  facts.passwd = "bob:x:1000:1001::/home/bob:/bin/sh\n";
  return facts;
}

Plan compiled(const std::function<void(Spec&, Facts&)>& change, uid_t uid) {
  Spec spec;
  spec.argv = {"ls"};
  Facts facts = facts_of(uid);
  if (change) change(spec, facts);
  auto plan = compile(spec, facts);
  BOOST_REQUIRE(plan);
  return *plan;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spec_parked)

BOOST_AUTO_TEST_CASE(what_is_every_containers_is_done_and_nothing_else) {
  for (const uid_t uid : {0U, 1000U}) {
    const Plan whole = compiled(nullptr, uid);
    const Plan part = parked(whole);
    BOOST_TEST(part.clone_flags == whole.clone_flags);
    BOOST_TEST(part.user_namespace == whole.user_namespace);
    BOOST_REQUIRE(done(part) > 4);
    BOOST_CHECK((part.steps[done(part) - 3].op == Op::link_up));
    BOOST_CHECK((part.steps[done(part) - 2].op == Op::setsid));
    BOOST_CHECK((part.steps[done(part) - 1].op == Op::keyring));
    BOOST_CHECK((whole.steps[done(part)].op == Op::hostname));
    BOOST_CHECK((part.steps.back().op == Op::wait));
    for (std::size_t i = 0; i < done(part); ++i) BOOST_CHECK(part.steps[i] == whole.steps[i]);
    BOOST_CHECK(fits(part, whole));
    BOOST_CHECK(encode(part).has_value());
  }
}

BOOST_AUTO_TEST_CASE(what_only_the_rest_knows_fits) {
  const std::vector<std::function<void(Spec&, Facts&)>> same = {
      [](Spec& s, Facts&) { s.argv = {"sleep", "1"}; },
      [](Spec& s, Facts&) { s.hostname = "box"; },
      [](Spec& s, Facts&) { s.tty = s.interactive = true; },
      [](Spec& s, Facts&) { s.init = true; },
      [](Spec& s, Facts&) { s.workdir = "/"; },
      [](Spec& s, Facts&) { s.privileged = true; },
      [](Spec& s, Facts&) { s.clear_env = true; },
      [](Spec&, Facts& f) { f.id = "ba9876543210"; },
      [](Spec&, Facts& f) { f.cwd = "/elsewhere"; },
  };
  for (const uid_t uid : {0U, 1000U}) {
    const Plan part = parked(compiled(nullptr, uid));
    for (std::size_t i = 0; i < same.size(); ++i)
      BOOST_TEST(fits(part, compiled(same[i], uid)), "case " << i << " uid " << uid);
  }
  BOOST_CHECK(fits(parked(compiled(nullptr, 0)), compiled([](Spec& s, Facts&) { s.user = "bob"; }, 0)));
}

BOOST_AUTO_TEST_CASE(what_would_have_been_done_otherwise_does_not_fit) {
  for (const uid_t uid : {0U, 1000U}) {
    const Plan part = parked(compiled(nullptr, uid));
    const std::vector<std::function<void(Spec&, Facts&)>> other = {
        [](Spec& s, Facts&) { s.network = Network::host; },
        [](Spec& s, Facts&) { s.preserve_fds = 1; },
        [](Spec&, Facts& f) { f.proc_mounts.emplace_back("/srv/proc"); },
        [&](Spec&, Facts& f) { f.uid = f.gid = uid == 0 ? 1000 : 0; },
        [](Spec&, Facts& f) { f.proc_locked = f.uid == 0, f.uid = f.gid = f.uid == 0 ? 0 : 1001; },
    };
    for (std::size_t i = 0; i < other.size(); ++i)
      BOOST_TEST(!fits(part, compiled(other[i], uid)), "case " << i << " uid " << uid);
  }
  // Another user in the only user namespace that there is: the maps differ.
  BOOST_CHECK(!fits(parked(compiled(nullptr, 1000)), compiled([](Spec& s, Facts&) { s.user = "bob"; }, 1000 + 5)));
  BOOST_CHECK(!fits(parked(compiled(nullptr, 1000)), compiled([](Spec& s, Facts&) { s.user = "0"; }, 1000)));
  // Nothing in advance, or nothing left.
  const Plan whole = compiled(nullptr, 0);
  Plan nothing = parked(whole);
  nothing.steps.erase(nothing.steps.begin(), nothing.steps.end() - 1);
  BOOST_CHECK(!fits(nothing, whole));
  Plan joins = whole;
  joins.joins = true;
  BOOST_CHECK(!fits(parked(whole), joins));
  Plan shorter = whole;
  shorter.steps.resize(3);
  BOOST_CHECK(!fits(parked(whole), shorter));
}

BOOST_AUTO_TEST_SUITE_END()
