// Lifecycle: a container's states, and what may happen in each. The table is total: every pair has an answer.
//
//                      ┌──────────────────────────── restart, start ─────────────────────────┐
//                      ▼                                                                     │
//   created ─start─► starting ─started─► running ─────────── exited ───────────────────► exited ─remove─► removed
//      │                │  │               │  ▲                                           ▲ ▲ │               ▲
//      │                │  └─── failed ────┼──┼───────────────────────────────────────────┘ │ │               │
//      │                │             pause│  │unpause                                      │ │               │
//      │                │                  ▼  │                                             │ │               │
//      │                │                 paused ──── exited (killed while frozen) ─────────┤ │               │
//      │                │                  │                                                │ │again          │
//      │                └──stop, restart───┴──► stopping ──── exited, failed ───────────────┘ ▼               │
//      │                                                             backoff ── start, restart ► starting     │
//      └──────────────────────────────── remove ──────────────────── backoff ── stop ► exited ────────────────┘
//
// start, pause, unpause, stop, kill, restart and remove are the user's; started, failed and exited are what the
// kernel and init tell; `again` is the restart policy's verdict about a container that just exited: it waits for its
// pause to be over, which is a `start`.
//
// Asking for what is so already is no error where docker makes none: stopping a container that does not run, or one
// that is being stopped. `restart` of a running one is a stop whose end the caller turns into a start. A signal
// (kill) changes no state: what it does to the command, the kernel tells later. While starting it is kept until the
// command runs, while paused until the container thaws (except SIGKILL). One more command in it (exec) changes no state
// either, and waits while starting until the container's own runs. A container is removed when nothing of it
// runs: `rm -f` kills first.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sup {

enum class ContainerState : std::uint8_t { created, starting, running, paused, stopping, exited, backoff, removed };
enum class ContainerAction : std::uint8_t {
  start,
  started,
  failed,
  pause,
  unpause,
  stop,
  kill,
  exited,
  again,
  restart,
  remove,
  exec
};
inline constexpr std::size_t kContainerStates = 8;
inline constexpr std::size_t kContainerActions = 12;

[[nodiscard]] std::string_view to_string(ContainerState state);
[[nodiscard]] std::string_view to_string(ContainerAction action);
// For filters and saved state; nullopt: none of them.
[[nodiscard]] std::optional<ContainerState> parse_state(std::string_view word);

// The state after the action; nullopt: it cannot happen there.
[[nodiscard]] std::optional<ContainerState> next_state(ContainerState state, ContainerAction action);
// The same with the words for the user: E_STATE, such as "start: web: is paused; unpause it first".
[[nodiscard]] Result<ContainerState> next_state(ContainerState state, ContainerAction action, std::string_view name);

// A process of the container exists or is being made: it holds what a start takes, and has an end to wait for.
[[nodiscard]] bool is_live(ContainerState state);

}  // namespace sup
