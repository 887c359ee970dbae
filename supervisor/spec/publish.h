// Publish: a port of the host that leads to one of a container's.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

// docker's -p. Ports are 1 to 65535.
struct Publish {
  std::string address;  // of the host, IPv4 or IPv6 without brackets; empty: every one
  std::uint16_t host = 0;
  std::uint16_t container = 0;
  bool udp = false;
  bool operator==(const Publish&) const = default;
};

// "[IP:]HOST:CONTAINER[/tcp|/udp]", an IPv6 address in brackets. Error: E_USAGE at -p.
[[nodiscard]] Result<Publish> parse_publish(std::string_view text);
// What parse_publish() reads back as the same.
[[nodiscard]] std::string to_string(const Publish& publish);

// What pasta(1) is told of them: "-t 127.0.0.1/8080:80", each word on its own; "none" for the protocol that has none, since
// pasta would publish every port otherwise. Nothing of the host's own ports is opened to the container either.
[[nodiscard]] std::vector<std::string> pasta_ports(const std::vector<Publish>& all);

}  // namespace sup
