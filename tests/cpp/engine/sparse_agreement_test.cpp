// The central test on sparse machines: random operations, zeros and tiles on random machines, under both evaluators.
#include <gtest/gtest.h>

#include "harness/cases.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

const MachineSpace kSparse{.sparse = true};

template <class Check>
void for_cases(std::uint64_t first, int usual, Check check, bool large = false) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(usual)); ++seed) {
    const Case c(seed, kSparse, large);
    SCOPED_TRACE(c.trace);
    check(c);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

void expect_agreement(const Case& c) try {
  const Evaluation stepped = step(c.description, c.operation, c.tile, c.data);
  ASSERT_EQ(stepped.values, c.data.expected);
  const Evaluation flowed = flow(c.description, c.operation, c.tile, c.data);
  ASSERT_EQ(flowed.values, c.data.expected);
  ASSERT_EQ(difference(stepped, flowed), "");
} catch (const Error& error) {
  FAIL() << error.what();
}

TEST(SparseMachine, agrees_in_cycles_counters_and_values_under_both_evaluators) {
  for_cases(800'001, 2000, expect_agreement);
}

TEST(SparseMachine, agrees_on_larger_operations) { for_cases(900'001, 100, expect_agreement, true); }

TEST(SparseMachine, does_not_depend_on_the_order_in_which_its_components_tick) {
  for_cases(1'000'001, 200, [](const Case& c) {
    const Evaluation usual = step(c.description, c.operation, c.tile, c.data);
    for (std::uint64_t shuffle = 0; shuffle < 3; ++shuffle) {
      ASSERT_EQ(difference(usual, step(c.description, c.operation, c.tile, c.data, shuffle)), "")
          << "shuffle " << shuffle;
    }
  });
}

TEST(SparseMachine, costs_the_same_after_other_work) {
  for_cases(1'100'001, 300, [](const Case& c) {
    SplitMix64 random = c.random;
    engine::Fabric fabric(c.description);
    engine::RoundCosts known;
    const auto cost = [&](const Operation& operation, const engine::Tile& tile) {
      const engine::Outcome outcome = engine::run_flow(fabric, c.description, operation, tile, {}, known);
      return std::pair(outcome.cycles, outcome.counters);
    };
    const auto first = cost(c.operation, c.tile);
    const Operation other = random_gemm(random);
    cost(other, random_tile(random, c.description, other));
    ASSERT_EQ(cost(c.operation, c.tile), first);
  });
}

}  // namespace
}  // namespace cairn::testing
