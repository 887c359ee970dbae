// Pool: inits made in advance, so that a start costs what a fork and exec cost.
//
//            refill                   {parked}                    take()
//   (none) ──────────► being made ──────────────► parked ──────────────────► a container's own
//                          │ {failed}, or it died   │ the world has changed, too many, or it died
//                          └────────► (gone) ◄──────┘
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>

#include "base/fd.h"
#include "core/reaper.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "spec/plan.h"
#include "sys/facts.h"

namespace sup {

// An init that has done what every container's plan begins with, and waits for the rest (init/park.h).
struct Parked {
  pid_t pid = -1;
  Fd pidfd;
  Fd boot;                 // our end of its channel; {parked} is still to be read there, or to come, or left out
  std::size_t done = 0;    // steps of its plan that are behind it, or will be
};

inline constexpr std::size_t kMaxPool = 64;

// Owned by the Supervisor. Whoever is in it is nobody's yet: killed and reaped here, gone with the supervisor (they die with their
// parent, and with their channel), and in no list. Nothing is made while a start is asked for: one init at a time, when
// there has been none for a moment. When all are there, nothing wakes up.
class Pool {
 public:
  // image: load_init()'s, borrowed. world: the one that starts gather their facts with. busy: none is to be made now. room: there
  // is memory for one.
  Pool(Loop& loop, Reaper& reaper, World& world, int image, std::function<bool()> busy, std::function<bool()> room);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // How many to keep: 0 to kMaxPool; none: a few, more where many were started of late.
  void keep(std::optional<std::size_t> fixed);

  // A start is about to be asked for: where there is none, one is made now, and gets on while the request is read. Not where the
  // last request had no use for one.
  void expect();
  // One that may go on with this plan, parked or on its way there. The world has just been looked at, by gather(). Counts as a
  // start in any case.
  [[nodiscard]] std::optional<Parked> take(const Plan& plan);
  // A start that is none for anything made in advance.
  void pass() { fitted_ = false; }

  [[nodiscard]] std::size_t size() const { return made_.size(); }  // being made or parked
  // Ends them all, and waits for it; none is made until keep() is called again.
  void clear();

 private:
  struct Made : Parked {
    std::uint64_t generation = 0;  // of the world in which it was made
  };
  enum class Look : std::uint8_t { busy, ready, lost };

  void refill_after(std::chrono::milliseconds pause);
  void refill();
  // What one is made with; plan_ is of the world as it is now then, plan_file_ and null_ are there. none: it cannot be had.
  [[nodiscard]] std::optional<Facts> look_around();
  [[nodiscard]] bool make();
  [[nodiscard]] static Look look(const Made& made);
  void end(std::list<Made>::iterator made);
  void died(pid_t pid);
  void started();
  [[nodiscard]] std::size_t wanted() const;

  Reaper& reaper_;
  World& world_;
  int image_;
  std::function<bool()> busy_;
  std::function<bool()> room_;
  bool enabled_ = false;
  bool fitted_ = false;  // the last request came to a start that one of them would do for
  std::optional<std::size_t> fixed_;
  std::list<Made> made_;  // the oldest first
  std::optional<Plan> plan_;  // what they are made by
  std::uint64_t plan_generation_ = 0;
  Fd plan_file_;  // the same as they are given it
  Fd null_;  // what they are given for 0 to 2, and close
  double recent_ = 0;  // starts of late, each fading away
  std::uint64_t recent_us_ = 0;  // when that was true
  Timer refill_;
};

}  // namespace sup
