// Members of an object from elsewhere: what is not as it is wanted is what the caller says instead.
#include "spec/jsonmember.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace sup;

BOOST_AUTO_TEST_SUITE(jsonmember)

BOOST_AUTO_TEST_CASE(what_is_there_is_given) {
  const nlohmann::json object = {{"text", "a"}, {"flag", true},          {"number", -3},
                                 {"real", 1.5}, {"list", {"x", 2, "y"}}, {"part", {{"b", 1}}}};
  BOOST_TEST(text_in(object, "text", "z") == "a");
  BOOST_TEST(flag_in(object, "flag"));
  BOOST_TEST(number_in(object, "number", 7) == -3);
  BOOST_TEST(real_in(object, "real") == 1.5);
  BOOST_TEST(real_in(object, "number") == -3.0);
  BOOST_TEST(number_in(part_in(object, "part"), "b", std::uint64_t{0}) == 1U);
  BOOST_TEST(texts_in(object, "list") == (std::vector<std::string>{"x", "y"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_of_another_type_is_not) {
  const nlohmann::json other = {{"k", nlohmann::json::array({1})}, {"n", nullptr}, {"t", "5"}, {"r", 1.5}};
  for (const nlohmann::json& object : {nlohmann::json(), nlohmann::json(5), nlohmann::json("k"), other}) {
    for (const char* key : {"k", "n", "none"}) {
      BOOST_TEST(text_in(object, key, "z") == "z");
      BOOST_TEST(!flag_in(object, key));
      BOOST_TEST(number_in(object, key, 7) == 7);
      BOOST_TEST(real_in(object, key) == 0.0);
      BOOST_TEST(texts_in(object, key).empty());
    }
  }
  BOOST_TEST(number_in(other, "t", -1) == -1);
  BOOST_TEST(number_in(other, "r", -1) == -1);
  BOOST_TEST(part_in(other, "none").is_null());
  BOOST_TEST(part_in(nlohmann::json(3), "k").is_null());
}

BOOST_AUTO_TEST_SUITE_END()
