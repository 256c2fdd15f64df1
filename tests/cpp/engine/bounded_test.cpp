// Machines whose queues have a depth: something may wait, so flow steps each distinct round. Nothing may get lost or
// stuck.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/machines.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

arch::Overrides unbounded(arch::Overrides overrides) {
  for (auto& [path, value] : overrides) {
    if (path.ends_with(".queue_depth")) value = "0";
  }
  return overrides;
}

TEST(BoundedQueues, keep_values_order_independence_and_agreement_and_never_save_cycles) {
  for (std::uint64_t seed = 400'001; seed < 400'001 + static_cast<std::uint64_t>(cases(1000)); ++seed) {
    SplitMix64 random(seed);
    const arch::Overrides overrides = random_overrides(random, {.bounded = true});
    const arch::Machine description = machine(overrides);
    const Operation operation = random_operation(random);
    const engine::Tile tile = random_tile(random, description, operation);
    const Data data = random_data(random, operation);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text(overrides) + text(operation));
    const Evaluation stepped = step(description, operation, tile, data);
    ASSERT_EQ(stepped.values, data.expected);
    ASSERT_EQ(difference(stepped, step(description, operation, tile, data, seed)), "");
    const Evaluation flowed = flow(description, operation, tile, data);
    ASSERT_EQ(difference(stepped, flowed), "");
    ASSERT_EQ(flowed.outcome.stepped_rounds, flowed.outcome.distinct_rounds);
    ASSERT_GE(stepped.outcome.cycles, step(machine(unbounded(overrides)), operation, tile, data).outcome.cycles);
  }
}

TEST(BoundedQueues, of_great_depth_cost_nothing) {
  for (std::uint64_t seed = 500'001; seed < 500'001 + static_cast<std::uint64_t>(cases(300)); ++seed) {
    SplitMix64 random(seed);
    arch::Overrides overrides = unbounded(random_overrides(random, {.bounded = true}));
    const Operation operation = random_operation(random);
    const arch::Machine free = machine(overrides);
    const engine::Tile tile = random_tile(random, free, operation);
    const Data data = random_data(random, operation);
    for (auto& [path, value] : overrides) {
      if (path.ends_with(".queue_depth")) value = "1000";
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text(overrides) + text(operation));
    ASSERT_EQ(difference(step(free, operation, tile, data), step(machine(overrides), operation, tile, data)), "");
  }
}

TEST(BoundedQueues, of_one_word_at_the_elements_halve_the_rate_and_of_two_words_do_not) {
  const auto cycles_at_depth = [](const char* depth) {
    return cycles(machine("tpu-16x16", {{"multiplier.queue_depth", depth}}), {.m = 16, .n = 16, .k = 1000});
  };
  const Cycle free = cycles_at_depth("0");
  EXPECT_EQ(cycles_at_depth("2"), free);
  EXPECT_GE(cycles_at_depth("1"), free + 990);
}

}  // namespace
}  // namespace cairn::testing
