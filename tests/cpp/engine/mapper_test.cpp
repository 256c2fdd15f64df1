// The mapper against every tile there is, and its bounds against what tiles really cost.
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "engine/flexible.h"
#include "engine/mapper.h"
#include "harness/cases.h"
#include "harness/faults.h"
#include "harness/machines.h"
#include "harness/random.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

using engine::Evaluated;
using mapping::DenseTile;
using mapping::Loop;

// Calls f(tile) for each tile of any sizes that the machine takes.
template <class F>
void every_tile(const arch::Machine& machine, const mapping::Nest& nest, F f, DenseTile tile = {}, int loop = 0) {
  if (loop == mapping::kLoops) {
    if (faults([&] { engine::check_fit(arch::flexible_array(machine), nest, tile); }).empty()) f(tile);
    return;
  }
  const auto l = static_cast<Loop>(loop);
  const std::int64_t most = arch::flexible_array(machine).multipliers;
  for (std::int64_t size = 1; size <= nest.sizes[l]; ++size) {
    tile.sizes[l] = size;
    if (tile.cluster() * tile.clusters() > most) break;
    every_tile(machine, nest, f, tile, loop + 1);
  }
}

// Prices that differ from each other by much, so that a bound that is wrong in one count shows.
cost::Meter meter_of(const arch::Machine& machine, const char* table = "cmos-45nm") {
  return cost::Meter(machine, cost::prices(cost::load_table(table), {}, "", {}));
}

Operation small_operation(SplitMix64& random) {
  if (random.one_in(2))
    return Gemm({.m = random.between(1, 12), .n = random.between(1, 12), .k = random.between(1, 12)});
  const std::int64_t groups = random.between(1, 2);
  return Conv({.channels = groups * random.between(1, 3),
               .filters = groups * random.between(1, 4),
               .groups = groups,
               .input = {random.between(3, 6), random.between(3, 6)},
               .kernel = {random.between(1, 3), random.between(1, 3)},
               .stride = {random.between(1, 2), random.between(1, 2)}});
}

arch::Machine small_machine(SplitMix64& random) {
  const std::int64_t multipliers = std::int64_t{1} << random.between(2, 4);
  const auto up_to = [&] { return std::to_string(std::min(multipliers, std::int64_t{1} << random.between(0, 4))); };
  return machine("maeri-64", {{"multiplier.multipliers", std::to_string(multipliers)},
                              {"distribution.bandwidth", up_to()},
                              {"collection.lines", up_to()}});
}

TEST(Mapper, finds_a_tile_within_two_percent_of_the_best_there_is_and_bounds_none_above_its_cost) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(60)); ++seed) {
    SplitMix64 random(seed);
    const arch::Machine description = small_machine(random);
    const Operation operation = small_operation(random);
    SCOPED_TRACE("seed " + std::to_string(seed));
    engine::Fabric fabric(description);
    const std::array meters{meter_of(description), meter_of(description, "stonne")};
    Cycle best = std::numeric_limits<Cycle>::max();
    every_tile(description, mapping::nest_of(operation), [&](const DenseTile& tile) {
      Evaluated found;
      for (const cost::Meter& meter : meters) {
        found = engine::evaluate(fabric, description, meter, operation, tile);
        EXPECT_LE(engine::least_energy(description, meter, operation, found.loads), found.energy);
      }
      EXPECT_LE(found.loads.least(), found.cycles);
      best = std::min(best, found.cycles);
    });
    for (const mapping::Candidate& each :
         mapping::candidates(mapping::nest_of(operation), arch::flexible_array(description)))
      EXPECT_LE(each.bound, engine::evaluate(fabric, description, meters[0], operation, each.tile).cycles);
    const engine::Mapping mapping = engine::map_layer(fabric, description, meters[0], operation, Objective::cycles);
    EXPECT_EQ(mapping.untried, 0);
    EXPECT_GE(mapping.best.cycles, best);
    EXPECT_LE(static_cast<double>(mapping.best.cycles), 1.02 * static_cast<double>(best));
  }
}

TEST(Mapper, finds_the_tile_of_least_energy_among_those_that_it_considers) {
  const arch::Machine description = machine(
      "maeri-64", {{"multiplier.multipliers", "16"}, {"distribution.bandwidth", "4"}, {"collection.lines", "4"}});
  const Operation operation = Conv({.channels = 3, .filters = 4, .input = {8, 8}, .kernel = {3, 3}});
  const mapping::Nest nest = mapping::nest_of(operation);
  engine::Fabric fabric(description);
  const cost::Meter meter = meter_of(description);
  for (const Objective objective : {Objective::cycles, Objective::energy, Objective::edp}) {
    double best = std::numeric_limits<double>::max();
    for (const mapping::Candidate& each : mapping::candidates(nest, arch::flexible_array(description)))
      best = std::min(best, engine::evaluate(fabric, description, meter, operation, each.tile).cost(objective));
    EXPECT_DOUBLE_EQ(engine::map_layer(fabric, description, meter, operation, objective).best.cost(objective), best);
  }
}

TEST(Mapper, bounds_no_tile_of_any_machine_above_its_energy) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(200)); ++seed) {
    const Case c(seed, {.flexible = true});
    SCOPED_TRACE(c.trace);
    engine::Fabric fabric(c.description);
    for (const char* table : {"cmos-45nm", "stonne"}) {
      const cost::Meter meter = meter_of(c.description, table);
      auto found = engine::evaluate(fabric, c.description, meter, c.operation, std::get<DenseTile>(c.tile));
      found.loads.drain = 0;  // is that of latencies as the presets have them
      EXPECT_LE(engine::least_energy(c.description, meter, c.operation, found.loads), found.energy);
    }
  }
}

TEST(Mapper, that_ends_at_its_budget_says_how_many_tiles_it_could_not_rule_out) {
  const arch::Machine description = machine("maeri-64");
  const Operation operation = Gemm({.m = 64, .n = 64, .k = 64});
  engine::Fabric fabric(description);
  const engine::Mapping cut =
      engine::map_layer(fabric, description, meter_of(description, "stonne"), operation, Objective::energy, {}, 5);
  EXPECT_EQ(cut.evaluated, 5);
  EXPECT_GT(cut.untried, 0);
}

}  // namespace
}  // namespace cairn::testing
