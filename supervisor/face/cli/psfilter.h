// PsFilter: which containers `ps` lists, as docker's --filter says it.
#pragma once
#include <array>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup::cli {

// id=, name=, status=, label=, exited=: of several of one key one must hold, of labels and of different keys all.
class PsFilter {
 public:
  // "KEY=VALUE"; E_USAGE.
  [[nodiscard]] Result<void> add(std::string_view text);
  // Something is asked for that only those have that do not run: then they are listed, too.
  [[nodiscard]] bool of_ended() const;
  // row: one of container.list.
  [[nodiscard]] bool wants(const nlohmann::json& row) const;

 private:
  enum Key : std::size_t { kId, kName, kStatus, kLabel, kExited, kKeys };
  static constexpr std::array<std::string_view, kKeys> kWords{"id", "name", "status", "label", "exited"};
  std::array<std::vector<std::string>, kKeys> wanted_;
};

}  // namespace sup::cli
