// What the tests of explanations ask of one.
#pragma once

#include <boost/test/unit_test.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sup::test {

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

inline void check(const Error& error, std::string_view code, int status,
                  std::initializer_list<std::string_view> parts) {
  BOOST_TEST(error.code == code);
  BOOST_TEST(error.status == status);
  for (const auto part : parts) BOOST_TEST(has(error.line(), part), "\"" << part << "\" is not in: " << error.line());
}

}  // namespace sup::test
