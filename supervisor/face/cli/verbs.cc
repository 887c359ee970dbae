#include <array>

#include "face/cli/verb.h"

namespace sup::cli {

std::span<const VerbRow> verbs() {
  static const std::array kRows{
      VerbRow{"run", "[OPTIONS] [--] COMMAND [ARG...]", "run a command in fresh namespaces", Operands::command, make_run},
      VerbRow{"plan", "[OPTIONS] [--] COMMAND [ARG...]", "show the steps of a run, without running it", Operands::command, make_plan},
      VerbRow{"replay", "[OPTIONS] FILE", "play a terminal recording made with run --record", Operands::any, make_replay},
      VerbRow{"doctor", "[OPTIONS]", "check what this machine allows, and how to mend it", Operands::any, make_doctor},
      VerbRow{"version", "[OPTIONS]", "print the versions of sup, its init, libuv and the kernel", Operands::any, make_version},
  };
  return kRows;
}

}  // namespace sup::cli
