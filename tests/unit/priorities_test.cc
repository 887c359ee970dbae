#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "spec/priorities.h"

using namespace sup;

namespace {

std::string limit(const char* text) {
  const auto parsed = parse_ulimit(text);
  return parsed ? to_string(*parsed) : parsed.error().line();
}

std::string io(const char* text) {
  const auto parsed = parse_ionice(text);
  return parsed ? ionice_text(*parsed) : parsed.error().line();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spec_priorities)

BOOST_AUTO_TEST_CASE(ulimits) {
  BOOST_CHECK((parse_ulimit("nofile=1024:2048").value() == Ulimit{RLIMIT_NOFILE, 1024, 2048}));
  BOOST_TEST(limit("core=0") == "core=0:0");
  BOOST_TEST(limit("nproc=unlimited") == "nproc=unlimited:unlimited");
  BOOST_TEST(limit("stack=8388608:-1") == "stack=8388608:unlimited");
  BOOST_TEST(limit("nofiles=1") == "--ulimit nofiles=1: no such resource; did you mean nofile?");
  BOOST_TEST(limit("nofile") == "--ulimit nofile: no limit is said; NAME=SOFT[:HARD], such as nofile=1024:2048");
  BOOST_TEST(limit("nofile=2:1") == "--ulimit nofile=2:1: the soft limit is above the hard one; NAME=SOFT:HARD");
  for (const char* wrong : {"nofile=", "nofile=1:", "nofile=:1", "nofile=x", "nofile=-2", "nofile=1:2:3", "=1", ""})
    BOOST_TEST(!parse_ulimit(wrong), wrong);
}

BOOST_AUTO_TEST_CASE(the_disks_priority) {
  BOOST_TEST(parse_ionice("idle").value() == 3 << 13);
  BOOST_TEST(parse_ionice("best-effort:7").value() == (2 << 13 | 7));
  BOOST_TEST(io("realtime") == "realtime:4");
  BOOST_TEST(io("idle") == "idle");
  for (const char* wrong : {"", "none", "idle:3", "best-effort:8", "best-effort:", "lazy"})
    BOOST_TEST(!parse_ionice(wrong), wrong);
}

BOOST_AUTO_TEST_SUITE_END()
