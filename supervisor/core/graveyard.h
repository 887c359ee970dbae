// Graveyard: containers that have ended, until there is time to close what they had.
#pragma once
#include <cstddef>
#include <deque>
#include <memory>

#include "core/container.h"
#include "loop/loop.h"
#include "loop/nextturn.h"
#include "loop/timer.h"

namespace sup {

// Owned by the Supervisor, for when many are stopped together: the descriptors, handles and memory of one that is over take as
// long as its end, and whoever waits for the others need not wait for that. Emptied in slices as soon as no more come, or too
// many are in it.
class Graveyard {
 public:
  explicit Graveyard(Loop& loop) : pause_(loop), slice_(loop) {}

  // One whose end has been told; its owner hears of it no more.
  void take(std::unique_ptr<Container> dead);

 private:
  void look();
  void empty();

  std::deque<std::unique_ptr<Container>> dead_;
  bool more_ = false;  // have come since the last look
  Timer pause_;
  NextTurn slice_;
};

}  // namespace sup
