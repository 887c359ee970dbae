// EventLog: the supervisor's one account of what happened; one event, one line, one write.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "core/event.h"
#include "loop/loop.h"

namespace sup {

// Owned by the supervisor. Lines go through a spdlog logger whose sink writes whole lines to one destination,
// without ever blocking the loop on it; while its reader takes nothing some MiB of them wait, and the rest is dropped and told of.
class EventLog {
 public:
  // dest: "stderr", "stdout", "none", "fd:N" or a file (created 0600, appended; symlinks, FIFOs and devices
  // are refused). level: trace|debug|info|warning|error. quiet: only warnings and errors.
  // lost: told once, when the destination takes no more (a full disk, a reader who left): what follows is not logged.
  using Lost = std::function<void(const Error&)>;
  static Result<std::unique_ptr<EventLog>> open(Loop& loop, const std::string& dest, const std::string& level,
                                                bool quiet, Lost lost = {});
  // The descriptor that dest names, if any; E_EVENTS where it is not open. To be asked before anything of ours is: later its
  // number may be one of ours, and events would go there.
  [[nodiscard]] static Result<std::optional<int>> descriptor(const std::string& dest);
  ~EventLog();

  // Gives the event its seq (gapless, from 1) and its time. Returns the seq, to be the cause of others.
  std::uint64_t emit(const Event& event);

  // The latest one's.
  [[nodiscard]] std::uint64_t seq() const;
  // Each event's line, without its end, whatever the destination and the level. One at a time; {}: nobody listens.
  void on_line(std::function<void(std::uint64_t seq, std::string_view line)> heard);

  // While a raw terminal is shared, lines wait; release() writes them out in order.
  void hold();
  void release();

  // The terminal the lines would go to, or -1: whether a line may be begun there is known to who writes the
  // command's output (see at_line_start).
  [[nodiscard]] int terminal() const;
  // Told by the pump: the command's output on our terminal stands in mid-line (false) or at a line's start (true).
  void at_line_start(bool yes);

  // Writes what is queued, waiting for the reader. Last call before exit.
  void flush();
  // Whether flush() would have to wait now.
  [[nodiscard]] bool stuck() const;

  // For a live upgrade: the last seq given, and what has not gone out yet; and the same in the log that goes on.
  struct Memory {
    std::uint64_t seq = 0;
    std::string unsent;
    std::uint64_t dropped = 0;  // lines that found no room, and nobody has been told
  };
  [[nodiscard]] Memory memory() const;
  void remember(const Memory& memory);

  // The name in every line's `supervisor`.
  void set_supervisor(std::string name);
  [[nodiscard]] const std::string& supervisor() const;

 private:
  struct State;
  void tell_dropped();
  explicit EventLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::string_view to_string(Reason reason);
[[nodiscard]] std::string_view to_string(Effect effect);
[[nodiscard]] std::string_view to_string(event::Left left);

// "trace" … "error"; E_USAGE otherwise.
[[nodiscard]] Result<Level> parse_level(std::string_view word);

}  // namespace sup
