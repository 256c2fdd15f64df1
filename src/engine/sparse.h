// An operation on a sparse machine: a round for each fold of the stationary operand, or for each of its rows.
#pragma once

#include "cairn/result.h"
#include "cost/energy.h"
#include "engine/run.h"
#include "engine/sparse_operands.h"

namespace cairn::engine {

// A tile given by its letters: K and the streaming dimension of a sparse x dense machine; a machine with bitmaps takes
// none. Throws Error E401 for other letters and sizes below 1.
mapping::SparseTile sparse_tile(const arch::Machine& machine, const std::map<std::string, std::int64_t>& named);
std::map<std::string, std::int64_t> named_tile(const arch::Machine& machine, const mapping::SparseTile& tile);

// What a sparse x dense machine could do with an operation: the tiles that were evaluated, the best first. For cycles a
// bound rules the others out, else all are evaluated.
struct RowMapping {
  struct Evaluated {
    mapping::SparseTile tile;
    Cycle cycles = 0;
    double energy = 0;  // in the unit of the meter's table
    Cycle bound = 0;    // that its distribution alone needs
    double cost(Objective objective) const;
  };
  std::vector<Evaluated> evaluated;
  Count legal = 0;  // tiles that fit
};
RowMapping map_rows(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                    const Operands& operands, Objective objective, const Progress& progress = {});

// Both throw E401 for a tile that does not fit, U204 for one that the reduction network cannot add up.
Outcome step_sparse(const arch::Machine& machine, const Operation& operation, const mapping::SparseTile& tile,
                    const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle,
                    kernel::Observer* observer);
Outcome flow_sparse(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                    const mapping::SparseTile& tile, const Operands& operands, const Progress& progress = {});

}  // namespace cairn::engine
