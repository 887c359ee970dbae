#include "spec/exit_status.h"

#include <sys/wait.h>

namespace sup {

std::optional<ExitStatus> ExitStatus::from_wait(int status) {
  if (WIFEXITED(status)) return ExitStatus{WEXITSTATUS(status), 0, false};
  if (WIFSIGNALED(status)) return ExitStatus{0, WTERMSIG(status), WCOREDUMP(status) != 0};
  return std::nullopt;
}

}  // namespace sup
