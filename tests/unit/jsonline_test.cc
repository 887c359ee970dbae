#include "core/jsonline.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

using sup::JsonLine;
using Json = nlohmann::ordered_json;

namespace {
std::string dumped(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }
}  // namespace

BOOST_AUTO_TEST_SUITE(json_line)

BOOST_AUTO_TEST_CASE(it_writes_what_the_library_writes) {
  const std::string texts[] = {"",
                               "plain words",
                               "a \"quoted\" one",
                               "back\\slash",
                               "line\nend",
                               "\x7f",
                               "\xc3\xa4",
                               "\xff broken",
                               std::string("nul\0 inside", 11),
                               "</script>"};
  const double numbers[] = {0, 0.001, 4.962, 12.5, 100, 1e15, 123456789.123};
  JsonLine line;
  Json same = Json::object();
  int count = 0;
  const auto key = [&count] { return "k" + std::to_string(count++); };
  for (const auto& text : texts) {
    const auto name = key();
    line.put(name, text);
    same[name] = text;
  }
  for (const double number : numbers) {
    const auto name = key();
    line.put(name, number);
    same[name] = number;
  }
  line.put("yes", true);
  same["yes"] = true;
  line.put("least", std::numeric_limits<std::int64_t>::min());
  same["least"] = std::numeric_limits<std::int64_t>::min();
  line.put("most", std::numeric_limits<std::uint64_t>::max());
  same["most"] = std::numeric_limits<std::uint64_t>::max();
  line.put("none", std::optional<std::uint64_t>());
  same["none"] = nullptr;
  line.put("some", std::optional<std::uint64_t>(7));
  same["some"] = 7;
  line.begin("empty");
  line.end();
  same["empty"] = Json::object();
  line.begin("inside");
  line.put("a", 1);
  line.put("b", "two");
  line.end();
  same["inside"] = {{"a", 1}, {"b", "two"}};
  line.put("last", false);
  same["last"] = false;
  BOOST_TEST(line.take() == dumped(same));
  BOOST_TEST(JsonLine().take() == "{}");
}

BOOST_AUTO_TEST_SUITE_END()
