// An operation on a flexible dense machine: a round for each block of filters.
#pragma once

#include "engine/run.h"

namespace cairn::engine {

// Throws Error E401 for a tile that does not fit, U204 for virtual neurons that the reduction network cannot add up.
void check_fit(const arch::FlexibleArray& array, const mapping::Nest& nest, const mapping::DenseTile& tile);

// The most that a word or a product of a multiplier can add to a counter, or take in cycles.
Count most_of_product(const arch::Machine& machine);

Outcome step_flexible(const arch::Machine& machine, const Operation& operation, const mapping::DenseTile& tile,
                      const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle,
                      kernel::Observer* observer);

Outcome flow_flexible(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                      const mapping::DenseTile& tile, const Operands& operands, const Progress& progress = {});

}  // namespace cairn::engine
