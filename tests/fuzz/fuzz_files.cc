// The readers of the system's tables: mountinfo, passwd and group.
#include "fuzz.h"
#include "spec/mountinfo.h"
#include "spec/user.h"

using namespace sup;
using sup::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t procs = 0;
  for (const auto& m : parse_mountinfo(bytes)) procs += m.fstype == "proc" ? 1U : 0U;
  require(proc_mounts(bytes).size() == procs, "every procfs once");

  sup::fuzz::Input in(data, size);
  const std::string user = in.text();
  const std::string passwd = in.text();
  const std::string group = in.text();
  if (const auto u = resolve_user(user, passwd, group)) {
    require(!u->groups.empty() && u->groups.front() == u->gid, "the gid is the first group");
    require(!u->home.empty(), "a home");
    // A name must be somebody's, so uid 0 needs a line that says 0.
    if (u->uid == 0 && !user.starts_with('0'))
      require(passwd.find('0') != std::string::npos, "nobody is root by accident");
  } else {
    require(u.error().code == "E_USER" && u.error().status == 125, "E_USER");
  }
  return 0;
}
