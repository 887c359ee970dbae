// newuidmap(1) and newgidmap(1), which may map more ids than the caller's own: those of his lines in /etc/subuid and /etc/subgid.
#pragma once
#include <sys/types.h>

#include <cstdint>

#include "base/error.h"
#include "base/fd.h"
#include "spec/idmap.h"

namespace sup {

// One at work.
struct MapProgram {
  enum class Kind : std::uint8_t { uids, gids };
  Kind kind = Kind::uids;
  IdMap map;
  pid_t pid = -1;  // the caller's child, with his real uid: to be reaped, and he may kill it
  Fd said;  // a memfd with what it has to say
};

// For the user namespace of process `holder`. Error: E_IDMAP.
[[nodiscard]] Result<MapProgram> start_map_program(MapProgram::Kind kind, pid_t holder, const IdMap& map);

// Of one that has ended with that wait(2) status: all is well, or why not.
[[nodiscard]] Result<void> map_program_ended(const MapProgram& program, int status);
// Of one that had to be killed for it took too long. It asks who the caller is, and that may be a question to a server that does not
// answer.
[[nodiscard]] Error map_program_late(const MapProgram& program);

}  // namespace sup
