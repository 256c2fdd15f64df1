// What each adder of a planned tree does for a step of products, one of each used multiplier: a pure function.
#pragma once

#include <functional>
#include <vector>

#include "fabric/tree_plan.h"

namespace cairn::fabric {

struct AdderWork {
  // Words into its queues: from below on either side, from its neighbour.
  Count left = 0;
  Count right = 0;
  Count neighbour = 0;
  Count additions_2to1 = 0;
  Count additions_3to1 = 0;
  Count made = 0;   // words through its own queue
  Count aside = 0;  // words through the queue to its neighbour
  // Of words that it made, out of the tree and up to the next adder; two that cross together are one.
  Count transfers_out = 0;
  Count transfers_up = 0;
  // Of them, those that wait there for ever: their partners do not come.
  Count waiting_left = 0;
  Count waiting_right = 0;
  Count waiting_neighbour = 0;
};

// Folding adders are left to the caller: what is for them ends at the adder that hands it over. `together` tells of a
// leaf that passes on both of its products whether they come in the same cycle.
std::vector<AdderWork> work_of_step(const TreePlan& plan, int multipliers_used,
                                    const std::function<bool(int leaf)>& together);

// Adds to `work` the way of one more word of a multiplier, up to the adder at which it waits for others. `step`: the
// work of a step.
void send_one_more(const TreePlan& plan, const std::vector<AdderWork>& step, int multiplier,
                   std::vector<AdderWork>& work);

}  // namespace cairn::fabric
