// Attachment: a command that runs under a supervisor, on the caller's terminal, for as long as it runs or is watched.
#pragma once
#include <sys/ioctl.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "face/control/client.h"

namespace sup {

// What there is to show, and how.
struct AttachmentOptions {
  std::string verb;                 // "attach", for messages
  std::string name;                 // of the container, for messages
  bool tty = false;                 // the command has a terminal
  bool input = false;               // the keyboard is passed on
  std::vector<int> given;           // our 0, 1 and 2 that the command has itself
  std::string detach_keys;          // what parse_detach_keys() gives
  bool sig_proxy = true;
  // Sends the command a signal by a connection of its own; what became of it (core's Effect in words), empty: unknown.
  std::function<std::string(int number)> signal;
  // It was started for the caller: an INT, TERM, HUP or QUIT that it cannot hear, for the second time, kills it, and a reader
  // of its terminal who leaves is a hang-up. Else the caller leaves.
  bool may_kill = false;
  // Only the detach keys leave it behind: whoever goes otherwise hangs it up.
  bool hangs_up = false;
  // The end, before this returns: the exit frame's JSON, and the status in it.
  std::function<void(std::string_view json, int status)> ended;
  std::function<void(std::string_view output)> recorded;  // what a terminal shows
  std::function<void(const winsize& size)> resized;  // the caller's window, also at the beginning
};

// Shows it to its end, or until the caller leaves (0). The exit status for the shell: the command's, or 125 when the
// connection is lost or the supervisor lets us go.
[[nodiscard]] Result<int> show_attached(control::Client::Upgraded connection, AttachmentOptions options);

// Our 0, 1 and 2 that a command without a terminal of its own is to have as they are, so that no byte passes through here. A
// terminal never: with it goes TIOCSTI. input: 0 as well.
[[nodiscard]] Result<std::vector<int>> to_give(bool input);

// Before a command is asked for that may speak to who reads our output before we know that it runs: a signal from there on is
// for the command. What would end us waits until show_attached() takes it.
void hold_signals();

// exec: to what that one runs in it. A way to send signals to a container of that client's supervisor, for AttachmentOptions::signal.
[[nodiscard]] std::function<std::string(int)> signals_to(const control::Client& client, std::string container,
                                                         std::string exec = {});

}  // namespace sup
