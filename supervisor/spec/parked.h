// Parked: the part of a plan that can be carried out before anybody has asked for a container. Pure.
#pragma once
#include <cstddef>

#include "spec/plan.h"

namespace sup {

// The steps of `plan` that say nothing about one container, and behind them the wait (WaitFor::park) for one. An init that is
// given this is parked.
[[nodiscard]] Plan parked(const Plan& plan);

// How many steps of its plan a parked init has behind it.
[[nodiscard]] inline std::size_t done(const Plan& parked) { return parked.steps.size() - 1; }

// Whether it may go on with `plan`: made in the same way, and all that it has done stands at the beginning of the plan, step
// by step. What the steps found in the world is not seen here: a parked init is of no use once the mount table has
// changed (sys/facts.h, World).
[[nodiscard]] bool fits(const Plan& parked, const Plan& plan);

}  // namespace sup
