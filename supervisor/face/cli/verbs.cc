#include <array>

#include "face/cli/verb.h"

namespace sup::cli {

std::span<const VerbRow> verbs() {
  static const std::array kRows{
      VerbRow{"run", "[OPTIONS] [--] COMMAND [ARG...]", "run a command in fresh namespaces", Operands::command, make_run},
      VerbRow{"plan", "[OPTIONS] [--] COMMAND [ARG...]", "show the steps of a run, without running it", Operands::command, make_plan},
  };
  return kRows;
}

}  // namespace sup::cli
