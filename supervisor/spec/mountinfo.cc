#include "spec/mountinfo.h"

#include "base/text.h"

namespace sup {
namespace {

bool octal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline, backslash and # as \ooo (seq_path, mangle).
std::string unescape(std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && octal(field[i + 1]) && octal(field[i + 2]) && octal(field[i + 3])) {
      const int byte = ((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0');
      out += static_cast<char>(static_cast<unsigned char>(byte));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

}  // namespace

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> entries;
  for (const std::string_view line : split(text, '\n')) {
    // id parent major:minor root target options [tag…] - fstype source superoptions
    const auto fields = split(line, ' ');
    std::size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 2 >= fields.size()) continue;
    const auto id = parse_unsigned<unsigned>(fields[0]);
    const auto parent = parse_unsigned<unsigned>(fields[1]);
    if (!id || !parent) continue;
    entries.push_back({*id, *parent, unescape(fields[3]), unescape(fields[4]), std::string(fields[5]),
                       unescape(fields[dash + 1]), unescape(fields[dash + 2])});
  }
  return entries;
}

std::vector<std::string> proc_mounts(std::string_view text) {
  std::vector<std::string> targets;
  // Before every start: only lines that may be meant are taken apart.
  for (const std::string_view line : split(text, '\n')) {
    if (line.find(" - proc ") == std::string_view::npos) continue;
    for (MountEntry& entry : parse_mountinfo(line)) {
      if (entry.fstype == "proc") targets.push_back(std::move(entry.target));
    }
  }
  return targets;
}

}  // namespace sup
