#include "face/cli/running.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/say.h"
#include "spec/jsonmember.h"

namespace sup::cli {

using Json = nlohmann::json;

namespace {

void add(std::vector<RunningContainer>& to, const Json& row, const std::string& supervisor) {
  if (!row.contains("pid")) return;
  to.push_back({.id = text_in(row, "id"),
                .name = text_in(row, "name"),
                .supervisor = supervisor,
                .pid = static_cast<pid_t>(number_in(row, "pid", -1))});
}

}  // namespace

std::vector<RunningContainer> running(std::vector<control::Client>& clients, const std::vector<std::string>& wanted,
                                      bool& missing) {
  std::vector<RunningContainer> all;
  for (std::size_t i = 0; wanted.empty() && i < clients.size();) {
    auto rows = control::list(clients[i], false);
    if (!rows) {
      clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    for (const auto& row : *rows) add(all, row, clients[i].supervisor());
    ++i;
  }
  for (const auto& reference : wanted) {
    auto row = control::ask(clients, "container.inspect", {{"container", reference}});
    const auto before = all.size();
    if (row) add(all, *row, {});
    if (all.size() != before) continue;
    if (!missing) say(row ? printable(reference) + ": does not run" : row.error().line());
    missing = true;
  }
  return all;
}

std::string one_decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::string_view kUnits = "BKMGTP";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) value /= 1024, ++unit;
  return (unit == 0 ? std::to_string(bytes) : one_decimal(value)) + kUnits[unit];
}

}  // namespace sup::cli
