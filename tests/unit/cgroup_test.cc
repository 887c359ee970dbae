// The two cgroup drivers on directories of our own, and where groups are made.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "sys/cgroup.h"
#include "sys/cgroupdriver.h"
#include "sys/cgrouphome.h"
#include "sys/memoryroom.h"
#include "sys/systemdscope.h"

using namespace sup;
namespace fs = std::filesystem;

namespace {

class FakeGroup {
 public:
  FakeGroup() {
    std::string name = "/tmp/sup-cgroup-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  FakeGroup(const FakeGroup&) = delete;
  FakeGroup& operator=(const FakeGroup&) = delete;
  ~FakeGroup() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << text;
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path_ + "/" + name).rdbuf();
    return text.str();
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const CgroupDriver& v1() { return cgroup_driver(CgroupVersion::v1); }
const CgroupDriver& v2() { return cgroup_driver(CgroupVersion::v2); }

}  // namespace

BOOST_AUTO_TEST_SUITE(cgroup)

// A scope is asked for once: afterwards it is known by its name, whatever systemd has written of it, and where.
BOOST_AUTO_TEST_CASE(our_own_scope_is_ours) {
  const std::string unit = "sup-" + std::to_string(::getpid()) + ".scope";
  const std::string scope = "/user.slice/app.slice/" + unit;
  BOOST_TEST(is_own_scope("0::" + scope + "\n"));
  BOOST_TEST(is_own_scope("0::" + scope + "/supervisor\n"));
  BOOST_TEST(is_own_scope("12:freezer:/\n1:name=systemd:" + scope + "\n"));
  BOOST_TEST(is_own_scope("12:freezer:/\n1:name=systemd:/other\n0::" + scope + "\n"));
  BOOST_TEST(is_own_scope("12:freezer:/\n1:name=systemd:" + scope + "\n0::/\n"));
  BOOST_TEST(!is_own_scope("1:name=systemd:" + scope + "\n0::/system.slice/other.service\n"));
  BOOST_TEST(!is_own_scope("0::/user.slice/session-1.scope\n"));
  BOOST_TEST(!is_own_scope("0::/user.slice/x" + unit + "\n"));
  BOOST_TEST(!is_own_scope("12:freezer:" + scope + "\n0::/init.scope\n"));
  BOOST_TEST(!is_own_scope("0::" + scope + "/below\n"));
  BOOST_TEST(!is_own_scope(""));
}

BOOST_AUTO_TEST_CASE(v2_writes_every_limit) {
  const FakeGroup group;
  for (const char* file : {"memory.max", "memory.oom.group", "memory.swap.max", "cpu.max", "cpu.weight", "cpuset.cpus",
                           "pids.max", "io.weight"})
    group.put(file, "before\n");
  Limits l;
  l.memory = 64 << 20;
  l.nano_cpus = 500'000'000;
  l.cpu_shares = 2;
  l.cpuset_cpus = "0";
  l.pids = 7;
  l.blkio_weight = 1000;
  for (const auto& write : cgroup_writes(l, CgroupVersion::v2))
    BOOST_TEST(CgroupDriver::set(group.path(), write) == 0, write.option);
  BOOST_TEST(group.get("memory.max") == "67108864");
  BOOST_TEST(group.get("memory.oom.group") == "1");
  BOOST_TEST(group.get("memory.swap.max") == "67108864");
  BOOST_TEST(group.get("cpu.max") == "50000 100000");
  BOOST_TEST(group.get("cpu.weight") == "1");
  BOOST_TEST(group.get("cpuset.cpus") == "0");
  BOOST_TEST(group.get("pids.max") == "7");
  BOOST_TEST(group.get("io.weight") == "default 10000");
  group.put("io.bfq.weight", "");
  for (const auto& write : cgroup_writes(l, CgroupVersion::v2))
    BOOST_TEST(CgroupDriver::set(group.path(), write) == 0, write.option);
  BOOST_TEST(group.get("io.bfq.weight") == "1000");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_told_and_never_made) {
  const FakeGroup group;
  Limits l;
  l.pids = 7;
  BOOST_TEST(CgroupDriver::set(group.path(), cgroup_writes(l, CgroupVersion::v2).front()) == ENOENT);
  BOOST_TEST(!fs::exists(group.path() + "/pids.max"));
  // Nor followed out of the group.
  group.put("elsewhere", "x");
  fs::create_symlink(group.path() + "/elsewhere", group.path() + "/pids.max");
  BOOST_TEST(CgroupDriver::set(group.path(), cgroup_writes(l, CgroupVersion::v2).front()) == ELOOP);
  BOOST_TEST(group.get("elsewhere") == "x");
  BOOST_TEST(v2().kill(group.path()) == ENOENT);
  BOOST_TEST(!v2().frozen(group.path()).has_value());
  BOOST_TEST(!v2().oom_kills(group.path()).has_value());
}

BOOST_AUTO_TEST_CASE(controllers_are_enabled_once) {
  const FakeGroup group;
  group.put("cgroup.subtree_control", "cpu memory\n");
  BOOST_TEST(v2().enable(group.path(), {"memory", "cpu"}) == 0);
  BOOST_TEST(group.get("cgroup.subtree_control") == "cpu memory\n");
  BOOST_TEST(v2().enable(group.path(), {"memory", "pids"}) == 0);
  BOOST_TEST(group.get("cgroup.subtree_control") == "+pids");
  BOOST_TEST(v1().enable(group.path(), {"memory"}) == 0);
}

BOOST_AUTO_TEST_CASE(freezing_and_killing) {
  const FakeGroup group;
  group.put("cgroup.freeze", "0\n");
  group.put("cgroup.events", "populated 1\nfrozen 0\n");
  group.put("cgroup.kill", "");
  BOOST_TEST(v2().freeze(group.path(), true) == 0);
  BOOST_TEST(group.get("cgroup.freeze") == "1");
  BOOST_TEST(v2().frozen(group.path()).value() == false);
  group.put("cgroup.events", "populated 1\nfrozen 1\n");
  BOOST_TEST(v2().frozen(group.path()).value() == true);
  BOOST_TEST(v2().kill(group.path()) == 0);
  BOOST_TEST(group.get("cgroup.kill") == "1");
  group.put("freezer.state", "FREEZING\n");
  BOOST_TEST(v1().frozen(group.path()).value() == false);
  BOOST_TEST(v1().freeze(group.path(), true) == 0);
  BOOST_TEST(group.get("freezer.state") == "FROZEN");
  BOOST_TEST(v1().frozen(group.path()).value() == true);
  BOOST_TEST(v1().freeze(group.path(), false) == 0);
  BOOST_TEST(group.get("freezer.state") == "THAWED");
}

BOOST_AUTO_TEST_CASE(a_cpuset_begins_as_its_parents) {
  const FakeGroup group;
  group.put("cpuset.cpus", "0-3\n");
  group.put("cpuset.mems", "0\n");
  group.put("sup/cpuset.cpus", "\n");
  group.put("sup/cpuset.mems", "\n");
  BOOST_TEST(v1().prepare(group.path() + "/sup") == 0);
  BOOST_TEST(group.get("sup/cpuset.cpus") == "0-3");
  BOOST_TEST(group.get("sup/cpuset.mems") == "0");
  group.put("sup/cpuset.cpus", "1\n");
  BOOST_TEST(v1().prepare(group.path() + "/sup") == 0);
  BOOST_TEST(group.get("sup/cpuset.cpus") == "1\n");
}

BOOST_AUTO_TEST_CASE(what_was_used) {
  const FakeGroup group;
  group.put("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 0\nthrottled_usec 7\n");
  group.put("memory.current", "4096\n");
  group.put("memory.max", "max\n");
  group.put("pids.current", "3\n");
  group.put("pids.max", "10\n");
  group.put("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1\n");
  CgroupSample s;
  v2().sample(group.path(), s);
  BOOST_TEST(s.cpu_us.value() == 1500U);
  BOOST_TEST(s.user_us.value() == 1000U);
  BOOST_TEST(s.system_us.value() == 500U);
  BOOST_TEST(s.throttled_us.value() == 7U);
  BOOST_TEST(s.memory.value() == 4096U);
  BOOST_TEST(!s.memory_limit.has_value());
  BOOST_TEST(s.pids.value() == 3U);
  BOOST_TEST(s.pids_limit.value() == 10U);
  BOOST_TEST(s.read_bytes.value() == 11U);
  BOOST_TEST(s.written_bytes.value() == 22U);
  const FakeGroup old;
  old.put("memory.usage_in_bytes", "8192\n");
  old.put("memory.limit_in_bytes", "9223372036854771712\n");
  old.put("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  old.put("blkio.throttle.io_service_bytes", "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n");
  CgroupSample t;
  v1().sample(old.path(), t);
  BOOST_TEST(t.memory.value() == 8192U);
  BOOST_TEST(!t.memory_limit.has_value());
  BOOST_TEST(t.read_bytes.value() == 5U);
  BOOST_TEST(t.written_bytes.value() == 6U);
  BOOST_TEST(v1().oom_kills(old.path()).value() == 2U);
}

BOOST_AUTO_TEST_CASE(oom_is_counted_by_its_own_line) {
  const FakeGroup group;
  group.put("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 1\noom_group_kill 1\n");
  BOOST_TEST(v2().oom_kills(group.path()).value() == 1U);
}

// v2 first wherever it is, v1 after it; with v1 alone the freezer's.
BOOST_AUTO_TEST_CASE(which_tree_is_for_life) {
  CgroupLayout layout;
  layout.v1 = {{{"memory"}, "/c/memory", "/c/memory/a"},
               {{"freezer"}, "/c/freezer", "/c/freezer/a"},
               {{"cpu", "cpuacct"}, "/c/cpu", ""}};
  auto home = cgroup_home(layout);
  BOOST_TEST_REQUIRE(home.has_value());
  BOOST_TEST(home->trees.size() == 2U);
  BOOST_TEST(home->trees.front().own == "/c/freezer/a");
  BOOST_TEST(home->trees.front().parent() == "/c/freezer/a/sup");
  BOOST_TEST(home->with("memory", CgroupVersion::v1)->own == "/c/memory/a");
  BOOST_TEST((home->with("cpu", CgroupVersion::v1) == nullptr));
  layout.v2_mount = "/c/unified";
  layout.v2_own = "/c/unified/a/supervisor";  // we have stepped aside: the group above is the one that is divided
  home = cgroup_home(layout);
  BOOST_TEST_REQUIRE(home.has_value());
  BOOST_TEST(home->trees.front().own == "/c/unified/a");
  BOOST_TEST((home->with("memory", CgroupVersion::v2) == nullptr));
  BOOST_TEST((home->with("memory", CgroupVersion::v1) != nullptr));
  const auto none = cgroup_home(CgroupLayout{});
  BOOST_TEST(none.error().code == "E_CGROUP");
}

// Having stepped aside for one controller does not lose the others.
BOOST_AUTO_TEST_CASE(controllers_are_those_of_the_group_that_is_divided) {
  const FakeGroup own;
  own.put("cgroup.controllers", "cpuset cpu io memory pids\n");
  own.put("supervisor/cgroup.controllers", "memory\n");
  CgroupLayout layout;
  layout.v2_mount = own.path();
  layout.v2_own = own.path() + "/supervisor";
  layout.v2_controllers = {"memory"};
  const auto home = cgroup_home(layout);
  BOOST_TEST_REQUIRE(home.has_value());
  BOOST_TEST((home->with("pids", CgroupVersion::v2) == &home->trees.front()));
}

// A directory that looks like a group of a supervisor that was killed goes, and what is in it; one that is not empty stays.
BOOST_AUTO_TEST_CASE(what_a_killed_supervisor_left_is_swept) {
  const FakeGroup life;
  const FakeGroup memory;
  fs::create_directories(life.path() + "/sup/aaaaaaaaaaaa/inner/inner");
  fs::create_directories(memory.path() + "/sup/aaaaaaaaaaaa");
  life.put("sup/bbbbbbbbbbbb/cgroup.procs", "1\n");  // a file stands for a process here: rmdir refuses both
  fs::create_directories(memory.path() + "/sup/bbbbbbbbbbbb");
  fs::create_directories(memory.path() + "/sup/cccccccccccc");
  CgroupHome home;
  home.trees.push_back({CgroupVersion::v2, {}, life.path()});
  home.trees.push_back({CgroupVersion::v1, {"memory"}, memory.path()});
  sweep_cgroups(home);
  BOOST_TEST(!fs::exists(life.path() + "/sup/aaaaaaaaaaaa"));
  BOOST_TEST(!fs::exists(memory.path() + "/sup/aaaaaaaaaaaa"));
  BOOST_TEST(fs::exists(life.path() + "/sup/bbbbbbbbbbbb"));
  BOOST_TEST(fs::exists(memory.path() + "/sup/bbbbbbbbbbbb"));
  BOOST_TEST(!fs::exists(memory.path() + "/sup/cccccccccccc"));
  fs::remove_all(life.path() + "/sup/bbbbbbbbbbbb");
  sweep_cgroups(home);
  BOOST_TEST(!fs::exists(life.path() + "/sup"));
  BOOST_TEST(!fs::exists(memory.path() + "/sup"));
}

// Two supervisors, one of which sees v1 alone: what the other has just made is empty, and has no directory in the tree that is the
// first for this one.
BOOST_AUTO_TEST_CASE(who_sees_other_trees_sweeps_nobody_who_lives) {
  const FakeGroup life;
  const FakeGroup freezer;
  const FakeGroup memory;
  CgroupHome both;
  both.trees.push_back({CgroupVersion::v2, {}, life.path()});
  both.trees.push_back({CgroupVersion::v1, {"memory"}, memory.path()});
  CgroupHome less;
  less.trees.push_back({CgroupVersion::v1, {"freezer"}, freezer.path()});
  less.trees.push_back({CgroupVersion::v1, {"memory"}, memory.path()});
  auto made = Cgroup::make(both, "aaaaaaaaaaaa");
  BOOST_TEST_REQUIRE(made.has_value());
  Limits l;
  l.memory = 64 << 20;
  (void)(*made)->apply(l);  // a plain directory has no file to write to
  const std::string directory = memory.path() + "/sup/aaaaaaaaaaaa";
  BOOST_TEST_REQUIRE(fs::exists(directory));
  sweep_cgroups(less);
  BOOST_TEST(fs::exists(directory));
  made->reset();  // as when it dies
  sweep_cgroups(less);
  BOOST_TEST(!fs::exists(directory));
}

// What is left is the limit without what is used, files that can be dropped not counted; where none limits, nobody is asked.
BOOST_AUTO_TEST_CASE(the_room_that_memory_groups_leave) {
  const FakeGroup mount;
  CgroupLayout layout;
  layout.v2_mount = mount.path();
  layout.v2_own = mount.path() + "/above/own";
  mount.put("above/own/memory.max", "max\n");
  mount.put("above/memory.max", "1000\n");
  mount.put("above/memory.current", "900\n");
  mount.put("above/memory.stat", "anon 700\nfile 200\ninactive_file 30\nactive_file 20\n");
  auto groups = limited_memory(layout);
  BOOST_TEST_REQUIRE(groups.size() == 1U);
  BOOST_TEST(groups[0].directory == mount.path() + "/above");
  BOOST_TEST(memory_left(groups[0], 100)->left == 100U);  // enough as it is
  BOOST_TEST(memory_left(groups[0], 101)->left == 150U);
  BOOST_TEST(memory_left(groups[0], 101)->limit == 1000U);
  mount.put("above/memory.current", "1100\n");  // the limit came later
  BOOST_TEST(memory_left(groups[0], 1)->left == 50U);
  mount.put("above/memory.max", "max\n");
  BOOST_TEST(!memory_left(groups[0], 1).has_value());
  BOOST_TEST(limited_memory(layout).empty());

  layout.v1 = {{{"memory"}, mount.path() + "/v1", mount.path() + "/v1/own"}};
  mount.put("v1/own/memory.limit_in_bytes", "2000\n");
  mount.put("v1/own/memory.usage_in_bytes", "1999\n");
  mount.put("v1/own/memory.stat", "inactive_file 1\ntotal_inactive_file 5\ntotal_active_file 7\n");
  mount.put("v1/memory.limit_in_bytes", "9223372036854771712\n");
  groups = limited_memory(layout);
  BOOST_TEST_REQUIRE(groups.size() == 1U);
  BOOST_TEST(memory_left(groups[0], 2)->left == 13U);
}

BOOST_AUTO_TEST_SUITE_END()
