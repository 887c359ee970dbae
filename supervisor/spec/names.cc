#include "spec/names.h"

#include <algorithm>
#include <string_view>

#include "spec/mount.h"

namespace sup {
namespace {

// docker's, less the addresses that mean nothing to who has one interface, and no other host behind it.
constexpr std::string_view kLocalhost =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

std::string hosts(const Spec& spec, const Facts& facts) {
  std::string text(kLocalhost);
  if (spec.network == Network::host && !facts.hosts.empty()) text = facts.hosts;
  if (spec.network == Network::join && !spec.netns_hosts.empty()) text = spec.netns_hosts;
  if (text.back() != '\n') text += '\n';
  const std::string name = own_name(spec, facts);
  // The host's own name is the host's to explain.
  if (name.empty() || spec.uts == "host") return text;
  // lo is all that is certain to be there; who has the name "box.example" is found as "box" too.
  text += "127.0.0.1\t" + name;
  if (const auto dot = name.find('.'); dot != std::string::npos) text += " " + name.substr(0, dot);
  return text + "\n";
}

}  // namespace

std::string own_name(const Spec& spec, const Facts& facts) {
  if (spec.uts == "host") return facts.nodename;
  if (!spec.uts.empty()) return {};
  return spec.hostname.empty() ? facts.id : spec.hostname;
}

bool taken_by_volume(const Spec& spec, const std::string& path) {
  return std::ranges::any_of(spec.mounts, [&](const Mount& mount) { return lies_in(path, mount.target); });
}

std::vector<NameFile> name_files(const Spec& spec, const Facts& facts) {
  std::vector<NameFile> out;
  if (facts.hosts_file && !taken_by_volume(spec, "/etc/hosts")) out.push_back({"/etc/hosts", hosts(spec, facts)});
  if (facts.resolv_file && !taken_by_volume(spec, "/etc/resolv.conf"))
    out.push_back({"/etc/resolv.conf", spec.netns_resolv});
  const std::string name = own_name(spec, facts);
  if (facts.hostname_file && !name.empty() && !taken_by_volume(spec, "/etc/hostname"))
    out.push_back({"/etc/hostname", name + "\n"});
  return out;
}

}  // namespace sup
