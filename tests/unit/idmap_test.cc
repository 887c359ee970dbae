// What --userns asks for, the lines of subuid(5), and the plans that come of them.
#include "spec/idmap.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "spec/check.h"
#include "spec/parked.h"
#include "spec/peers.h"
#include "spec/plan.h"

using namespace sup;
using wire::Op;

namespace {

Facts facts(uid_t uid = 0) {
  Facts out;
  out.id = "0123456789ab";
  out.uid = uid;
  out.gid = uid;
  out.cwd = "/work";
  out.proc_mounts = {"/proc"};
  out.rootfs = "/srv/root";
  out.passwd = "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n";
  return out;
}

Facts mapped(uid_t uid = 0) {
  Facts out = facts(uid);
  out.uids = out.gids = {{0, 100000, 65536}};
  return out;
}

Spec rooted(std::string userns) {
  Spec spec;
  spec.argv = {"true"};
  spec.rootfs = "/srv/root";
  spec.userns = std::move(userns);
  return spec;
}

std::string text(const Spec& spec, const Facts& from) {
  const auto plan = compile(spec, from);
  if (!plan) return "error " + plan.error().line();
  std::string out = describe_namespaces(plan->clone_flags) + "\n";
  for (const Step& step : plan->steps) out += describe(step) + "\n";
  return out;
}

std::string refusal(std::string_view userns) {
  const auto map = parse_userns(userns);
  return map ? "none" : map.error().why;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(idmap)

BOOST_AUTO_TEST_CASE(maps_are_read) {
  const auto map = parse_userns("map:0:1000:1,1:100000:65535");
  BOOST_TEST_REQUIRE(map.has_value());
  BOOST_TEST((*map == IdMap{{0, 1000, 1}, {1, 100000, 65535}}));
  BOOST_TEST(map_lines(*map) == "0 1000 1\n1 100000 65535\n");
  BOOST_TEST(map_text(*map) == "0=1000+1,1=100000+65535");
  BOOST_TEST(outside_id(*map, 0).value_or(9) == 1000U);
  BOOST_TEST(outside_id(*map, 65535).value_or(9) == 165534U);
  BOOST_TEST(!outside_id(*map, 65536));
  for (const char* word : {"", "auto", "keep-id", "host"}) BOOST_TEST(parse_userns(word).value().empty());
  BOOST_TEST(parse_userns("map:0:1:4294967294").has_value());
}

BOOST_AUTO_TEST_CASE(maps_that_are_none_are_refused) {
  BOOST_TEST(refusal("yes") == "no such user namespace");
  for (const char* bad :
       {"map:", "map:0:1", "map:0:1:2:3", "map:a:1:2", "map:0:-1:2", "map:0:1:2,", "map:0:1:4294967296"})
    BOOST_TEST(refusal(bad) == "is no map", bad);
  BOOST_TEST(refusal("map:0:1:0") == "a range of no ids");
  BOOST_TEST(refusal("map:0:2:4294967294") == "a range goes beyond the last id, 4294967294");
  BOOST_TEST(refusal("map:0:100:10,9:200:1") == "two ranges overlap inside");
  BOOST_TEST(refusal("map:0:100:10,10:109:1") == "two ranges overlap outside");
  BOOST_TEST(refusal("map:1:100:10") == "0 has no id outside");
  std::string many = "map:0:0:1";
  for (int i = 1; i < 341; ++i) many += "," + std::to_string(i) + ":" + std::to_string(i) + ":1";
  BOOST_TEST(refusal(many) == "more ranges than the kernel takes");
}

BOOST_AUTO_TEST_CASE(lines_of_subuid) {
  const std::string text =
      "x:1:y\nann:100000:65536\n\n:5:5\nann:1:1\nbob:165536:10\nroot:0:70000\ncontainers:4294967295:2\n";
  BOOST_TEST((sub_ids(text, {"ann"}) == IdRange{0, 100000, 65536}));
  BOOST_TEST((sub_ids(text, {"nobody", "bob"}) == IdRange{0, 165536, 10}));
  for (const char* none : {"eve", "", "root", "containers"}) BOOST_TEST(!sub_ids(text, {none}), none);
  BOOST_TEST(free_sub_ids("") == 524288U);
  BOOST_TEST(free_sub_ids("ann:600000:65536\n") == 720896U);
}

BOOST_AUTO_TEST_CASE(as_root_init_is_given_mapped_mounts) {
  Spec spec = rooted("auto");
  spec.user = "bob";
  Mount volume;
  volume.source = "/srv/data";
  volume.target = "/data";
  spec.mounts = {volume};
  const auto plan = compile(spec, mapped());
  BOOST_TEST_REQUIRE(plan.has_value());
  BOOST_TEST((plan->trees == std::vector<Plan::Tree>{{"/srv/root", true}, {"/srv/data", true}}));
  const std::string got = text(spec, mapped());
  BOOST_TEST(
      got.starts_with(
          "user,mnt,pid\ndie with the supervisor (SIGKILL)\nset every signal to its default\nenter new namespaces: uts,ipc,net\n"
          "enter new namespaces: cgroup\nmake / rec,slave\n"
          "set the umask to 0000\ntake descriptor 5 as the new root\n"
          "set on the new root: nodev,private,recursive\nput the new root over the old one\n"
          "take descriptor 6 as it\n"),
      got);
  BOOST_TEST(got.find("gid=5") != std::string::npos, "5 has an id outside");
  BOOST_TEST(got.find("set the groups to 1001\nbecome uid 1000, gid 1001\n") != std::string::npos, got);
  BOOST_TEST(got.find("enter new namespaces: user") == std::string::npos, got);
  // Behind the descriptors that are passed on.
  spec.preserve_fds = 2;
  BOOST_TEST(text(spec, mapped()).find("take descriptor 7 as the new root\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(as_an_ordinary_user_the_files_are_as_they_are) {
  const auto plan = compile(rooted("auto"), mapped(1000));
  BOOST_TEST_REQUIRE(plan.has_value());
  BOOST_TEST(plan->trees.empty());
  BOOST_TEST(text(rooted("auto"), mapped(1000)).find("take /srv/root and all below it as the new root\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(who_keeps_his_id) {
  const std::string got = text(rooted("keep-id"), facts(1000));
  BOOST_TEST(
      got.find("write '1000 0 1' to /proc/self/uid_map\nwrite '1000 0 1' to /proc/self/gid_map\n") != std::string::npos,
      got);
  BOOST_TEST(text(rooted("keep-id"), facts()).find("root's own id is root's on the host") != std::string::npos);
  BOOST_TEST(text(rooted("host"), facts()) == text(rooted(""), facts()));
  BOOST_TEST(text(rooted("host"), facts(1000)).find("only root can do without") != std::string::npos);
  Facts bound = facts();
  bound.proc_locked = true;
  BOOST_TEST(text(rooted("host"), bound).find("needs another one") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
  Spec spec = rooted("auto");
  spec.user = "70000";
  BOOST_TEST(text(spec, mapped()).find("uid 70000: the user namespace has no such id") != std::string::npos);
  spec.user = "0:70000";
  BOOST_TEST(text(spec, mapped()).find("gid 70000: the user namespace has no such id") != std::string::npos);
  spec = rooted("auto");
  spec.rootfs_overlay = true;
  // An overlay's lower layer is a mount with its owners mapped, attached before the overlay is made; its upper one is new.
  BOOST_TEST(text(spec, mapped())
                 .contains("in the upper part: directory lower\n"
                           "put the upper part over the old /proc\n"
                           "take descriptor 5 as the new root\n"
                           "put the new root over the old /proc/lower\n"));
  BOOST_TEST(text(spec, mapped()).contains("lowerdir=lower,upperdir=upper,workdir=work,userxattr"));
  BOOST_TEST(!text(spec, mapped(1000)).contains("lowerdir=lower,"));
  BOOST_TEST(!text(spec, mapped(1000)).starts_with("error"));
  spec.rootfs.clear();
  spec.rootfs_overlay = false;
  BOOST_TEST(check(spec).error().why == "ids of a range own nothing on the host's root");
  spec = rooted("keep-id");
  spec.user = "bob";
  BOOST_TEST(!check(spec));
  spec.userns = "map:1";
  BOOST_TEST(!check(spec));
  spec = rooted("auto");
  spec.network = Network::join;
  spec.netns = "/run/netns/x";
  const std::string refused =
      "it does not belong to the container's own user namespace, and only who has powers over its owner may ";
  BOOST_TEST(text(spec, mapped())
                 .contains(refused +
                           "enter it; share those of one container that has the same --userns (container:ID), or leave "
                           "--userns or --network out"));
  spec.network = Network::none;
  spec.netns.clear();
  spec.pid = "host";
  BOOST_TEST(
      text(spec, mapped())
          .contains(refused +
                    "mount a /proc of it; share those of one container that has the same --userns (container:ID), or "
                    "leave --userns or --pid out"));
}

// As in docker: what belongs to another's user namespace is shared in it, where all of it is one's.
BOOST_AUTO_TEST_CASE(what_is_shared_is_shared_in_its_user_namespace) {
  Spec spec = rooted("auto");
  spec.ipc = "/proc/77/ns/ipc";
  spec.pid = "/proc/77/ns/pid";
  const auto plan = compile(spec, mapped());
  BOOST_TEST_REQUIRE(plan.has_value());
  BOOST_TEST(plan->user_namespace_of == "/proc/77");
  BOOST_TEST(plan->guarded);
  BOOST_TEST(plan->tree_fd() == plan->guard_fd() + 1);
  BOOST_TEST(text(spec, mapped()).contains("take descriptor 6 as the new root\n"), text(spec, mapped()));
  BOOST_TEST(!compile(spec, mapped(1000)).has_value());
  spec.pid = "/proc/78/ns/pid";
  BOOST_TEST(!compile(spec, mapped()).has_value());
  BOOST_TEST(
      (parse_map_lines("         0     700000      65536\n 70000 5 1\n") == IdMap{{0, 700000, 65536}, {70000, 5, 1}}));
  BOOST_TEST(parse_map_lines("0 x 1\n").empty());
}

BOOST_AUTO_TEST_CASE(an_exec_becomes_somebody_there) {
  Inside inside;
  inside.namespaces = 0x10000000;
  inside.uid = inside.gid = 0;
  Spec exec;
  exec.argv = {"id"};
  const auto plan = compile_exec(rooted("map:0:100000:1"), mapped(), exec, inside);
  BOOST_TEST_REQUIRE(plan.has_value());
  BOOST_TEST(std::ranges::any_of(plan->steps, [](const Step& step) { return step.op == Op::ids && step.n[0] == 0; }));
}

BOOST_AUTO_TEST_CASE(no_parked_init_fits) {
  Spec spec;
  spec.argv = {"true"};
  auto plan = compile(spec, facts(1000));
  BOOST_TEST_REQUIRE(plan.has_value());
  const Plan waiting = parked(*plan);
  BOOST_TEST(fits(waiting, *plan));
  plan->uids = plan->gids = {{0, 100000, 65536}};
  BOOST_TEST(!fits(waiting, *plan));
}

BOOST_AUTO_TEST_CASE(in_peers_words) {
  for (const Peer peer : {Peer::docker, Peer::bwrap, Peer::unshare})
    BOOST_TEST(render(rooted("auto"), mapped(), peer).error().line().find("cannot say --userns auto") !=
               std::string::npos);
  const auto oci = render(rooted("auto"), mapped(), Peer::oci);
  BOOST_TEST_REQUIRE(oci.has_value());
  BOOST_TEST(oci->text.find("\"hostID\": 100000") != std::string::npos, oci->text);
  BOOST_TEST(oci->text.find("\"type\": \"user\"") != std::string::npos, oci->text);
  BOOST_TEST(render(rooted("host"), facts(), Peer::docker)->text.find("--userns host") != std::string::npos);
  BOOST_TEST(render(rooted("keep-id"), facts(1000), Peer::docker)->text.find("--user 1000:1000") != std::string::npos);
  BOOST_TEST(render(rooted("keep-id"), facts(1000), Peer::bwrap)->text.find("--uid 1000 --gid 1000") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
