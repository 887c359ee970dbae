// -p: ports of the host that lead in.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "spec/publish.h"

using namespace sup;

BOOST_AUTO_TEST_SUITE(published_ports)

BOOST_AUTO_TEST_CASE(each_form_and_back) {
  const auto is = [](const char* text, const Publish& wanted, const char* back = nullptr) {
    const auto got = parse_publish(text);
    BOOST_TEST_REQUIRE(got.has_value(), text);
    BOOST_TEST((*got == wanted), text);
    BOOST_TEST(to_string(*got) == (back != nullptr ? back : text));
  };
  is("8080:80", {"", 8080, 80, false});
  is("8080:80/tcp", {"", 8080, 80, false}, "8080:80");
  is("127.0.0.1:1:65535/udp", {"127.0.0.1", 1, 65535, true});
  is("[::1]:8080:80", {"::1", 8080, 80, false});
  is("::1:8080:80", {"::1", 8080, 80, false}, "[::1]:8080:80");
}

BOOST_AUTO_TEST_CASE(what_is_none) {
  for (const char* text : {"",
                           ":",
                           "80",
                           "80:",
                           ":80",
                           "0:80",
                           "80:0",
                           "65536:80",
                           "80:65536",
                           "80:80/",
                           "80:80/sctp",
                           "a:80",
                           "80:a",
                           "+1:80",
                           " 1:80",
                           "1.2.3:80:80",
                           "host:80:80",
                           "[::1:80:80",
                           "[1.2.3.4.5]:80:80",
                           "80-81:80-81"})
    BOOST_TEST(!parse_publish(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(pastas_words) {
  const auto words = [](const std::vector<Publish>& all) {
    std::string out;
    for (const auto& word : pasta_ports(all)) out += " " + word;
    return out;
  };
  BOOST_TEST(words({}) == " -t none -u none -T none -U none");
  BOOST_TEST(words({{"", 8080, 80, false}, {"::1", 53, 5353, true}, {"10.0.0.1", 1, 2, false}}) ==
             " -t 8080:80 -t 10.0.0.1/1:2 -u ::1/53:5353 -T none -U none");
}

BOOST_AUTO_TEST_SUITE_END()
