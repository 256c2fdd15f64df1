// Chooses how a layer is cut for a flexible machine: the flow evaluator tells what a tile really costs, a bound from
// the loads of ports, multipliers and result lines which tiles need not be tried.
#pragma once

#include <string>
#include <vector>

#include "cairn/result.h"
#include "cost/energy.h"
#include "engine/run.h"
#include "mapping/candidates.h"

namespace cairn::engine {

struct Evaluated {
  mapping::DenseTile tile;
  Cycle cycles = 0;
  double energy = 0;  // in the unit of the meter's table
  mapping::Loads loads;

  double cost(Objective objective) const;
};

struct Mapping {
  Evaluated best;
  std::vector<Evaluated> alternatives;  // the next best that were evaluated, best first
  Count legal = 0;                      // tiles that fit
  Count evaluated = 0;                  // by flow
  Count untried = 0;                    // tiles that could be better but were beyond the budget
};

// `budget`: how many tiles to evaluate at most.
Mapping map_layer(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                  Objective objective, const Progress& progress = {}, Count budget = 400);

// What one tile costs. Throws as tile_of does.
Evaluated evaluate(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                   const mapping::DenseTile& tile);

// No run of a tile with these loads takes less energy.
double least_energy(const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                    const mapping::Loads& loads);

}  // namespace cairn::engine
