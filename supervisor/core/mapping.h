// Mapping: a user namespace on its way to an ordinary user, whose maps newuidmap(1) and newgidmap(1) write. They take some milliseconds
// as a rule; what they ask may be a server that does not answer, and the loop goes on meanwhile.
//
//   start() ──► both at work ──both have ended──► done(its descriptor)
//                    │ one fails, is late, or stop(): both are killed
//                    └──────────both have ended──► done(why)
#pragma once
#include <sys/types.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "core/reaper.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "spec/idmap.h"
#include "sys/mapprogram.h"
#include "sys/usernamespace.h"

namespace sup {

// Owned by the Container. Leaves no process behind.
class Mapping {
 public:
  // done: once, and not from within this call. Error: E_IDMAP, or why there can be no user namespace.
  [[nodiscard]] static Result<std::unique_ptr<Mapping>> start(Loop& loop, Reaper& reaper, const IdMap& uids,
                                                              const IdMap& gids, uid_t caller,
                                                              std::function<void(Result<Fd>)> done);
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();
  // Nobody wants it any more: done() comes all the same.
  void stop();

 private:
  Mapping(Loop& loop, Reaper& reaper, HeldUserNamespace held, std::function<void(Result<Fd>)> done)
      : reaper_(reaper), held_(std::move(held)), done_(std::move(done)), late_(loop) {}
  void watch(MapProgram& program);
  void ended(MapProgram& program, int status);

  Reaper& reaper_;
  HeldUserNamespace held_;
  std::function<void(Result<Fd>)> done_;
  std::array<MapProgram, 2> programs_;
  std::optional<Error> error_;  // the first there was
  Timer late_;
};

}  // namespace sup
