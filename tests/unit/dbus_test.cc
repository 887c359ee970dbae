// What systemd is asked in, against the bytes that the specification asks for, and what it may answer.
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "spec/dbus.h"

using namespace sup;
using namespace std::string_view_literals;

namespace {

// An answer as dbus-daemon(1) writes one: an error with a text.
std::string error_for(std::uint32_t serial) {
  std::string m("l\x03\x01\x01", 4);
  const std::string body("\x03\0\0\0no!\0", 8);
  m.append("\x08\0\0\0\x07\0\0\0", 8);  // body, serial
  std::string fields("\x05\x01u\0", 4);
  fields += std::string{static_cast<char>(serial), 0, 0, 0};
  fields.append("\x04\x01s\0\x05\0\0\0e.x.y\0", 14).append(2, '\0');
  fields.append("\x08\x01g\0\x01s\0", 7);
  m += std::string{static_cast<char>(fields.size()), 0, 0, 0};
  m += fields;
  m.append((8 - m.size() % 8) % 8, '\0');
  return m + body;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dbus)

BOOST_AUTO_TEST_CASE(hello_is_what_libdbus_says) {
  const auto expected =
      "l\x01\0\x01\0\0\0\0\x01\0\0\0\x6e\0\0\0"
      "\x01\x01o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0"
      "\x06\x01s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
      "\x02\x01s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
      "\x03\x01s\0\x05\0\0\0Hello\0\0\0"sv;
  BOOST_TEST(dbus_hello(1) == expected);
}

BOOST_AUTO_TEST_CASE(a_scope_is_asked_for) {
  const std::string call = dbus_start_scope(2, "sup-7.scope", 7);
  BOOST_TEST(dbus_size(call).value_or(0) == call.size());
  // name, mode, and the array of properties, whose size does not count its own padding
  const auto body =
      "\x0b\0\0\0sup-7.scope\0\x04\0\0\0fail\0\0\0\0"
      "\x8b\0\0\0"
      "\x0b\0\0\0Description\0\x01s\0\0\x16\0\0\0sup and its containers\0\0"
      "\x04\0\0\0PIDs\0\x02"
      "au\0\0\0\0\x04\0\0\0\x07\0\0\0"
      "\x08\0\0\0Delegate\0\x01"
      "b\0\x01\0\0\0\0\0\0\0"
      "\x0b\0\0\0CollectMode\0\x01s\0\0\x12\0\0\0inactive-or-failed\0"
      "\0\0\0\0\0"sv;
  BOOST_TEST(std::string_view(call).substr(call.size() - body.size()) == body);
  BOOST_TEST(call.contains("\x08\x01g\0\x10ssa(sv)a(sa(sv))\0"sv));
}

BOOST_AUTO_TEST_CASE(answers_are_read_to_the_byte) {
  const std::string whole = error_for(2);
  BOOST_TEST(dbus_size(std::string_view(whole).substr(0, kDbusFixed)).value_or(0) == whole.size());
  const auto read = dbus_read(whole);
  BOOST_REQUIRE(read);
  BOOST_TEST((read->kind == DbusMessage::Kind::error));
  BOOST_TEST(read->answers == 2U);
  BOOST_TEST(read->error == "e.x.y");
  BOOST_TEST(read->text == "no!");
  // Cut short, or with any byte another: refused or read, never beyond the end.
  for (std::size_t n = 0; n < whole.size(); ++n) BOOST_TEST(!dbus_read(std::string_view(whole).substr(0, n)));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bits : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ bits);
      (void)dbus_read(damaged);
    }
  }
  BOOST_TEST(!dbus_size("B\x03\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0"sv));
  BOOST_TEST(!dbus_size("l\x03\x01\x01\xff\xff\xff\xff\0\0\0\0\0\0\0\0"sv));
}

BOOST_AUTO_TEST_SUITE_END()
