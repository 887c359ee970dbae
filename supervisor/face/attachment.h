// Attachment: a command that runs under a supervisor, on the caller's terminal, for as long as it runs or is watched.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "face/control/client.h"

namespace sup {

// What there is to show, and how.
struct AttachmentOptions {
  std::string verb;                 // "attach", for messages
  std::string name;                 // of the container, for messages
  bool tty = false;                 // the command has a terminal
  bool input = false;               // the keyboard is passed on
  std::string detach_keys;          // what parse_detach_keys() gives
  bool sig_proxy = true;
  // Sends the command a signal by a connection of its own; what became of it (core's Effect in words), empty: unknown.
  std::function<std::string(int number)> signal;
  // An INT, TERM, HUP or QUIT that the command cannot hear, for the second time: it is killed. Else the caller leaves.
  bool may_kill = false;
  // The end, before this returns: the exit frame's JSON.
  std::function<void(std::string_view json)> ended;
  std::function<void(std::string_view output)> recorded;   // what a terminal shows
};

// Shows it to its end, or until the caller leaves (0). The exit status for the shell: the command's, or 125 when the
// connection is lost or the supervisor lets us go.
[[nodiscard]] Result<int> show_attached(control::Client::Upgraded connection, AttachmentOptions options);

// exec: to what that one runs in it. A way to send signals to a container of that client's supervisor, for AttachmentOptions::signal.
[[nodiscard]] std::function<std::string(int)> signals_to(const control::Client& client, std::string container, std::string exec = {});

}  // namespace sup
