// An operation on a systolic array: tiles of outputs, or folds of the operand that stays, one round each.
#pragma once

#include "engine/run.h"

namespace cairn::engine {

Outcome step_systolic(const arch::Machine& machine, const Operation& operation, const mapping::Tile& tile,
                      const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle,
                      kernel::Observer* observer);

Outcome flow_systolic(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                      const mapping::Tile& tile, const Operands& operands, RoundCosts& known);

}  // namespace cairn::engine
