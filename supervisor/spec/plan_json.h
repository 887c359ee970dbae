// A plan as JSON, for `sup plan --format json`.
#pragma once
#include <string>

#include "spec/plan.h"

namespace sup {

// One object, two spaces of indent, keys in a fixed order, no line end after it:
//   clone (names of namespaces), user_namespace, tty, preserve_fds, steps: index, op, stage, text and the step's own
//   arguments. UTF-8 always: bytes that are not become U+FFFD.
[[nodiscard]] std::string plan_json(const Plan& plan);

// "mount", "umount_stack", …: an op as init/plan.h spells it.
[[nodiscard]] std::string_view op_name(wire::Op op);

}  // namespace sup
