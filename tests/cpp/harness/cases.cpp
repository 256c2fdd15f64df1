#include "harness/cases.h"

#include <fmt/format.h>

namespace cairn::testing {
namespace {

Operation draw(SplitMix64& random, const MachineSpace& space, bool large) {
  if (space.pools) return random_maxpool(random);
  if (large) return random_gemm(random, 60);
  return space.flexible || space.sparse ? random_sliding_operation(random) : random_operation(random);
}

}  // namespace

Case::Case(std::uint64_t seed, const MachineSpace& space, bool large)
    : random(seed),
      overrides(random_overrides(random, space)),
      description(machine(space.preset(), overrides)),
      operation(draw(random, space, large)),
      tile(random_tile(random, description, operation)),
      data(random_data(random, operation, space.sparse ? random_densities(random) : Densities{})),
      trace(fmt::format("seed {}: --arch {} {}{}, {}", seed, space.preset(), text(overrides),
                        text(engine::named_tile(description, operation, tile)), text(operation))) {}

}  // namespace cairn::testing
