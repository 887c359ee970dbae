#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "child.h"
#include "measures.h"

namespace bench {
namespace {

struct Counts {
  double instructions = -1;   // in user space, the dynamic loader's included
  double calls = -1;          // system calls
  double faults = -1;         // page faults served from memory
  double waits = -1;          // voluntary context switches, one of them to us at its end
};

enum class Step { instruction, call, none };

double field(const std::string& text, const std::string& name) {
  const auto at = text.find(name);
  return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + name.size(), nullptr);
}

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void look_at(pid_t pid, Counts& counts) {
  const std::string self = "/proc/" + std::to_string(pid);
  counts.waits = field(slurp(self + "/status"), "\nvoluntary_ctxt_switches:");
  const std::string stat = slurp(self + "/stat");
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));  // the name before it may hold anything
  std::string word;
  for (int i = 3; i <= 10 && rest >> word; ++i) {
  }
  counts.faults = std::strtod(word.c_str(), nullptr);  // field 10, minflt (proc_pid_stat(5))
}

// Runs `argv` a step at a time. Only the process itself is stopped: what it starts runs free.
bool walk(const Words& argv, Step step, Counts& counts) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0) ::_exit(127);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    if (null > 2) ::close(null);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) return false;
  constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;
  ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, kOptions);
  const auto request = step == Step::instruction ? PTRACE_SINGLESTEP
                       : step == Step::call      ? PTRACE_SYSCALL
                                                 : PTRACE_CONT;
  double steps = 0;
  long pass_on = 0;
  for (;;) {
    if (::ptrace(request, pid, nullptr, pass_on) < 0) break;
    if (::waitpid(pid, &status, __WALL) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) break;
    pass_on = 0;
    const int sig = WSTOPSIG(status);
    if (status >> 16 == PTRACE_EVENT_EXIT) {
      if (step == Step::none) look_at(pid, counts);
    } else if (sig == SIGTRAP || sig == (SIGTRAP | 0x80)) {
      ++steps;
    } else {
      pass_on = sig;
    }
  }
  if (step == Step::instruction) {
    counts.instructions = steps;
  } else if (step == Step::call) {
    counts.calls = (steps + 1) / 2;  // in and out of each; exit_group only goes in
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct Loader {
  double relocations = -1;   // looked up by name
  double relative = -1;      // moved only
};

// ld.so(8), LD_DEBUG; what is linked statically says nothing.
Loader loader_of(const std::string& program, const std::string& scratch) {
  const std::string log = scratch + "/ld";
  const Words argv = {"/usr/bin/env", "LD_DEBUG=statistics", "LD_DEBUG_OUTPUT=" + log, program, "--version"};
  Child child(argv);
  const pid_t pid = child.pid();   // env(1), which becomes the program
  (void)child.wait(20);
  const std::string text = slurp(log + "." + std::to_string(pid));
  if (text.empty()) return {.relocations = 0, .relative = 0};
  return {.relocations = field(text, "number of relocations:"),
          .relative = field(text, "number of relative relocations:")};
}

Row counted(std::string measure, std::string peer, double ours, double theirs) {
  Row row{.measure = std::move(measure),
          .peer = std::move(peer),
          .unit = "",
          .ours = {},
          .theirs = {},
          .absent = {},
          .failed = {},
          .bar = {}};
  if (ours < 0 || theirs < 0) {
    row.absent = "absent: cannot be counted here";
  } else {
    row.ours = Summary{.p25 = ours, .p50 = ours, .count = 1};
    row.theirs = Summary{.p25 = theirs, .p50 = theirs, .count = 1};
  }
  return row;
}

}  // namespace

void measure_cost(const Setting& setting, Report& report) {
  const std::string unshare = in_path("unshare");
  const std::string name = unshare.empty() || !setting.root ? "floor" : "unshare";
  const Words peer = name == "floor" ? Words{setting.floors + "/start", "/bin/true"}
                                     : Words{unshare, "--mount", "--pid",        "--uts",    "--ipc",
                                             "--net", "--fork",  "--mount-proc", "/bin/true"};
  const Words sup = {setting.sup, "run", "/bin/true"};
  Counts ours;
  Counts theirs;
  const auto both = [&](Step step) { return walk(sup, step, ours) && walk(peer, step, theirs); };
  // Where tracing is forbidden the rows say so. A million instructions are a million stops: some ten seconds.
  (void)(both(Step::none) && both(Step::call) && (setting.quick || both(Step::instruction)));
  const Loader sup_loader = loader_of(setting.sup, setting.scratch);
  const Loader peer_loader = loader_of(peer[0], setting.scratch);
  if (!setting.quick)
    report.add(counted("cost: instructions in user space", name, ours.instructions, theirs.instructions));
  report.add(counted("cost: system calls", name, ours.calls, theirs.calls));
  report.add(counted("cost: page faults", name, ours.faults, theirs.faults));
  report.add(counted("cost: times it waited", name, ours.waits, theirs.waits));
  report.add(counted("cost: relocations by name", name, sup_loader.relocations, peer_loader.relocations));
  report.add(counted("cost: relocations by place", name, sup_loader.relative, peer_loader.relative));
}

}  // namespace bench
