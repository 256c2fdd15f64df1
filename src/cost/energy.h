// What a run costs in energy: the actions that were counted times a table.
#pragma once

#include "stats/counters.h"
#include "util/units.h"

namespace cairn::cost {

// How many of each unit a machine has, for what they use up by being there.
struct Units {
  Count multipliers = 0;
  Count adders = 0;
  Count accumulators = 0;
  Count switches = 0;  // of the distribution network
};

// In the unit of the table of the public reference, which does not say which (paper A.9): good for comparing mappings
// and machines with each other, not as joules.
double energy(const stats::CounterTree& counters, Cycle cycles, const Units& units);

}  // namespace cairn::cost
