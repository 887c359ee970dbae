// Limits: how they are written, what is refused, and which files of a cgroup they become.
#include <boost/test/unit_test.hpp>
#include <string>

#include "spec/check.h"
#include "spec/limits.h"
#include "spec/plan.h"

using namespace sup;

namespace {

std::int64_t bytes(std::string_view text) {
  const auto parsed = parse_size(text, "--memory", true);
  return parsed ? *parsed : -100;
}

std::string lines(const std::vector<CgroupWrite>& writes) {
  std::string out;
  for (const auto& write : writes) {
    for (const auto& file : write.files)
      out += std::string(file.name) + "=" + file.text + (write.optional ? "?" : "") +
             (&file == &write.files.back() ? " " : "|");
  }
  return out;
}

std::string why(const Limits& limits) {
  const auto r = check_limits(limits);
  return r ? "" : r.error().line();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(sizes_are_dockers) {
  BOOST_TEST(bytes("6291456") == 6291456);
  BOOST_TEST(bytes("64k") == 65536);
  BOOST_TEST(bytes("64K") == 65536);
  BOOST_TEST(bytes("64kb") == 65536);
  BOOST_TEST(bytes("64KiB") == 65536);
  BOOST_TEST(bytes("64Ki") == 65536);
  BOOST_TEST(bytes("512m") == 536870912);
  BOOST_TEST(bytes("1.5g") == 1610612736);
  BOOST_TEST(bytes(".5g") == 536870912);
  BOOST_TEST(bytes("2t") == std::int64_t{2} << 40);
  BOOST_TEST(bytes("10b") == 10);
  BOOST_TEST(bytes("0") == 0);
  BOOST_TEST(bytes("-1") == kNoLimit);
  for (const char* bad : {"",
                          "m",
                          "b",
                          "1x",
                          "1mm",
                          "-2",
                          "-1m",
                          "1..5g",
                          "1.5.g",
                          "1,5g",
                          " 1m",
                          "1m ",
                          "0x10",
                          "9999999999999t",
                          "99999999999999999999",
                          "nan",
                          "+1",
                          "1e3",
                          "15i",
                          "15ib",
                          "64kbi",
                          "64bk"}) {
    BOOST_TEST(bytes(bad) == -100, bad);
  }
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1023}, std::int64_t{1024},
                               std::int64_t{3} << 20, (std::int64_t{3} << 20) + 1, std::int64_t{5} << 40}) {
    BOOST_TEST(bytes(size_text(n)) == n, size_text(n));
  }
}

