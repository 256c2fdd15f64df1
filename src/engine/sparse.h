// An operation on a sparse machine: a round for each fold of the stationary operand, or for each of its rows.
#pragma once

#include "engine/run.h"
#include "engine/sparse_operands.h"

namespace cairn::engine {

// A tile given by its letters: K and the streaming dimension of a sparse x dense machine; a machine with bitmaps takes
// none. Throws Error E401 for other letters and sizes below 1.
mapping::SparseTile sparse_tile(const arch::Machine& machine, const std::map<std::string, std::int64_t>& named);
std::map<std::string, std::int64_t> named_tile(const arch::Machine& machine, const mapping::SparseTile& tile);

// The rows of a sparse x dense machine: the tile with the fewest cycles among all that fit.
mapping::SparseTile map_rows(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                             const Operands& operands, const Progress& progress = {});

// Both throw E401 for a tile that does not fit, U204 for one that the reduction network cannot add up.
Outcome step_sparse(const arch::Machine& machine, const Operation& operation, const mapping::SparseTile& tile,
                    const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle);
Outcome flow_sparse(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                    const mapping::SparseTile& tile, const Operands& operands, const Progress& progress = {});

}  // namespace cairn::engine
