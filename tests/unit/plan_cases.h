// The facts and the command lines that the tests of plans are about.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>

#include "spec/plan.h"

namespace sup::test {

inline Facts root_facts() {
  Facts facts;
  facts.id = "0123456789ab";
  facts.environ = {"PATH=/usr/bin:/bin", "HOME=/root", "TERM=vt100"};
  facts.cwd = "/job";
  facts.proc_mounts = {"/proc"};
  facts.passwd =
      "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\nnobody:x:65534:65534::/nonexistent:\n";
  facts.group = "root:x:0:\nbob:x:1001:\nadm:x:4:bob\nvideo:x:44:bob\n";
  return facts;
}

inline Facts user_facts() {
  Facts facts = root_facts();
  facts.uid = 1000;
  facts.gid = 1001;
  return facts;
}

// Every combination of what changes a plan's shape.
inline void each_spec(const std::function<void(const Spec&, const Facts&, const Plan&)>& body) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    Spec spec;
    spec.argv = {"true"};
    spec.tty = (bits & 1U) != 0;
    spec.init = (bits & 2U) != 0;
    if ((bits & 4U) != 0) spec.user = "bob";
    if ((bits & 8U) != 0) spec.network = Network::host;
    spec.privileged = (bits & 16U) != 0;
    if ((bits & 32U) != 0) spec.workdir = "/srv";
    if ((bits & 64U) != 0) spec.preserve_fds = 3;
    const Facts facts = (bits & 128U) != 0 ? user_facts() : root_facts();
    body(spec, facts, compile(spec, facts).value());
  }
}

inline std::optional<std::size_t> place(const Plan& plan, const std::function<bool(const Step&)>& is) {
  const auto at = std::ranges::find_if(plan.steps, is);
  if (at == plan.steps.end()) return std::nullopt;
  return static_cast<std::size_t>(at - plan.steps.begin());
}

inline std::optional<std::size_t> place(const Plan& plan, wire::Op op) {
  return place(plan, [op](const Step& step) { return step.op == op; });
}

// The last of its kind.
inline std::optional<std::size_t> last_place(const Plan& plan, wire::Op op) {
  for (std::size_t i = plan.steps.size(); i-- > 0;) {
    if (plan.steps[i].op == op) return i;
  }
  return std::nullopt;
}

}  // namespace sup::test
