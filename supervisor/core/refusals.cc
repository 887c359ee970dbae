#include "core/refusals.h"

#include <cerrno>
#include <string>

#include "base/text.h"

namespace sup {

Error no_container(std::string_view reference) {
  return Error{.code = "E_NO_CONTAINER",
               .where = printable(reference),
               .what = "no such container",
               .err = ENOENT,
               .why = "no id or name is like that",
               .hint = "see sup ps -a",
               .path = {},
               .stage = {}};
}

Error leaving() {
  return Error{.code = "E_CLOSING",
               .where = "supervisor",
               .what = "is about to leave",
               .err = 0,
               .why = "it was asked to stop",
               .hint = "try again in a moment",
               .path = {},
               .stage = {}};
}

Error foreground(std::string_view where) {
  return Error{.code = "E_FOREGROUND",
               .where = std::string(where),
               .what = "not under this supervisor",
               .err = 0,
               .why = "it is a foreground run, and ends with its command",
               .hint = "use sup run -d, or another supervisor (-S)",
               .path = {},
               .stage = {}};
}

}  // namespace sup