BOOST_AUTO_TEST_CASE(processors) {
  BOOST_TEST(parse_cpus("1.5", "--cpus").value() == 1'500'000'000);
  BOOST_TEST(parse_cpus("2", "--cpus").value() == 2'000'000'000);
  BOOST_TEST(parse_cpus("0.01", "--cpus").value() == 10'000'000);
  for (const char* bad : {"", "0", "0.001", "-1", "1e3", "x", "1.x", "999999999", "."})
    BOOST_TEST(!parse_cpus(bad, "--cpus").has_value(), bad);
  BOOST_TEST(cpus_text(1'500'000'000) == "1.5");
  BOOST_TEST(cpus_text(2'000'000'000) == "2");
  BOOST_TEST(cpus_text(10'000'000) == "0.01");
  for (const char* good : {"0", "0-3", "0,2", "0-2,5-7"}) BOOST_TEST(is_cpu_list(good), good);
  for (const char* bad : {"", ",", "0-", "-1", "3-1", "0,,1", "a", "0 1", "99999"}) BOOST_TEST(!is_cpu_list(bad), bad);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Limits l;
  BOOST_TEST(why(l).empty());
  l.memory = 1024;
  BOOST_TEST(why(l) == "--memory: 1k: is less than a program takes; at least 6m");
  l.memory = 64 << 20;
  BOOST_TEST(why(l).empty());
  l.memory_swap = 32 << 20;
  BOOST_TEST(why(l).find("--memory-swap: 32m: is less than --memory") == 0U, why(l));
  l.memory_swap = kNoLimit;
  BOOST_TEST(why(l).empty());
  l.memory.reset();
  BOOST_TEST(why(l).find("give --memory as well") != std::string::npos, why(l));
  for (const std::int64_t bad : {-1, 0, 1, 262'145}) {
    Limits shares;
    shares.cpu_shares = bad;
    BOOST_TEST(why(shares).find("--cpu-shares") == 0U);
  }
  for (const std::int64_t bad : {-2, 0}) {
    Limits pids;
    pids.pids = bad;
    BOOST_TEST(why(pids).find("--pids-limit") == 0U);
  }
  for (const std::int64_t bad : {0, 9, 1001}) {
    Limits weight;
    weight.blkio_weight = bad;
    BOOST_TEST(why(weight).find("--blkio-weight") == 0U);
  }
  // From JSON anything can come.
  Spec spec;
  spec.argv = {"true"};
  spec.limits.cpuset_cpus = std::string(
      "0\0"
      "1",
      3);
  BOOST_TEST(!check(spec).has_value());
}

BOOST_AUTO_TEST_CASE(shares_and_weights) {
  BOOST_TEST(cpu_weight(0) == 1);
  BOOST_TEST(cpu_weight(2) == 1);
  BOOST_TEST(cpu_weight(512) == 59);
  BOOST_TEST(cpu_weight(1024) == 100);
  BOOST_TEST(cpu_weight(2048) == 174);
  BOOST_TEST(cpu_weight(262'144) == 10'000);
  std::int64_t last = 0;
  for (std::int64_t shares = 2; shares <= 262'144; shares += 61) {
    const auto weight = cpu_weight(shares);
    BOOST_TEST_REQUIRE((weight >= last && weight <= 10'000));
    last = weight;
  }
}

BOOST_AUTO_TEST_CASE(the_files_of_both_versions) {
  Limits l;
  l.memory = 64 << 20;
  BOOST_TEST(lines(cgroup_writes(l, CgroupVersion::v1)) ==
             "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=134217728? ");
  BOOST_TEST(lines(cgroup_writes(l, CgroupVersion::v2)) ==
             "memory.max=67108864 memory.oom.group=1? memory.swap.max=67108864? ");
  l.memory_swap = 96 << 20;
  BOOST_TEST(lines(cgroup_writes(l, CgroupVersion::v1)) ==
             "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=100663296 ");
  BOOST_TEST(lines(cgroup_writes(l, CgroupVersion::v2)) ==
             "memory.max=67108864 memory.oom.group=1? memory.swap.max=33554432 ");
  l.memory_swap = kNoLimit;
  BOOST_TEST(lines(cgroup_writes(l, CgroupVersion::v1)) ==
             "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=-1 ");
  BOOST_TEST(lines(cgroup_writes(l, CgroupVersion::v2)) ==
             "memory.max=67108864 memory.oom.group=1? memory.swap.max=max ");
  Limits rest;
  rest.nano_cpus = 1'500'000'000;
  rest.cpu_shares = 1024;
  rest.cpuset_cpus = "0-1";
  rest.pids = 100;
  rest.blkio_weight = 500;
  BOOST_TEST(
      lines(cgroup_writes(rest, CgroupVersion::v1)) ==
      "cpu.cfs_period_us=100000 cpu.cfs_quota_us=150000 cpu.shares=1024 cpuset.cpus=0-1 pids.max=100 blkio.weight=500|blkio.bfq.weight=500 ");
  BOOST_TEST(
      lines(cgroup_writes(rest, CgroupVersion::v2)) ==
      "cpu.max=150000 100000 cpu.weight=100 cpuset.cpus=0-1 pids.max=100 io.bfq.weight=500|io.weight=default 4950 ");
  Limits none;
  none.memory = none.pids = kNoLimit;
  BOOST_TEST(lines(cgroup_writes(none, CgroupVersion::v2)) ==
             "memory.max=max memory.oom.group=1? memory.swap.max=max? pids.max=max ");
  BOOST_TEST(lines(cgroup_writes(Limits{}, CgroupVersion::v1)).empty());
}

BOOST_AUTO_TEST_CASE(changes_replace_what_they_say) {
  Limits l;
  l.memory = 64 << 20;
  l.pids = 10;
  l.best_effort = true;
  Limits changes;
  changes.pids = 20;
  changes.cpuset_cpus = "0";
  merge(l, changes);
  BOOST_TEST(l.memory.value() == 64 << 20);
  BOOST_TEST(l.pids.value() == 20);
  BOOST_TEST(l.cpuset_cpus == "0");
  BOOST_TEST(l.best_effort);
}

// Limited before its first step that costs anything, and in a cgroup namespace whose root is where it was put.
BOOST_AUTO_TEST_CASE(the_plan_waits_for_its_cgroup) {
  for (const uid_t uid : {0U, 1000U}) {
    Facts facts;
    facts.id = "0123456789ab";
    facts.uid = uid;
    facts.gid = uid;
    facts.cwd = "/";
    Spec spec;
    spec.argv = {"/bin/true"};
    const auto wait = [](const Plan& plan) {
      for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        if (plan.steps[i].op == wire::Op::wait) return static_cast<int>(i);
      }
      return -1;
    };
    const auto makes_namespace = [](const Plan& plan) {
      for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        if (plan.steps[i].op == wire::Op::unshare && describe(plan.steps[i]).find("cgroup") != std::string::npos)
          return static_cast<int>(i);
      }
      return -1;
    };
    const auto plain = compile(spec, facts);
    BOOST_TEST_REQUIRE(plain.has_value());
    BOOST_TEST(wait(*plain) == -1);
    BOOST_TEST(makes_namespace(*plain) == -1);
    spec.limits.pids = 10;
    const auto limited = compile(spec, facts);
    BOOST_TEST_REQUIRE(limited.has_value());
    BOOST_TEST(wait(*limited) == 2);
    BOOST_TEST(makes_namespace(*limited) > 2);
    BOOST_TEST(describe_namespaces(limited->clone_flags).find("cgroup") == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
