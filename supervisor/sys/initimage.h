// The init executable: found, judged and copied once, so that no start looks it up again.
#pragma once
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

// The path of the init that belongs to this sup: ../libexec/sup/init beside the running executable, or
// ../init/init in a build tree. Never from the environment, PATH or the working directory.
// Error E_INIT_MISSING names what was tried.
[[nodiscard]] Result<std::string> find_init();

// Opens find_init()'s file, refuses one that others could have written (owner neither root, nor the caller, nor the
// owner of sup itself; group- or world-writable), and returns a sealed executable copy (CVE-2019-5736:
// /proc/1/exe inside is not the host's file). CLOEXEC.
[[nodiscard]] Result<Fd> load_init();

}  // namespace sup
