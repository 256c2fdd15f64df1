// What a step of products, one of each used multiplier, makes the adders of a planned tree count: a pure function.
#pragma once

#include "fabric/adder_tree.h"
#include "fabric/tree_plan.h"

namespace cairn::fabric {

// Words that cross together count once on a wire; whether they do is judged as if all products came in the same cycle.
// Folds are left to the caller: each sum is an output.
AdderCounters cost_of_step(const TreePlan& plan, int multipliers_used, Cycle level_latency, Cycle link_latency);

}  // namespace cairn::fabric
