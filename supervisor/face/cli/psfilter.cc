#include "face/cli/psfilter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "spec/jsonmember.h"
#include "spec/lifecycle.h"

namespace sup::cli {
namespace {

constexpr std::string_view kHint =
    "id=ID, name=PART, status=STATE, label=KEY[=VALUE] or exited=STATUS; states are created, starting, running, paused, stopping, "
    "exited and backoff";

bool has_label(const nlohmann::json& row, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto labels = row.find("labels");
  if (labels == row.end()) return false;
  const auto found = labels->find(wanted.substr(0, equals));
  return found != labels->end() &&
         (equals == std::string::npos || (found->is_string() && *found == wanted.substr(equals + 1)));
}

}  // namespace

Result<void> PsFilter::add(std::string_view text) {
  const auto wrong = [&] { return usage("--filter " + printable(text), "no such filter", std::string(kHint)); };
  const auto equals = text.find('=');
  const auto* const word = std::ranges::find(kWords, text.substr(0, equals));
  if (word == kWords.end() || equals == std::string_view::npos) return wrong();
  std::string value(text.substr(equals + 1));
  switch (static_cast<Key>(word - kWords.begin())) {
    case kLabel:
      if (value.starts_with('=')) return wrong();
      break;
    case kStatus:
      // What docker calls it.
      if (value == "restarting") value = to_string(ContainerState::backoff);
      if (const auto state = parse_state(value); !state || *state == ContainerState::removed) return wrong();
      break;
    case kExited:
      if (const auto status = parse_unsigned<unsigned>(value); !status || *status > 255) return wrong();
      break;
    case kId:
    case kName:
    case kKeys: break;
  }
  if (value.empty()) return wrong();
  wanted_.at(static_cast<std::size_t>(word - kWords.begin())).push_back(std::move(value));
  return {};
}

bool PsFilter::of_ended() const { return !wanted_[kStatus].empty() || !wanted_[kExited].empty(); }

bool PsFilter::wants(const nlohmann::json& row) const {
  const auto any = [this](Key key, const auto& holds) {
    return wanted_.at(key).empty() || std::ranges::any_of(wanted_.at(key), holds);
  };
  const std::string state = text_in(row, "state");
  const std::string status = std::to_string(number_in(part_in(row, "outcome"), "status", 0U));
  return any(kId, [id = text_in(row, "id")](const std::string& wanted) { return id.starts_with(wanted); }) &&
         any(kName, [name = text_in(row, "name")](const std::string& wanted) { return name.contains(wanted); }) &&
         any(kStatus, [&state](const std::string& wanted) { return state == wanted; }) &&
         any(kExited, [&](const std::string& wanted) { return state == "exited" && status == wanted; }) &&
         std::ranges::all_of(wanted_[kLabel], [&row](const std::string& wanted) { return has_label(row, wanted); });
}

}  // namespace sup::cli
