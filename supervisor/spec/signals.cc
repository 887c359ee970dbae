#include "spec/signals.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <vector>

#include "base/text.h"

namespace sup {
namespace {

struct Name {
  std::string_view name;
  int number;
};

// The numbers are this machine's own (they differ between architectures), hence the macros. The first name
// of a number is the one that is printed.
constexpr std::array kNames = std::to_array<Name>({
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},     {"KILL", SIGKILL}, {"USR1", SIGUSR1},
    {"SEGV", SIGSEGV},     {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},   {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
    {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
    {"SYS", SIGSYS},       {"IOT", SIGABRT},  {"CLD", SIGCHLD},    {"POLL", SIGIO},
});

// The range that a program sees. glibc keeps 32 and 33 to itself, and it is glibc's that `kill -l` and docker
// show; SIGRTMIN itself is a call into whichever libc sup happens to be linked with.
constexpr int kRtMin = 34;

Result<int> unknown(std::string_view text, std::string_view where) {
  std::vector<std::string_view> names;
  names.reserve(std::size(kNames));
  for (const Name& name : kNames) names.push_back(name.name);
  std::string word = to_upper(text);
  if (word.starts_with("SIG")) word.erase(0, 3);
  std::string hint = "`kill -l` lists the signals";
  if (const auto near = nearest(word, names)) hint = "did you mean " + std::string(*near) + "?";
  auto error = usage(std::string(where), "no such signal", hint);
  error.error().what = std::string(text);
  return error;
}

}  // namespace

Result<int> parse_signal(std::string_view text, std::string_view where) {
  if (const auto number = parse_unsigned<unsigned>(text)) {
    if (*number < 1 || *number > static_cast<unsigned>(kMaxSignal)) return unknown(text, where);
    return static_cast<int>(*number);
  }
  const std::string upper = to_upper(text);
  std::string_view word = upper;
  if (word.starts_with("SIG")) word.remove_prefix(3);
  const auto named = std::ranges::find(kNames, word, &Name::name);
  if (named != kNames.end()) return named->number;

  const bool from_min = word.starts_with("RTMIN");
  if (!from_min && !word.starts_with("RTMAX")) return unknown(text, where);
  word.remove_prefix(5);
  unsigned distance = 0;
  if (!word.empty()) {
    if (word.front() != (from_min ? '+' : '-')) return unknown(text, where);
    const auto number = parse_unsigned<unsigned>(word.substr(1));
    if (!number || *number > static_cast<unsigned>(kMaxSignal - kRtMin)) return unknown(text, where);
    distance = *number;
  }
  return from_min ? kRtMin + static_cast<int>(distance) : kMaxSignal - static_cast<int>(distance);
}

std::string signal_name(int number) {
  const auto named = std::ranges::find(kNames, number, &Name::number);
  if (named != kNames.end()) return "SIG" + std::string(named->name);
  if (number == kRtMin) return "SIGRTMIN";
  if (number == kMaxSignal) return "SIGRTMAX";
  if (number > kRtMin && number < kMaxSignal) return "SIGRTMIN+" + std::to_string(number - kRtMin);
  return "SIG" + std::to_string(number);
}

}  // namespace sup
