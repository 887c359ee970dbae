// Verb: one command of the command line; one file each, one row in verbs.cc.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "face/cli/option.h"

namespace sup::cli {

// What stands before the verb: sup [GLOBAL] VERB.
struct Globals {
  std::string supervisor;            // -S, else $SUP_SUPERVISOR
  std::string events;                // --events DEST, else $SUP_EVENTS, else "stderr"
  std::string log_level = "info";    // --log-level
  bool quiet = false;                // -q: no events on the terminal, errors only
};

// Owned by main for the one call of run().
class Verb {
 public:
  virtual ~Verb() = default;
  [[nodiscard]] virtual std::vector<Option> options() { return {}; }
  // Does the work and returns the exit status. Prints nothing on an Error: main does, and
  // exits with Error::status.
  [[nodiscard]] virtual Result<int> run(const Globals& globals, std::vector<std::string> operands) = 0;
};

struct VerbRow {
  std::string_view name;
  std::string_view synopsis;         // "[OPTIONS] [--] COMMAND [ARG…]"
  std::string_view summary;          // one line for `sup --help`
  Operands operands;
  std::unique_ptr<Verb> (*make)();
};

[[nodiscard]] std::span<const VerbRow> verbs();

std::unique_ptr<Verb> make_run();
std::unique_ptr<Verb> make_plan();
std::unique_ptr<Verb> make_doctor();
std::unique_ptr<Verb> make_version();
std::unique_ptr<Verb> make_help();
std::unique_ptr<Verb> make_replay();
std::unique_ptr<Verb> make_daemon();
std::unique_ptr<Verb> make_ps();
std::unique_ptr<Verb> make_logs();
std::unique_ptr<Verb> make_attach();
std::unique_ptr<Verb> make_exec();
std::unique_ptr<Verb> make_start();
std::unique_ptr<Verb> make_restart();
std::unique_ptr<Verb> make_stop();
std::unique_ptr<Verb> make_kill();
std::unique_ptr<Verb> make_pause();
std::unique_ptr<Verb> make_unpause();
std::unique_ptr<Verb> make_update();
std::unique_ptr<Verb> make_wait();
std::unique_ptr<Verb> make_reload();
std::unique_ptr<Verb> make_rm();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_events();
std::unique_ptr<Verb> make_stats();
std::unique_ptr<Verb> make_top();

}  // namespace sup::cli
