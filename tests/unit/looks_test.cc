// Looks: tables and wrapped lines.
#include <boost/test/unit_test.hpp>

#include "face/cli/option.h"
#include "face/looks.h"

using namespace sup;

BOOST_AUTO_TEST_SUITE(looks)

BOOST_AUTO_TEST_CASE(a_table_has_columns) {
  BOOST_TEST(table({{"ID", "NAME", "COMMAND"}, {"1", "longer", "sleep 1"}}, 0) ==
             "ID  NAME    COMMAND\n1   longer  sleep 1\n");
  BOOST_TEST(table({}, 0).empty());
}

BOOST_AUTO_TEST_CASE(the_last_cell_is_cut_where_the_terminal_ends) {
  BOOST_TEST(table({{"ID", "COMMAND"}, {"1", "sleep 1000"}}, 10) == "ID  COMMA>\n1   sleep>\n");
  BOOST_TEST(table({{"ID", "COMMAND"}, {"1", "sleep 1"}}, 11) == "ID  COMMAND\n1   sleep 1\n");
  // No room at all: better a broken line than nothing.
  BOOST_TEST(table({{"ID", "C"}, {"1", "sleep"}}, 3) == "ID  C\n1   sleep\n");
}

BOOST_AUTO_TEST_CASE(characters_are_counted_not_bytes) {
  BOOST_TEST(table({{"A", "B"}, {"\u00fc", "x"}, {"yy", "z"}}, 0) == "A   B\n\u00fc   x\nyy  z\n");
  BOOST_TEST(table({{"A", "B"}, {"1", "\u00fc\u00fc\u00fc\u00fc\u00fc"}}, 6) == "A  B\n1  \u00fc\u00fc>\n");
}

BOOST_AUTO_TEST_CASE(words_are_wrapped) {
  BOOST_TEST(wrap("one two three four five", 4, 4, 0) == "one two three four five");
  BOOST_TEST(wrap("one two three four five", 4, 4, 24) == "one two three four\n    five");
  BOOST_TEST(wrap("one two three four five", 4, 4, 10) == "one two three four five", "too narrow for any good");
  BOOST_TEST(wrap("a/word/that/is/longer/than/all/of/the/line x", 2, 2, 24) ==
             "a/word/that/is/longer/than/all/of/the/line\n  x");
}

BOOST_AUTO_TEST_CASE(help_is_wrapped_beside_the_options) {
  const std::vector<cli::Option> options{{'x', "extra", "", "a few words that do not fit into so few columns", "", {}}};
  const auto text = cli::help_text(options, 40);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    BOOST_TEST(end - at <= 40U, text);
    at = end + 1;
  }
  BOOST_TEST(cli::help_text(options).find("a few words that do not fit into so few columns\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
