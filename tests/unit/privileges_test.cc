// What the command may, by the options that speak of it.
#include <linux/capability.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>

#include "spec/capabilities.h"
#include "spec/check.h"
#include "spec/privileges.h"

using namespace sup;

namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

Spec made(const std::function<void(Spec&)>& change) {
  Spec spec;
  spec.argv = {"true"};
  if (change) change(spec);
  return spec;
}

std::uint64_t dropped(const std::function<void(Spec&)>& change) { return privileges(made(change)).dropped; }

std::string verdict(const std::function<void(Spec&)>& change) {
  const auto r = check(made(change));
  return r ? "" : r.error().line();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spec_privileges)

BOOST_AUTO_TEST_CASE(the_profiles) {
  BOOST_TEST(docker_capabilities() == 0xa80425fbU);
  BOOST_TEST(dropped({}) == host_root_dropped());
  BOOST_TEST(dropped([](Spec& s) { s.profile = Profile::docker; }) == ~docker_capabilities());
  BOOST_TEST(dropped([](Spec& s) { s.profile = Profile::strict; }) == ~0ULL);
  BOOST_TEST(dropped([](Spec& s) { s.privileged = true; }) == 0U);
  BOOST_TEST(dropped([](Spec& s) { s.profile = Profile::docker, s.privileged = true; }) == 0U);
}

BOOST_AUTO_TEST_CASE(adding_and_dropping_is_dockers) {
  const auto docker = [](std::vector<std::string> add, std::vector<std::string> drop) {
    return ~dropped([&](Spec& s) { s.profile = Profile::docker, s.cap_add = add, s.cap_drop = drop; });
  };
  BOOST_TEST(docker({"NET_ADMIN"}, {}) == (docker_capabilities() | bit(CAP_NET_ADMIN)));
  BOOST_TEST(docker({}, {"cap_chown", "Kill"}) == (docker_capabilities() & ~(bit(CAP_CHOWN) | bit(CAP_KILL))));
  BOOST_TEST(docker({"NET_RAW"}, {"ALL"}) == bit(CAP_NET_RAW));
  BOOST_TEST(docker({"all"}, {"SYS_ADMIN"}) == ~bit(CAP_SYS_ADMIN));
  BOOST_TEST(docker({"ALL", "SYS_ADMIN"}, {"SYS_ADMIN"}) == ~bit(CAP_SYS_ADMIN));
  BOOST_TEST(docker({"SYS_TIME"}, {"SYS_TIME"}) == (docker_capabilities() | bit(CAP_SYS_TIME)));
  BOOST_TEST(docker({}, {"ALL"}) == 0U);
  BOOST_TEST(dropped([](Spec& s) { s.cap_add = {"SYS_TIME"}; }) == (host_root_dropped() & ~bit(CAP_SYS_TIME)));
  BOOST_TEST(dropped([](Spec& s) { s.cap_drop = {"NET_ADMIN"}; }) == (host_root_dropped() | bit(CAP_NET_ADMIN)));
}

BOOST_AUTO_TEST_CASE(only_what_is_named_is_ambient) {
  const auto ambient = [](std::vector<std::string> add, Profile profile) {
    return privileges(made([&](Spec& s) { s.cap_add = add, s.profile = profile; })).ambient;
  };
  BOOST_TEST(ambient({}, Profile::docker) == 0U);
  BOOST_TEST(ambient({"ALL"}, Profile::docker) == 0U);
  BOOST_TEST(ambient({"NET_BIND_SERVICE"}, Profile::docker) == bit(CAP_NET_BIND_SERVICE));
}

BOOST_AUTO_TEST_CASE(filters) {
  using F = Privileges::Filter;
  const auto filter = [](const std::function<void(Spec&)>& change) { return privileges(made(change)).filter; };
  BOOST_CHECK(filter({}) == F::none);
  BOOST_CHECK(filter([](Spec& s) { s.profile = Profile::docker; }) == F::docker);
  BOOST_CHECK(filter([](Spec& s) { s.profile = Profile::docker, s.seccomp = "unconfined"; }) == F::none);
  BOOST_CHECK(filter([](Spec& s) { s.profile = Profile::docker, s.privileged = true; }) == F::none);
  BOOST_CHECK(filter([](Spec& s) { s.profile = Profile::strict; }) == F::strict);
  BOOST_CHECK(filter([](Spec& s) { s.seccomp = "builtin"; }) == F::docker);
  BOOST_CHECK(filter([](Spec& s) { s.seccomp = "{}"; }) == F::given);
  BOOST_TEST(!privileges(made({})).no_new_privs);
  BOOST_TEST(!privileges(made([](Spec& s) { s.profile = Profile::docker; })).no_new_privs);
  BOOST_TEST(privileges(made([](Spec& s) { s.profile = Profile::strict; })).no_new_privs);
  BOOST_TEST(privileges(made([](Spec& s) { s.no_new_privs = true; })).no_new_privs);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense) {
  BOOST_TEST(verdict([](Spec& s) { s.cap_add = {"NET_ADMN"}; }) ==
             "--cap-add NET_ADMN: no such capability; did you mean NET_ADMIN?");
  BOOST_TEST(verdict([](Spec& s) { s.cap_drop = {""}; }).starts_with("--cap-drop : no such capability"));
  for (const auto& change : std::vector<std::function<void(Spec&)>>{
           [](Spec& s) { s.privileged = true; }, [](Spec& s) { s.cap_add = {"KILL"}; },
           [](Spec& s) { s.seccomp = "unconfined"; }, [](Spec& s) { s.no_new_privs = false; }}) {
    BOOST_TEST(verdict([&](Spec& s) {
                 s.profile = Profile::strict, change(s);
               }).starts_with("--profile strict: is without any privilege"));
  }
  BOOST_TEST(verdict([](Spec& s) {
               s.profile = Profile::strict, s.cap_drop = {"ALL"}, s.no_new_privs = true, s.seccomp = "builtin";
             }) == "");
}

BOOST_AUTO_TEST_SUITE_END()
