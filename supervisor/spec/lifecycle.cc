#include "spec/lifecycle.h"

#include <array>

namespace sup {
namespace {

using S = ContainerState;
using A = ContainerAction;

using enum ContainerState;
constexpr S kNo{0xFF};   // cannot happen

// Read a row as "in this state, each action leads to". Both orders are those of the enums.
// clang-format off
constexpr std::array<std::array<S, kContainerActions>, kContainerStates> kNext{{
    // start     started   failed  pause   unpause  stop      kill      exited  again    restart   remove   exec
    {starting, kNo,      kNo,    kNo,    kNo,     created,  kNo,      kNo,    kNo,     starting, removed, kNo     },  // created
    {kNo,      running,  exited, kNo,    kNo,     stopping, starting, exited, kNo,     stopping, kNo,     starting},  // starting
    {kNo,      kNo,      kNo,    paused, kNo,     stopping, running,  exited, kNo,     stopping, kNo,     running },  // running
    {kNo,      kNo,      kNo,    kNo,    running, stopping, paused,   exited, kNo,     stopping, kNo,     kNo     },  // paused
    {kNo,      stopping, exited, kNo,    kNo,     stopping, stopping, exited, kNo,     stopping, kNo,     stopping},  // stopping
    {starting, kNo,      kNo,    kNo,    kNo,     exited,   kNo,      kNo,    backoff, starting, removed, kNo     },  // exited
    {starting, kNo,      kNo,    kNo,    kNo,     exited,   kNo,      kNo,    kNo,     starting, kNo,     kNo     },  // backoff
    {kNo,      kNo,      kNo,    kNo,    kNo,     kNo,      kNo,      kNo,    kNo,     kNo,      kNo,     kNo     },  // removed
}};
// clang-format on

constexpr std::array<std::string_view, kContainerStates> kStates{"created",  "starting", "running", "paused",
                                                                 "stopping", "exited",   "backoff", "removed"};
constexpr std::array<std::string_view, kContainerActions> kActions{
    "start", "started", "failed", "pause", "unpause", "stop", "kill", "exited", "again", "restart", "remove", "exec"};

// How the state is told to a user whose verb does not fit.
constexpr std::array<std::string_view, kContainerStates> kIs{
    "has not been started", "is starting",           "is running",      "is paused", "is being stopped",
    "has exited",           "waits to be restarted", "has been removed"};

struct Refusal {
  std::string_view why;
  std::string_view hint;
};

Refusal refusal(S state, A action) {
  const std::string_view is = kIs[static_cast<std::size_t>(state)];
  if (state == S::removed) return {is, "sup ps -a lists those there are"};
  switch (action) {
    case A::start:
      if (state == S::paused) return {is, "unpause it first"};
      if (state == S::stopping) return {is, "wait for it first"};
      return {state == S::running ? "is already running" : "is already starting", {}};
    case A::pause:
      if (state == S::paused) return {"is already paused", {}};
      if (state == S::starting) return {is, "pause it when it runs"};
      if (state == S::stopping) return {is, {}};
      return {is, "only what runs can be paused"};
    case A::unpause:
      return {state == S::running ? "is not paused" : is,
              state == S::running ? "" : "only what is paused can be unpaused"};
    case A::kill:
      return {is,
              state == S::backoff ? "stop it, and it will not be restarted" : "there is nothing to send a signal to"};
    case A::remove:
      if (state == S::stopping) return {is, "wait for it first, or use rm -f"};
      return {is, "stop it first, or use rm -f"};
    case A::exec:
      if (state == S::paused) return {is, "unpause it first"};
      return {is, state == S::backoff ? "try again when it runs" : "start it first"};
    case A::stop:
    case A::restart:
    case A::started:
    case A::failed:
    case A::exited:
    case A::again: break;
  }
  // Not a user's doing: somebody told of an end or a start that cannot have been.
  return {is, "this is a fault of sup, please report it"};
}

}  // namespace

std::string_view to_string(S state) { return kStates[static_cast<std::size_t>(state)]; }
std::string_view to_string(A action) { return kActions[static_cast<std::size_t>(action)]; }

std::optional<S> parse_state(std::string_view word) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == word) return static_cast<S>(i);
  }
  return std::nullopt;
}

std::optional<S> next_state(S state, A action) {
  const S next = kNext[static_cast<std::size_t>(state)][static_cast<std::size_t>(action)];
  if (next == kNo) return std::nullopt;
  return next;
}

Result<S> next_state(S state, A action, std::string_view name) {
  if (const auto next = next_state(state, action)) return *next;
  const Refusal no = refusal(state, action);
  return std::unexpected(Error{.code = "E_STATE",
                               .where = std::string(action == A::remove ? "rm" : to_string(action)),
                               .what = std::string(name),
                               .err = 0,
                               .why = std::string(no.why),
                               .hint = std::string(no.hint)});
}

bool is_live(S state) {
  switch (state) {
    case S::starting:
    case S::running:
    case S::paused:
    case S::stopping: return true;
    case S::created:
    case S::exited:
    case S::backoff:
    case S::removed: return false;
  }
  return false;
}

}  // namespace sup
