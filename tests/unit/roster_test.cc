// The roster: what is put there comes out again, in order; what is damaged is told and harms no other.
#include "core/roster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "tempdir.h"

using namespace sup;
using sup::test::TempDir;

namespace {

SavedHeld container(const std::string& id, std::uint64_t number) {
  SavedHeld held;
  held.id = id;
  held.number = number;
  held.spec = R"({"argv":["/bin/true"]})";
  held.environ = {"A=\xff\xfe", std::string("B=\0x", 4)};
  held.cwd = "/";
  held.stopped_by_user = number % 2 == 0;
  return held;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(roster)

BOOST_AUTO_TEST_CASE(what_was_put_there_is_there_in_its_order) {
  const TempDir dir;
  const std::string path = dir.path() + "/state";
  {
    const auto first = Roster::open(path);
    BOOST_REQUIRE(first);
    BOOST_TEST(first->all().held.empty());
    for (const auto& [id, number] : {std::pair{"bbbbbbbbbbbb", 12}, {"aaaaaaaaaaaa", 3}, {"cccccccccccc", 4}})
      BOOST_REQUIRE(first->put(container(id, static_cast<std::uint64_t>(number))));
    first->drop("cccccccccccc");
    first->drop("dddddddddddd");
    auto changed = container("aaaaaaaaaaaa", 3);
    changed.cwd = "/elsewhere";
    BOOST_REQUIRE(first->put(changed));
  }
  const auto second = Roster::open(path);
  BOOST_REQUIRE(second);
  const auto all = second->all();
  BOOST_TEST(all.damaged.empty());
  BOOST_REQUIRE_EQUAL(all.held.size(), 2U);
  BOOST_TEST(all.held[0].id == "aaaaaaaaaaaa");
  BOOST_TEST(all.held[0].cwd == "/elsewhere");
  BOOST_TEST(all.held[1].id == "bbbbbbbbbbbb");
  BOOST_TEST(all.held[1].environ == container("", 1).environ);
  BOOST_TEST(all.held[1].stopped_by_user);
}

BOOST_AUTO_TEST_CASE(one_supervisor_at_a_time) {
  const TempDir dir;
  const auto first = Roster::open(dir.path() + "/state");
  BOOST_REQUIRE(first);
  const auto second = Roster::open(dir.path() + "/state");
  BOOST_REQUIRE(!second);
  BOOST_TEST(second.error().code == "E_ROSTER");
  BOOST_TEST(second.error().line().find("another supervisor") != std::string::npos, second.error().line());
}

BOOST_AUTO_TEST_CASE(a_directory_that_others_may_write_is_refused) {
  const TempDir dir;
  const std::string path = dir.path() + "/open";
  BOOST_REQUIRE(::mkdir(path.c_str(), 0700) == 0 && ::chmod(path.c_str(), 0770) == 0);
  const auto open = Roster::open(path);
  BOOST_REQUIRE(!open);
  BOOST_TEST(open.error().hint == "chmod 700 " + path);
  const auto nowhere = Roster::open(dir.path() + "/not/there");
  BOOST_REQUIRE(!nowhere);
  BOOST_TEST(nowhere.error().err == ENOENT);
  if (::geteuid() != 0) return;
  BOOST_REQUIRE(::chmod(path.c_str(), 0700) == 0 && ::chown(path.c_str(), 12345, 12345) == 0);
  const auto foreign = Roster::open(path);
  BOOST_REQUIRE(!foreign);
  BOOST_TEST(foreign.error().why == "belongs to uid 12345");
}

BOOST_AUTO_TEST_CASE(what_is_damaged_is_told_and_harms_no_other) {
  const TempDir dir;
  const std::string path = dir.path() + "/state";
  const auto first = Roster::open(path);
  BOOST_REQUIRE(first);
  BOOST_REQUIRE(first->put(container("aaaaaaaaaaaa", 1)));
  std::filesystem::copy_file(path + "/aaaaaaaaaaaa", path + "/bbbbbbbbbbbb");  // another one's
  std::ofstream(path + "/cccccccccccc") << "no state";
  std::ofstream(path + "/dddddddddddd") << "";
  std::filesystem::create_symlink("/etc/passwd", path + "/eeeeeeeeeeee");
  std::filesystem::create_directory(path + "/ffffffffffff");
  std::ofstream(path + "/readme") << "somebody's";
  std::ofstream(path + "/aaaaaaaaaaaa.new") << "half of";
  const auto all = first->all();
  BOOST_REQUIRE_EQUAL(all.held.size(), 1U);
  BOOST_TEST(all.held[0].id == "aaaaaaaaaaaa");
  BOOST_TEST(all.damaged.size() == 5U);
  for (const auto& error : all.damaged) BOOST_TEST(error.code == "E_ROSTER");
  BOOST_TEST(::access((path + "/readme").c_str(), F_OK) == 0);
  BOOST_TEST(::access((path + "/cccccccccccc").c_str(), F_OK) == 0);
  BOOST_TEST(::access((path + "/aaaaaaaaaaaa.new").c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
