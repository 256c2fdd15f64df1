// The central test on flexible dense machines: random tiles, dividing and hanging over, of random operations on random
// machines.
#include <gtest/gtest.h>

#include <limits>

#include "harness/cases.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

const MachineSpace kFlexible{.flexible = true};

template <class Check>
void for_cases(std::uint64_t first, int usual, Check check, bool large = false) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(usual)); ++seed) {
    const Case c(seed, kFlexible, large);
    SCOPED_TRACE(c.trace);
    check(c);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

void expect_agreement(const Case& c) {
  const Evaluation stepped = step(c.description, c.operation, c.tile, c.data);
  ASSERT_EQ(stepped.values, c.data.expected);
  const Evaluation flowed = flow(c.description, c.operation, c.tile, c.data);
  ASSERT_EQ(flowed.values, c.data.expected);
  ASSERT_EQ(difference(stepped, flowed), "");
}

TEST(FlexibleMachine, agrees_in_cycles_counters_and_values_under_both_evaluators) {
  for_cases(600'001, 2000, expect_agreement);
}

TEST(FlexibleMachine, agrees_on_larger_operations) { for_cases(700'001, 100, expect_agreement, true); }

// Two multipliers that each make outputs by themselves: rounds of a few cycles.
arch::Overrides two_multipliers(SplitMix64& random, std::int64_t longest) {
  const auto latency = [&](std::int64_t least) { return std::to_string(random.between(least, longest)); };
  return {{"multiplier.multipliers", "2"},
          {"distribution.bandwidth", random.one_in(2) ? "1" : "2"},
          {"distribution.latency", latency(0)},
          {"multiplier.latency", latency(1)},
          {"reduction.type", "temporal"},
          {"reduction.latency", latency(0)},
          {"collection.lines", random.one_in(2) ? "1" : "2"},
          {"collection.latency", latency(0)}};
}

void expect_agreement(const arch::Overrides& overrides, const Gemm& gemm, const NamedTile& named, SplitMix64& random) {
  SCOPED_TRACE("--arch maeri-64 " + text(overrides) + text(named) + ", " + text(gemm));
  const arch::Machine description = machine("maeri-64", overrides);
  const engine::Tile tile = engine::tile_of(description, gemm, named);
  const Data data = testing::random_data(random, gemm);
  ASSERT_EQ(difference(step(description, gemm, tile, data), flow(description, gemm, tile, data)), "");
}

// A tile of two rows over one: the controller counts both as stored outputs and begins the next round too early. Short
// rounds on a long way let such rounds bunch up, a pause between bunches comes again twice as many rounds later.
TEST(FlexibleMachine, agrees_where_a_round_awaits_results_of_long_before) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SplitMix64 random(seed);
    const Gemm gemm({.m = 1, .n = random.between(2, 60), .k = random.between(1, 2)});
    expect_agreement(two_multipliers(random, 6), gemm, {{"M", 2}}, random);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(FlexibleMachine, agrees_where_slow_ports_still_pause_when_a_round_ends) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SplitMix64 random(seed);
    arch::Overrides overrides = two_multipliers(random, 1);
    overrides.emplace_back("distribution.interval", std::to_string(random.between(2, 6)));
    if (random.one_in(2)) overrides.emplace_back("memory.row_barrier", "true");
    const Gemm gemm({.m = random.between(1, 3), .n = random.between(1, 6), .k = random.between(1, 3)});
    expect_agreement(overrides, gemm, {{random.one_in(2) ? "M" : "N", random.between(1, 2)}}, random);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(FlexibleMachine, runs_the_same_in_every_order_of_ticking) {
  for_cases(800'001, 400, [](const Case& c) {
    const Evaluation usual = step(c.description, c.operation, c.tile, c.data);
    for (std::uint64_t shuffle = 0; shuffle < 5; ++shuffle) {
      ASSERT_EQ(difference(usual, step(c.description, c.operation, c.tile, c.data, shuffle)), "")
          << "shuffle " << shuffle;
    }
  });
}

TEST(FlexibleMachine, costs_the_same_in_a_fabric_that_has_run_before) {
  for_cases(900'001, 200, [](const Case& c) {
    engine::Fabric fabric(c.description);
    engine::RoundCosts known;
    const auto run = [&](const Operation& operation, const engine::Tile& tile) {
      return Evaluation{engine::run_flow(fabric, c.description, operation, tile, {}, known), {}};
    };
    const Evaluation first = run(c.operation, c.tile);
    SplitMix64 random = c.random;
    const Operation other = random_sliding_operation(random);
    run(other, random_tile(random, c.description, other));
    ASSERT_EQ(difference(first, run(c.operation, c.tile)), "");
  });
}

// Infinities in the inputs, weights without a zero: no output is NaN unless something is multiplied that should not be.
void put_infinities(SplitMix64& random, const Operation& operation, Data& data) {
  for (float& weight : data.b) weight = random.operand();
  for (float& input : data.a) input = random.one_in(6) ? std::numeric_limits<float>::infinity() : random.operand();
  const Conv* conv = std::get_if<Conv>(&operation);
  data.expected = conv == nullptr ? workload::reference_gemm(std::get<Gemm>(operation), data.a_view, data.b_view)
                                  : workload::reference_conv(*conv, data.a.data(), data.b.data());
}

TEST(FlexibleMachine, multiplies_no_infinity_by_the_padding_of_a_tile) {
  for (std::uint64_t seed = 1'000'001; seed < 1'000'001 + static_cast<std::uint64_t>(cases(400)); ++seed) {
    Case c(seed, kFlexible);
    SCOPED_TRACE(c.trace);
    put_infinities(c.random, c.operation, c.data);
    ASSERT_EQ(step(c.description, c.operation, c.tile, c.data).values, c.data.expected);
  }
}

}  // namespace
}  // namespace cairn::testing
