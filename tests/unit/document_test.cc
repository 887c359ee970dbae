// JSON for people: the same text as nlohmann's ordered_json writes.
#include "spec/document.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>

using namespace sup;

namespace {

// Both, built by the same steps.
template <typename T>
T example() {
  T out;
  out["zebra"] = "a\"b\\\x01\u00e9\xff\n";
  out["yes"] = true;
  out["none"] = T();
  out["least"] = std::int64_t{-5};
  out["most"] = std::uint64_t{18446744073709551615U};
  out["small"] = std::uint16_t{7};
  out["list"] = std::vector<std::string>{"x", "y"};
  out["numbers"] = std::array<std::uint64_t, 3>{1, 2, 3};
  out["empty"] = T::array();
  out["nobody"] = std::vector<std::string>{};
  out["a"]["b"]["c"] = std::string("deep");
  out["rows"].push_back(T{{"one", 1}, {"two", std::string_view("2")}});
  out["rows"].push_back(T{{"type", "mount"}});
  out["k\"ey"] = 1;
  out["zebra"] = std::string(out["yes"].is_null() ? "never" : "a\"b\\\x01\u00e9\xff\n");
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(document)

BOOST_AUTO_TEST_CASE(it_is_written_as_nlohmann_writes_it) {
  using Json = nlohmann::ordered_json;
  const auto ours = example<Document>();
  const auto theirs = example<Json>();
  for (const bool ascii : {false, true}) {
    BOOST_TEST(ours.dump(2, ascii) == theirs.dump(2, ' ', ascii, Json::error_handler_t::replace));
    BOOST_TEST(ours.dump(0, ascii) == theirs.dump(-1, ' ', ascii, Json::error_handler_t::replace));
  }
  BOOST_TEST(Document().dump(2) == "null");
  BOOST_TEST(Document().is_null());
  BOOST_TEST(Document::array().dump(2) == "[]");
  const Document whole{{"a", Document::rendered("{\"b\":1}")}};
  BOOST_TEST(whole.dump(0) == "{\"a\":{\"b\":1}}");
}

BOOST_AUTO_TEST_SUITE_END()
