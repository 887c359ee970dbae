#include "spec/ahead.h"

#include "spec/plan.h"

namespace sup::ahead {

Plan plan() {
  Plan out;
  out.clone_flags = kCloneFlags;
  const char* const block = reinterpret_cast<const char*>(&kPlan);
  for (const wire::Step& from : kPlan.steps) {
    Step& step = out.steps.emplace_back();
    step.op = static_cast<wire::Op>(from.op);
    for (std::size_t i = 0; i < step.n.size(); ++i) step.n[i] = from.n[i];
    for (std::size_t i = 0; i < step.s.size(); ++i) {
      if (from.s[i] != 0) step.s[i] = block + from.s[i];
    }
  }
  return out;
}

}  // namespace sup::ahead
