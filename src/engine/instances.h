// How often each instance of each component of a machine works in a run: a pure function of machine, operation, tile
// and zeros. Which way a word goes is planned before the first cycle, so no clock is needed; the sums over the
// instances are the counters of the parts.
#pragma once

#include "cairn/instances.h"
#include "engine/run.h"

namespace cairn::engine {

Instances instances(const arch::Machine& machine, const Operation& operation, const Tile& tile,
                    const Operands& operands);

}  // namespace cairn::engine
