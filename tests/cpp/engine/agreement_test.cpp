// The project's central test: both evaluators give the same cycles and counters, and the values of the reference
// executor, on random machines and operations.
#include <gtest/gtest.h>

#include "harness/bench.h"
#include "harness/cases.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

void expect_agreement(std::uint64_t first_seed, int count, const MachineSpace& space, bool large) {
  for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(count); ++seed) {
    const Case c(seed, space, large);
    SCOPED_TRACE(c.trace);
    const Evaluation stepped = step(c.description, c.operation, c.tile, c.data);
    const Evaluation flowed = flow(c.description, c.operation, c.tile, c.data);
    ASSERT_EQ(difference(stepped, flowed), "");
    ASSERT_EQ(stepped.values, c.data.expected);
    ASSERT_EQ(flowed.values, c.data.expected);
    ASSERT_EQ(stepped.outcome.distinct_rounds, flowed.outcome.distinct_rounds);
    ASSERT_EQ(flowed.outcome.stepped_rounds, 0);
  }
}

TEST(Evaluators, agree_in_cycles_counters_and_values_on_small_arrays) { expect_agreement(1, cases(3000), {}, false); }

TEST(Evaluators, agree_on_arrays_of_up_to_40_rows_and_columns) {
  expect_agreement(100'001, cases(100), {.largest_side = 40}, true);
}

TEST(Evaluators, agree_where_rounds_never_overlap) {
  expect_agreement(200'001, cases(1000), {.overlap = false}, false);
}

TEST(StepEvaluator, gives_the_same_run_in_every_order_of_ticking) {
  for (std::uint64_t seed = 300'001; seed < 300'001 + static_cast<std::uint64_t>(cases(400)); ++seed) {
    const Case c(seed, {});
    SCOPED_TRACE(c.trace);
    const Evaluation usual = step(c.description, c.operation, c.tile, c.data);
    for (std::uint64_t shuffle = 0; shuffle < 5; ++shuffle) {
      ASSERT_EQ(difference(usual, step(c.description, c.operation, c.tile, c.data, shuffle)), "")
          << "shuffle " << shuffle;
    }
  }
}

TEST(FlowEvaluator, gives_the_same_costs_from_a_fabric_that_has_run_before) {
  const arch::Machine description = machine("tpu-16x16", {{"distribution.bandwidth", "5"}, {"collection.lines", "3"}});
  engine::Fabric fabric(description);
  const fabric::Round large = systolic_round(9, {16, 16});
  const fabric::Round small = systolic_round(4, {3, 7});
  const engine::RoundCost first = fabric.flow(large);
  const engine::RoundCost other = fabric.flow(small);
  const engine::RoundCost again = fabric.flow(large);
  EXPECT_EQ(first.finish, again.finish);
  EXPECT_EQ(first.counters, again.counters);
  EXPECT_EQ(other.finish, engine::Fabric(description).flow(small).finish);
}

TEST(FlowEvaluator, evaluates_at_most_four_rounds_however_many_there_are) {
  const arch::Machine description = machine("tpu-16x16");
  engine::Fabric fabric(description);
  engine::RoundCosts known;
  const engine::Outcome outcome = engine::run_flow(
      fabric, description, Gemm({.m = 1'000'005, .n = 1'000'007, .k = 100'000}), mapping::Tile{16, 16}, {}, known);
  EXPECT_EQ(outcome.distinct_rounds, 4);
  EXPECT_EQ(known.size(), 4U);
  EXPECT_EQ(outcome.rounds, std::int64_t{62501} * 62501);
}

TEST(FlowEvaluator, refuses_a_run_whose_cycles_or_counters_do_not_fit_in_63_bits) {
  const arch::Machine description = machine("tpu-16x16", {{"memory.setup_cycles", "1048576"}});
  engine::Fabric fabric(description);
  engine::RoundCosts known;
  const Gemm huge({.m = std::int64_t{1} << 30, .n = std::int64_t{1} << 30, .k = 1});
  try {
    engine::run_flow(fabric, description, huge, mapping::Tile{1, 1}, {}, known);
    FAIL() << "2^80 cycles were counted";
  } catch (const Error& error) {
    EXPECT_EQ(error.diagnostics().at(0).code, Code::too_large);
  }
}

}  // namespace
}  // namespace cairn::testing
