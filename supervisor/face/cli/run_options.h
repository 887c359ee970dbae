// The options of `run`, which `plan` shares: the table that fills a Spec.
#pragma once
#include <string>
#include <vector>

#include "face/cli/option.h"
#include "spec/spec.h"

namespace sup::cli {

// What the options say beyond the Spec.
struct RunFlags {
  bool detach = false;            // -d
  bool plan = false;              // --plan
  std::string as;                 // --as PEER
  bool json = false;              // --format json, of the plan
  bool keep = false;
  bool rm = false;
  bool stop_timeout_given = false;
};

// The rows hold references to both.
[[nodiscard]] std::vector<Option> run_options(Spec& spec, RunFlags& flags);

}  // namespace sup::cli
