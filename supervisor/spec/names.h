// Names: the texts of /etc/hosts and /etc/hostname in a root of the container's own.
#pragma once
#include <string>
#include <vector>

#include "spec/facts.h"
#include "spec/spec.h"

namespace sup {

// The name that the container finds itself by: what was asked for, else the id; with --uts host the host's; empty where it is
// another's, which nobody here knows.
[[nodiscard]] std::string own_name(const Spec& spec, const Facts& facts);

// One file that a root of its own gets.
struct NameFile {
  std::string path;  // absolute, inside
  std::string text;
};
// Those for which there is a place (Facts::hosts_file, resolv_file, hostname_file) that no volume has taken: /etc/hosts as docker's,
// with the lines of whose network it is, the host's or another container's, and a line for the container's name;
// /etc/resolv.conf, another container's; /etc/hostname where that is known.
[[nodiscard]] std::vector<NameFile> name_files(const Spec& spec, const Facts& facts);

// Whether a volume stands where `path` would be, or above it.
[[nodiscard]] bool taken_by_volume(const Spec& spec, const std::string& path);

}  // namespace sup
