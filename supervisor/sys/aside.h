// Aside: a question that may never be answered, asked by a process of its own.
#pragma once
#include <sys/types.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

struct Asked {
  pid_t pid = -1;   // the caller's child: to be reaped, and to be killed when it takes too long
  Fd answer;        // what the question gave, then the end; CLOEXEC
};

// fork(2): what a container may do with its files (a FUSE that does not answer) must not stop the one who looks. The child
// has all that the caller has in memory, of its descriptors none, and dies with it.
[[nodiscard]] Result<Asked> ask_aside(const std::function<std::string()>& question);

}  // namespace sup
