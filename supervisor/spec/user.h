// User: from "U[:G]" and the texts of passwd(5) and group(5) to ids.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<std::uint32_t> groups;   // for setgroups(2): the gid first, then the supplementary ones, each once
  std::string home = "/";              // never empty
  std::string name;                    // empty: the uid has none
};

// As docker reads -u: U is a number (0 to 4294967294) or else a name; without G the group is the user's own, or 0
// when the uid is not in passwd, and the supplementary groups are those that list the user; with G the
// group is exactly G and there are no others. Numbers need not be in the files, names must be. Lines that are
// not as passwd(5) and group(5) say are skipped: a broken line never makes anybody uid 0.
// Error: E_USER, status 125.
[[nodiscard]] Result<User> resolve_user(std::string_view text, std::string_view passwd, std::string_view group);

// The same, and these groups besides (docker's --group-add). Error: E_USER, where "--group-add" for one of them.
[[nodiscard]] Result<User> resolve_user(std::string_view text, const std::vector<std::string>& more,
                                        std::string_view passwd, std::string_view group);

}  // namespace sup
