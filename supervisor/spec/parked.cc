#include "spec/parked.h"

#include <algorithm>

namespace sup {
namespace {

// What every container's plan begins with, when nothing was asked for that changes it.
bool general(wire::Op op) {
  switch (op) {
    case wire::Op::pdeathsig:
    case wire::Op::signals_default:
    case wire::Op::mount:
    case wire::Op::umount_stack:
    case wire::Op::only_proc:
    case wire::Op::cover:
    case wire::Op::unshare:
    case wire::Op::write_file:
    case wire::Op::link_up:
    case wire::Op::setsid:
    case wire::Op::keyring: return true;
    default: return false;
  }
}

}  // namespace

Plan parked(const Plan& plan) {
  Plan out;
  out.clone_flags = plan.clone_flags;
  out.user_namespace = plan.user_namespace;
  const auto end = std::ranges::find_if(plan.steps, [](const Step& step) { return !general(step.op); });
  out.steps.assign(plan.steps.begin(), end);
  Step wait;
  wait.op = wire::Op::wait;
  wait.n[0] = static_cast<std::uint64_t>(wire::WaitFor::park);
  out.steps.push_back(std::move(wait));
  return out;
}

bool fits(const Plan& parked, const Plan& plan) {
  // Nothing done in advance is nothing won; and behind the steps there must be the command's own.
  if (parked.steps.size() < 2 || plan.steps.size() < parked.steps.size()) return false;
  if (parked.clone_flags != plan.clone_flags || parked.user_namespace != plan.user_namespace) return false;
  // Descriptors have their numbers when init is made.
  if (plan.joins || plan.guarded || !plan.uids.empty() || plan.boot_fd() != parked.boot_fd()) return false;
  return std::equal(parked.steps.begin(), parked.steps.end() - 1, plan.steps.begin());
}

}  // namespace sup
