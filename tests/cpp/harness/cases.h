// A random case: a machine, an operation, a tile, operands. Everything in it follows from the seed.
#pragma once

#include "harness/machines.h"
#include "harness/operations.h"

namespace cairn::testing {

struct Case {
  Case(std::uint64_t seed, const MachineSpace& space, bool large = false);

  SplitMix64 random;
  arch::Overrides overrides;
  arch::Machine description;
  Operation operation;
  engine::Tile tile;
  Data data;
  std::string trace;  // the seed, and the case as far as a command line can tell it
};

}  // namespace cairn::testing
