// Runs an operation on a machine of independent lanes.
#pragma once

#include "engine/run.h"

namespace cairn::engine {

// There is no tile to choose. Throws Error E401 for one.
void refuse_tile(const std::map<std::string, std::int64_t>& named);

Outcome step_lanes(const arch::Machine& machine, const Operation& operation, const Operands& operands,
                   const Progress& progress, std::optional<std::uint64_t> shuffle, kernel::Observer* observer);
// Values tell where sums are left; then each output is an event.
Outcome flow_lanes(Fabric& fabric, const arch::Machine& machine, const Operation& operation, const Operands& operands,
                   const Progress& progress);

}  // namespace cairn::engine
