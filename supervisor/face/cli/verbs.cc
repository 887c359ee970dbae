#include <array>

#include "face/cli/verb.h"

namespace sup::cli {

std::span<const VerbRow> verbs() {
  static const std::array kRows{
      VerbRow{"run", "[OPTIONS] [--] COMMAND [ARG...]", "run a command in fresh namespaces", Operands::command,
              make_run},
      VerbRow{"plan", "[OPTIONS] [--] COMMAND [ARG...]", "show the steps of a run, without running it",
              Operands::command, make_plan},
      VerbRow{"ps", "[OPTIONS]", "list containers, of all supervisors", Operands::any, make_ps},
      VerbRow{"logs", "[OPTIONS] CONTAINER", "show what a container has put out", Operands::any, make_logs},
      VerbRow{"attach", "[OPTIONS] CONTAINER", "watch a container and type into it", Operands::any, make_attach},
      VerbRow{"exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "run one more command in a container", Operands::command,
              make_exec},
      VerbRow{"start", "CONTAINER...", "run containers that have ended once more", Operands::any, make_start},
      VerbRow{"restart", "[OPTIONS] CONTAINER...", "stop containers and start them again", Operands::any, make_restart},
      VerbRow{"stop", "[OPTIONS] CONTAINER...", "ask containers to stop, then make them", Operands::any, make_stop},
      VerbRow{"kill", "[OPTIONS] CONTAINER...", "send containers a signal", Operands::any, make_kill},
      VerbRow{"pause", "CONTAINER...", "freeze everything in containers", Operands::any, make_pause},
      VerbRow{"unpause", "CONTAINER...", "let frozen containers run on", Operands::any, make_unpause},
      VerbRow{"update", "[OPTIONS] CONTAINER...", "change the limits of containers", Operands::any, make_update},
      VerbRow{"wait", "[OPTIONS] CONTAINER...", "wait for containers to end and print how", Operands::any, make_wait},
      VerbRow{"rm", "[OPTIONS] CONTAINER...", "forget containers that have ended", Operands::any, make_rm},
      VerbRow{"inspect", "CONTAINER...", "print all that is known of containers, as JSON", Operands::any, make_inspect},
      VerbRow{"stats", "[OPTIONS] [CONTAINER...]", "show what containers use", Operands::any, make_stats},
      VerbRow{"top", "[OPTIONS] [CONTAINER...]", "show the processes of containers, live", Operands::any, make_top},
      VerbRow{"events", "[OPTIONS]", "show what has happened, and with -f what happens", Operands::any, make_events},
      VerbRow{"daemon", "[OPTIONS]", "be a supervisor that starts without containers", Operands::any, make_daemon},
      VerbRow{"reload", "[OPTIONS]", "make a supervisor go on as this version of sup", Operands::any, make_reload},
      VerbRow{"replay", "[OPTIONS] FILE", "play a terminal recording made with run --record", Operands::any,
              make_replay},
      VerbRow{"doctor", "[OPTIONS]", "check what this machine allows, and how to mend it", Operands::any, make_doctor},
      VerbRow{"version", "[OPTIONS]", "print the versions of sup, its init, libuv and the kernel", Operands::any,
              make_version},
      VerbRow{"help", "[OPTIONS] [VERB]", "say what a verb does and which options it has", Operands::any, make_help},
  };
  return kRows;
}

}  // namespace sup::cli
