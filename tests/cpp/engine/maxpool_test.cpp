// Max-pooling on flexible machines: values against the reference executor, clocked against streams, the mapper against
// what it chooses from.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "engine/mapper.h"
#include "harness/cases.h"
#include "harness/faults.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

const MachineSpace kPools{.flexible = true, .pools = true};

template <class Check>
void for_pools(std::uint64_t first, int usual, Check check) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(usual)); ++seed) {
    Case c(seed, kPools);
    SCOPED_TRACE(c.trace);
    check(c);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(MaxPooling, agrees_in_cycles_counters_and_values_under_both_evaluators) {
  for_pools(1'100'001, 2000, [](const Case& c) {
    const Evaluation stepped = step(c.description, c.operation, c.tile, c.data);
    ASSERT_EQ(stepped.values, c.data.expected);
    const Evaluation flowed = flow(c.description, c.operation, c.tile, c.data);
    ASSERT_EQ(flowed.values, c.data.expected);
    ASSERT_EQ(difference(stepped, flowed), "");
  });
}

// Equal where every bit is, but for those of a NaN.
std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> all;
  for (const float value : values) all.push_back(std::isnan(value) ? 0x7fc00000 : std::bit_cast<std::uint32_t>(value));
  return all;
}

TEST(MaxPooling, keeps_nan_infinities_and_the_sign_of_zero) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for_pools(1'200'001, 500, [&](Case& c) {
    for (float& value : c.data.a) {
      if (c.random.one_in(2)) value = c.random.one_in(2) ? 0.0F : -0.0F;
      if (c.random.one_in(4)) value = -kInfinity;
      if (c.random.one_in(20)) value = c.random.one_in(2) ? kInfinity : std::nanf("");
    }
    const auto expected = bits(workload::reference_maxpool(std::get<MaxPool>(c.operation), c.data.a.data()));
    ASSERT_EQ(bits(step(c.description, c.operation, c.tile, c.data).values), expected);
    ASSERT_EQ(bits(flow(c.description, c.operation, c.tile, c.data).values), expected);
  });
}

TEST(MaxPooling, runs_the_same_in_every_order_of_ticking_and_in_a_fabric_that_has_run_before) {
  for_pools(1'300'001, 200, [](const Case& c) {
    const Evaluation usual = step(c.description, c.operation, c.tile, c.data);
    ASSERT_EQ(difference(usual, step(c.description, c.operation, c.tile, c.data, 7)), "");
    engine::Fabric fabric(c.description);
    engine::RoundCosts known;
    SplitMix64 random = c.random;
    const auto run = [&](const Operation& operation, const engine::Tile& tile) {
      return Evaluation{engine::run_flow(fabric, c.description, operation, tile, {}, known), usual.values};
    };
    ASSERT_EQ(difference(usual, run(c.operation, c.tile)), "");
    const Operation other = random_sliding_operation(random);
    run(other, random_tile(random, c.description, other));
    ASSERT_EQ(difference(usual, run(c.operation, c.tile)), "");
  });
}

// A window of n values takes n - 1 comparisons, whoever makes them, and one more for each value that the tiles of a
// loop over the window share.
TEST(MaxPooling, compares_and_never_adds_or_multiplies) {
  for_pools(1'400'001, 300, [](const Case& c) {
    const stats::CounterTree counters = flow(c.description, c.operation, c.tile, c.data).outcome.counters;
    const auto count = [&](const char* slot, const char* name) {
      const auto found = counters.at(slot).find(name);
      return found == counters.at(slot).end() ? 0 : found->second;
    };
    EXPECT_EQ(count("multiplier", "multiplications"), 0);
    EXPECT_EQ(count("memory", "weight_reads"), 0);
    EXPECT_EQ(count("reduction", "additions_2to1"), 0);
    EXPECT_EQ(count("reduction", "additions_3to1"), 0);
    EXPECT_EQ(count("reduction", "additions"), 0);
    const Count in_buffer =
        arch::flexible_array(c.description).folding == arch::Folding::buffer ? count("writeback", "psum_reads") : 0;
    const Count compared = count("reduction", "comparisons_2to1") + 2 * count("reduction", "comparisons_3to1") +
                           count("reduction", "comparisons") + in_buffer;
    EXPECT_GE(compared, std::get<MaxPool>(c.operation).comparisons());
  });
}

