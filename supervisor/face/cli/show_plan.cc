#include "face/cli/show_plan.h"

#include "face/print.h"
#include "face/say.h"

namespace sup::cli {

Result<int> show_plan(const Spec&, const Facts&, const Plan& plan, const RunFlags&) {
  std::string text;
  for (const auto& s : plan.steps) text += describe(s) + "\n";
  return print(text);
}

}  // namespace sup::cli
