// sup: the program's face to the shell: what stands before the verb, and the one place where an Error is printed.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/text.h"
#include "core/eventlog.h"
#include "face/cli/globals.h"
#include "face/cli/help.h"
#include "face/cli/verb.h"
#include "face/looks.h"
#include "face/print.h"
#include "face/say.h"
#include "face/terminal.h"
#include "sys/ahead.h"

namespace {

using namespace sup;
using namespace sup::cli;

// Before anything is opened: 0-2 must exist, or the first file of ours becomes the command's output; and no stranger's
// descriptor may reach a child of ours unless it is asked for.
void settle_descriptors() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) (void)!::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
  }
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
    for (int fd = 3; fd < 1024; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  std::signal(SIGXFSZ, SIG_IGN);  // a log that may not grow is an error of that log
  std::signal(SIGPIPE, SIG_IGN);  // a reader who leaves is an error of that stream, not our end
}

// libuv calls us back through C, where no exception may pass: memory that is not there ends the run here, in one line. The
// container goes with us (PR_SET_PDEATHSIG), the terminal is put right first.
void out_of_memory() {
  Terminal::restore_any();
  static constexpr std::string_view kLine =
      "sup: memory: none left: cannot allocate memory; free some, or raise the limit\n";
  (void)!::write(2, kLine.data(), kLine.size());
  std::_Exit(125);
}

// libuv abort(3)s where the kernel refuses what it cannot do without. A command's status may not be mistaken for that: one
// line and 125, as for every failure of ours.
void on_abort(int) {
  Terminal::restore_any();
  static constexpr std::string_view kLine =
      "sup: internal: cannot go on: a system call that must not fail has failed; the container is killed\n";
  (void)!::write(2, kLine.data(), kLine.size());
  std::_Exit(125);
}

// The same facts for programs, where the events go to a place of their own.
void log_error(const Globals& globals, const Error& error) {
  if (globals.events == "stderr" || globals.events == "stdout" || globals.events == "none" || error.code == "E_EVENTS")
    return;
  if (!EventLog::descriptor(globals.events)) return;
  Loop loop;
  auto log = EventLog::open(loop, globals.events, globals.log_level, globals.quiet);
  if (!log) return;
  (*log)->emit(Event{.id = {}, .name = {}, .cause = 0, .what = event::Problem{.error = error, .level = Level::error}});
  (*log)->flush();
}

Result<int> dispatch(Globals& globals, const std::vector<std::string>& args) {
  bool version = false;
  const auto options = global_options(globals, version);
  auto parsed = parse("", options, args, Operands::command);
  if (!parsed) return std::unexpected(parsed.error());
  if (parsed->help) return print(help(columns(1)));
  std::vector<std::string> words = std::move(parsed->operands);
  if (version) words = {"version"};
  if (words.empty()) return usage("", "no verb given", "see sup --help");
  const std::string name = words.front();
  words.erase(words.begin());
  for (const auto& row : verbs()) {
    if (row.name != name) continue;
    const auto verb = row.make();
    const auto rows = verb->options();
    auto own = parse(name, rows, words, row.operands);
    if (!own) return std::unexpected(own.error());
    if (own->help) return print(help_of(row, columns(1)));
    return verb->run(globals, std::move(own->operands));
  }
  return unknown_verb(name);
}

}  // namespace

int main(int argc, char** argv) {
  settle_descriptors();
  std::set_new_handler(out_of_memory);
  std::signal(SIGABRT, on_abort);
  Globals globals;
  if (const char* s = std::getenv("SUP_SUPERVISOR")) globals.supervisor = s;
  const char* events = std::getenv("SUP_EVENTS");
  globals.events = events != nullptr && *events != 0 ? events : "stderr";
  const auto result = dispatch(globals, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  (void)take_ahead();  // of no use to anybody: it ends here
  if (result) return *result;
  say(result.error());
  log_error(globals, result.error());
  return result.error().status;
}
