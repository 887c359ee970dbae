#include "sys/kernel.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "sys/procfs.h"

namespace sup {
namespace {

std::optional<std::string> text_at(const std::string& root, std::string_view name) {
  auto text = read_file(root + '/' + std::string(name));
  if (!text) return std::nullopt;
  return std::move(*text);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks{" \t\r\n\0", 5};   // attr/current may end in NUL
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<std::int64_t> to_number(std::string_view text) {
  text = trimmed(text);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::string> KernelFiles::proc_text(std::string_view name) const { return text_at(proc, name); }
std::optional<std::string> KernelFiles::sys_text(std::string_view name) const { return text_at(sys, name); }

std::optional<std::string> KernelFiles::sysctl_text(std::string_view name) const {
  std::string path = "sys/" + std::string(name);
  std::ranges::replace(path, '.', '/');
  const auto text = proc_text(path);
  if (!text) return std::nullopt;
  return std::string(trimmed(*text));
}

std::optional<std::int64_t> KernelFiles::sysctl(std::string_view name) const {
  const auto text = sysctl_text(name);
  return text ? to_number(*text) : std::nullopt;
}

std::optional<std::string> KernelFiles::self_status(std::string_view field) const {
  const auto text = proc_text("self/status");
  if (!text) return std::nullopt;
  for (const std::string_view line : split(*text, '\n')) {
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && line.substr(0, colon) == field)
      return std::string(trimmed(line.substr(colon + 1)));
  }
  return std::nullopt;
}

std::optional<bool> KernelFiles::has_capability(int number) const {
  const auto text = self_status("CapEff");
  if (!text) return std::nullopt;
  std::uint64_t set = 0;
  const char* end = text->data() + text->size();
  if (std::from_chars(text->data(), end, set, 16).ptr != end) return std::nullopt;
  return (set >> number & 1) != 0;
}

bool KernelFiles::filtered() const { return self_status("Seccomp") == "2"; }

std::string KernelFiles::security_label() const {
  const auto text = proc_text("self/attr/current");
  if (!text) return {};
  const std::string_view label = trimmed(*text);
  if (label == "unconfined") return {};
  return std::string(label.substr(0, label.find(" (")));   // AppArmor: "name (enforce)"
}

}  // namespace sup
