// The check of the event log is itself checked: each broken log must be found out, or the check that
// runs after every other case would prove nothing.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "schema.h"

using namespace sup::test;

namespace {

const std::string kStarting =
    R"({"level":"info","msg":"init come on","time":"2026-11-23T10:00:00.000123+01:00","event":"starting","seq":1,"id":"3f2a00112233","command":"sh","tty":false,"user_namespace":false,"boundary":"none"})"
    "\n";
const std::string kStarted =
    R"({"level":"info","msg":"command sh","time":"2026-11-23T10:00:00.000123+01:00","event":"started","seq":2,"cause":1,"id":"3f2a00112233","pid":7,"spans":{"queue":1}})"
    "\n";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  BOOST_TEST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

bool found(const std::string& log, const std::string& complaint) {
  for (const auto& line : event_complaints(log)) {
    if (has(line, complaint)) return true;
  }
  return false;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(schema, Clean)

BOOST_AUTO_TEST_CASE(a_good_log_passes) {
  for (const auto& complaint : event_complaints(kStarting + kStarted)) BOOST_ERROR(complaint);
}

BOOST_AUTO_TEST_CASE(every_kind_of_breach_is_found) {
  BOOST_TEST(
      found(with(kStarting, R"("boundary":"none")", R"("boundary":"none","extra":1)"), "/extra: is not in the schema"));
  BOOST_TEST(found(with(kStarting, R"("tty":false)", R"("tty":0)"), "/tty: is number"));
  BOOST_TEST(found(with(kStarting, R"("tty":false,)", ""), "has no \"tty\""));
  BOOST_TEST(found(with(kStarting, R"("level":"info")", R"("level":"notice")"), "/level"));
  BOOST_TEST(found(with(kStarting, "10:00:00.000123+01:00", "10:00:00+01:00"), "/time"));
  BOOST_TEST(found(with(kStarting, R"("event":"starting")", R"("event":"begun")"), "/event"));
  BOOST_TEST(found(with(kStarting, R"("seq":1)", R"("seq":2)"), "seq 2 follows 0"));
  BOOST_TEST(found(kStarting + with(kStarted, R"("cause":1)", R"("cause":2)"), "the cause is not before"));
  BOOST_TEST(found(kStarting + with(kStarted, R"("pid":7)", R"("pid":-7)"), "/pid: is less"));
  BOOST_TEST(found(with(kStarted, R"("seq":2)", R"("seq":1)"), "started without starting"));
  BOOST_TEST(found(with(kStarting, R"("level":"info","msg":"init come on")", R"("msg":"init come on","level":"info")"),
                   "not in its place"));
  BOOST_TEST(found(with(kStarting, "init come on", "init \xff"), "is not UTF-8"));
  BOOST_TEST(found(with(kStarting, R"("msg")", "\n\"msg\""), "is not JSON"));
  BOOST_TEST(found(kStarting.substr(0, kStarting.size() - 1), "has no end"));
}

BOOST_AUTO_TEST_CASE(the_schema_defines_every_event_of_the_contract) {
  const auto schema = nlohmann::json::parse(read_text(SUP_SCHEMA));
  for (const char* name : {"starting", "started",  "failed", "resized",    "signal",   "paused",    "unpaused",
                           "oom",      "stopping", "exited", "restarting", "ready",    "unhealthy", "attached",
                           "detached", "removed",  "error",  "listening",  "reloaded", "closing"}) {
    BOOST_TEST(schema.at("$defs").contains(name), name << " is not defined");
  }
}

BOOST_AUTO_TEST_CASE(a_word_the_check_does_not_know_is_an_error) {
  const auto out = breaches(nlohmann::json{{"contains", true}}, nlohmann::json::array());
  BOOST_TEST(out.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
