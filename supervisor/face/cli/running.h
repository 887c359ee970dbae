// Running: the containers that stats and top look at, with what they used last time.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "face/cli/verb.h"
#include "face/control/client.h"

namespace sup::cli {

struct RunningContainer {
  std::string id;
  std::string name;        // may be empty
  std::string supervisor;
  pid_t pid = -1;          // of its process 1
};

// Those that run now, of the supervisors that answer; wanted: ids, names or beginnings of ids, empty: all. One that is not known or
// does not run is told, once, and `missing` says so. A supervisor that has left meanwhile is taken out of `clients`.
[[nodiscard]] std::vector<RunningContainer> running(std::vector<control::Client>& clients,
                                                    const std::vector<std::string>& wanted, bool& missing);

// "1.2M": bytes for people.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
// "12.3"
[[nodiscard]] std::string one_decimal(double value);

}  // namespace sup::cli
