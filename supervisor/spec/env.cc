#include "spec/env.h"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// An environment under construction: order of first appearance, one value a name.
class Table {
 public:
  void set(std::string_view key, std::string_view value) {
    const auto [at, fresh] = index_.try_emplace(std::string(key), entries_.size());
    if (fresh) {
      entries_.emplace_back(key, value);
    } else {
      entries_[at->second].second = std::string(value);
    }
  }
  void erase(std::string_view key) {
    const auto at = index_.find(std::string(key));
    if (at != index_.end()) entries_[at->second].second.reset();
  }
  [[nodiscard]] bool has(std::string_view key) const {
    const auto at = index_.find(std::string(key));
    return at != index_.end() && entries_[at->second].second.has_value();
  }
  [[nodiscard]] std::vector<std::string> strings() const {
    std::vector<std::string> out;
    for (const auto& [key, value] : entries_) {
      if (value) out.push_back(key + "=" + *value);
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

std::unexpected<Error> wrong(std::string_view where, std::string_view what, std::string why, std::string hint = {}) {
  auto error = usage(std::string(where), std::move(why), std::move(hint));
  error.error().what = std::string(what);
  return error;
}

}  // namespace

Result<EnvEntry> parse_env_entry(std::string_view text, std::string_view where) {
  const std::size_t equals = text.find('=');
  const std::string_view key = text.substr(0, equals);
  if (key.empty()) return wrong(where, text, "the name is missing", "write NAME=VALUE, or NAME for the caller's value");
  if (text.find('\0') != std::string_view::npos) return wrong(where, text, "a NUL byte cannot be in the environment");
  EnvEntry entry{std::string(key), std::nullopt};
  if (equals != std::string_view::npos) entry.value = std::string(text.substr(equals + 1));
  return entry;
}

Result<std::vector<EnvEntry>> parse_env_file(std::string_view text, std::string_view filename) {
  std::vector<EnvEntry> entries;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t start = line.find_first_not_of(" \t\v\f\r");
    if (start == std::string_view::npos) continue;
    line.remove_prefix(start);
    if (line.starts_with('#')) continue;
    const std::string where = std::string(filename) + ":" + std::to_string(number);
    const std::string_view key = line.substr(0, line.find('='));
    if (key.find_first_of(" \t") != std::string_view::npos) {
      return wrong(where, key, "a name cannot contain blanks", "write NAME=VALUE without blanks around the =");
    }
    auto entry = parse_env_entry(line, where);
    if (!entry) return std::unexpected(std::move(entry.error()));
    entries.push_back(std::move(*entry));
  }
  return entries;
}

std::optional<std::string_view> env_value(const std::vector<std::string>& environment, std::string_view key) {
  std::optional<std::string_view> found;
  for (const std::string_view entry : environment) {
    if (entry.size() > key.size() && entry.starts_with(key) && entry[key.size()] == '=') {
      found = entry.substr(key.size() + 1);
    }
  }
  return found;
}

std::vector<std::string> build_environment(const Spec& spec, const std::vector<std::string>& caller,
                                           const std::optional<std::string>& home, const std::string& hostname) {
  Table table;
  if (spec.clear_env || !spec.rootfs.empty()) {
    table.set("PATH", kDefaultPath);
    if (!hostname.empty()) table.set("HOSTNAME", hostname);
  } else {
    for (const std::string_view entry : caller) {
      // execve(2) hands on anything; what is not NAME=VALUE nobody can have meant for the command.
      const std::size_t equals = entry.find('=');
      if (equals != std::string_view::npos && equals != 0) table.set(entry.substr(0, equals), entry.substr(equals + 1));
    }
  }
  if (home) table.set("HOME", *home);
  for (const EnvEntry& entry : spec.env) {
    const auto value = entry.value ? std::optional<std::string_view>(*entry.value) : env_value(caller, entry.key);
    if (value) {
      table.set(entry.key, *value);
    } else {
      table.erase(entry.key);
    }
  }
  if (spec.tty && !table.has("TERM")) {
    const std::string_view term = env_value(caller, "TERM").value_or("");
    table.set("TERM", term.empty() ? std::string_view("xterm") : term);
  }
  table.set("container", "sup");   // last: it says who runs this, and -e has no say in that
  return table.strings();
}

}  // namespace sup
