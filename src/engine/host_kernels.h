// The values of an operation, computed fast on the host: what the flow evaluator returns as output.
#pragma once

#include "engine/run.h"

namespace cairn::engine {

void compute_on_host(const Operation& operation, const Operands& operands);

}  // namespace cairn::engine