TEST(MaxPooling, is_bounded_by_no_more_than_it_costs_in_cycles_and_energy) {
  for_pools(1'500'001, 300, [](const Case& c) {
    engine::Fabric fabric(c.description);
    for (const char* table : {"cmos-45nm", "stonne"}) {
      const cost::Meter meter(c.description, cost::prices(cost::load_table(table), {}, "", {}));
      auto found = engine::evaluate(fabric, c.description, meter, c.operation, std::get<mapping::DenseTile>(c.tile));
      found.loads.drain = 0;  // is that of latencies as the presets have them
      EXPECT_LE(found.loads.least(), found.cycles);
      EXPECT_LE(engine::least_energy(c.description, meter, c.operation, found.loads), found.energy);
    }
  });
}

TEST(MaxPooling, gets_the_best_of_the_tiles_that_the_mapper_lists) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(40)); ++seed) {
    SplitMix64 random(seed);
    const arch::Machine description = machine(
        "maeri-64", {{"multiplier.multipliers", "16"}, {"distribution.bandwidth", "4"}, {"collection.lines", "4"}});
    const Operation operation = random_maxpool(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text(operation));
    engine::Fabric fabric(description);
    const cost::Meter meter(description, cost::prices(cost::load_table("cmos-45nm"), {}, "", {}));
    Cycle best = std::numeric_limits<Cycle>::max();
    for (const mapping::Candidate& each :
         mapping::candidates(mapping::nest_of(operation), arch::flexible_array(description))) {
      const engine::Evaluated found = engine::evaluate(fabric, description, meter, operation, each.tile);
      EXPECT_LE(each.bound, found.cycles);
      EXPECT_LE(found.loads.least(), found.cycles);
      best = std::min(best, found.cycles);
    }
    const engine::Mapping mapping = engine::map_layer(fabric, description, meter, operation, Objective::cycles);
    EXPECT_EQ(mapping.best.cycles, best);
  }
}

// Four windows of 2 x 2 on 16 multipliers with 16 ports and lines: a step is read in cycle 1, is at the multipliers in
// 2, the adders of the first level have it in 3, those of the second in 4, the accumulators in 5, the bus in 6, and it
// is stored in 8, as a sum of four products is.
TEST(MaxPooling, takes_the_time_of_a_sum_less_the_step_of_weights) {
  const arch::Machine description = machine(
      "maeri-64", {{"multiplier.multipliers", "16"}, {"distribution.bandwidth", "16"}, {"collection.lines", "16"}});
  const MaxPool pool({.channels = 4, .input = {2, 2}, .kernel = {2, 2}});
  const Conv conv({.channels = 4, .filters = 4, .groups = 4, .input = {2, 2}, .kernel = {2, 2}});
  const auto cycles_of = [&](const Operation& operation, const NamedTile& named) {
    engine::Fabric fabric(description);
    engine::RoundCosts known;
    const engine::Tile tile = engine::tile_of(description, operation, named);
    return engine::run_flow(fabric, description, operation, tile, {}, known).cycles;
  };
  EXPECT_EQ(cycles_of(pool, {{"R", 2}, {"S", 2}, {"C", 4}}) + 1, cycles_of(conv, {{"R", 2}, {"S", 2}, {"G", 4}}));
}

TEST(MaxPooling, refuses_a_tile_that_is_larger_than_its_window) {
  const arch::Machine description = machine("maeri-64");
  const MaxPool pool({.channels = 4, .input = {4, 4}, .kernel = {2, 3}});
  const auto codes = faults([&] { engine::tile_of(description, pool, {{"R", 3}, {"S", 3}}); });
  ASSERT_EQ(codes.size(), 1);
  EXPECT_EQ(codes[0].code, Code::tile_does_not_fit);
  EXPECT_EQ(codes[0].place, "tile.R");
  EXPECT_EQ(faults([&] { engine::tile_of(description, pool, {{"K", 1}}); }).size(), 1);
}

TEST(MaxPooling, is_refused_by_machines_without_comparators) {
  const MaxPool pool({.channels = 4, .input = {4, 4}, .kernel = {2, 2}});
  for (const char* name : {"tpu-16x16", "sigma-64", "magma-128"}) {
    const auto refused = faults([&] { engine::check_operation(machine(name), pool); });
    ASSERT_EQ(refused.size(), 1) << name;
    EXPECT_EQ(refused[0].code, Code::machine_cannot);
  }
  EXPECT_TRUE(faults([&] { engine::check_operation(machine("maeri-rtl"), pool); }).empty());
}

}  // namespace
}  // namespace cairn::testing
