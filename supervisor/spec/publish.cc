#include "spec/publish.h"

#include <arpa/inet.h>

#include <charconv>
#include <optional>

#include "base/text.h"

namespace sup {
namespace {

std::optional<std::uint16_t> port(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

bool is_address(const std::string& text) {
  in6_addr room{};
  return ::inet_pton(text.find(':') == std::string::npos ? AF_INET : AF_INET6, text.c_str(), &room) == 1;
}

}  // namespace

Result<Publish> parse_publish(std::string_view text) {
  const auto refuse = [&](std::string why) {
    return usage("-p " + printable(text), std::move(why), "[IP:]HOST:CONTAINER[/udp], such as 127.0.0.1:8080:80");
  };
  Publish out;
  std::string_view rest = text;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    const auto protocol = rest.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") return refuse("no such protocol");
    out.udp = protocol == "udp";
    rest = rest.substr(0, slash);
  }
  const auto inner = rest.rfind(':');
  if (inner == std::string_view::npos) return refuse("the container's port is missing");
  const auto container = port(rest.substr(inner + 1));
  if (!container) return refuse("the container's port is not from 1 to 65535");
  rest = rest.substr(0, inner);
  if (const auto outer = rest.rfind(':'); outer != std::string_view::npos) {
    auto address = rest.substr(0, outer);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    out.address = address;
    if (!is_address(out.address)) return refuse("no IP address");
    rest = rest.substr(outer + 1);
  }
  const auto host = port(rest);
  if (!host) return refuse("the host's port is not from 1 to 65535");
  out.host = *host;
  out.container = *container;
  return out;
}

std::string to_string(const Publish& publish) {
  const bool six = publish.address.find(':') != std::string::npos;
  std::string out = six ? "[" + publish.address + "]:" : publish.address.empty() ? "" : publish.address + ":";
  out += std::to_string(publish.host) + ":" + std::to_string(publish.container);
  return publish.udp ? out + "/udp" : out;
}

std::vector<std::string> pasta_ports(const std::vector<Publish>& all) {
  std::vector<std::string> out;
  for (const bool udp : {false, true}) {
    const std::string option = udp ? "-u" : "-t";
    const std::size_t before = out.size();
    for (const Publish& one : all) {
      if (one.udp != udp) continue;
      out.push_back(option);
      out.push_back((one.address.empty() ? "" : one.address + "/") + std::to_string(one.host) + ":" +
                    std::to_string(one.container));
    }
    if (out.size() == before) out.insert(out.end(), {option, "none"});
  }
  out.insert(out.end(), {"-T", "none", "-U", "none"});
  return out;
}

}  // namespace sup
