// The tiles worth trying for a layer on a flexible machine, and what each of them costs at the very least.
#pragma once

#include <vector>

#include "arch/machine.h"
#include "mapping/nest.h"
#include "util/units.h"

namespace cairn::mapping {

// What keeps each resource busy over a whole layer, in cycles: no run is shorter than the longest of them.
struct Loads {
  Cycle distribution = 0;  // the busiest read port, a packet a cycle
  Cycle multipliers = 0;   // a step a cycle, products and loading of weights
  Cycle collection = 0;    // the busiest result line, a result a cycle
  Cycle drain = 0;         // what each round that waits for the last result of the one before adds
  // What is done in all, whatever the time.
  Count reads = 0;      // words of operands from the global buffer
  Count words = 0;      // sent by all ports
  Count products = 0;   // of padding too
  Count additions = 0;  // in the tree and in accumulators
  Count results = 0;
  Cycle least() const;
};

struct Candidate {
  DenseTile tile;
  Cycle bound = 0;
};

// The tiles that fit: all of a small layer, else of each loop the smallest size for each number of iterations. With a
// bound that costs nothing to compute; sorted by it.
std::vector<Candidate> candidates(const Nest& nest, const arch::FlexibleArray& array);

// The bound of a tile from where its words really go. `per_line`: most virtual neurons that share a result line.
Loads loads(const Nest& nest, const DenseTile& tile, const arch::FlexibleArray& array, Count per_line);

// Whether rounds wait for each other, as far as the tile decides: no extra outputs count, nor images (spec dense 3.3).
bool rounds_wait(const Nest& nest, const DenseTile& tile);
// The number of multipliers that a virtual neuron takes: one more where partial sums come back to it.
std::int64_t cluster_size(const Nest& nest, const DenseTile& tile, const arch::FlexibleArray& array);
// Whether inputs are handed on from multiplier to multiplier (spec dense 5).
bool slides(const Nest& nest, const DenseTile& tile);

}  // namespace cairn::mapping
