// Audience: who watches a container, several at once; what they see, and how large its terminal is to them.
#pragma once
#include <sys/ioctl.h>

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "core/output.h"

namespace sup {

struct Outcome;

// Somebody who watches, and may type. Owned by who made it, who takes it out of the audience before it goes. Nobody may
// leave or join from within one of these calls: Loop::later.
class Viewer {
 public:
  virtual ~Viewer() = default;
  // The bytes are the caller's: they are gone after the call.
  virtual void output(OutputStream stream, std::string_view bytes) = 0;
  // More waits for this viewer than should: the container's output waits until Supervisor::eased().
  [[nodiscard]] virtual bool full() const = 0;
  // The command runs.
  virtual void started() {}
  // The command's input has room again; it reads no more.
  virtual void input_drained() {}
  virtual void input_closed() {}
  // This run is over, after its last output; the viewer is in no audience any more.
  virtual void ended(const Outcome& outcome) = 0;
};

// Owned by the container's Held. The terminal has one size: that of who was active last, as tmux does it.
class Audience {
 public:
  void add(Viewer& viewer, std::optional<winsize> size = {});
  void remove(const Viewer& viewer);
  [[nodiscard]] bool empty() const { return seats_.empty(); }
  [[nodiscard]] std::size_t size() const { return seats_.size(); }

  void output(OutputStream stream, std::string_view bytes) const;
  [[nodiscard]] bool full() const;
  void started() const;
  void input_drained() const;
  void input_closed() const;
  // Tells everybody, and is empty then.
  void ended(const Outcome& outcome);

  // The viewer types, or its window has this size now.
  void active(const Viewer& viewer);
  void resized(const Viewer& viewer, const winsize& size);
  [[nodiscard]] std::optional<winsize> window_of(const Viewer& viewer) const;
  // Of the one who was active last, among those who have a size.
  [[nodiscard]] std::optional<winsize> window() const;

 private:
  struct Seat {
    Viewer* viewer;
    std::optional<winsize> size;
  };
  std::vector<Seat> seats_;  // the last active one at the end
};

}  // namespace sup
