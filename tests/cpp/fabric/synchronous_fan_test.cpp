// The synchronous FAN: every virtual neuron takes all levels, a step may enter in every cycle.
#include <gtest/gtest.h>

#include "harness/draws.h"
#include "harness/reduction.h"

namespace cairn::testing {
namespace {

using fabric::Clusters;

const Clusters kThreeAndFive{.count = 2, .ends = {3, 8}};

TEST(SynchronousFan, lets_every_virtual_neuron_leave_after_all_levels_whatever_its_size) {
  // 8 multipliers are 3 levels: products of cycle 1 are added in 1, 2 and 3, and visible after the latency, in 4.
  for (const Clusters& clusters : {Clusters{.count = 8, .size = 1}, Clusters{.count = 1, .size = 8}, kThreeAndFive}) {
    const auto neurons = static_cast<std::size_t>(clusters.count);
    const std::vector<Times> products(8, Times{1});
    EXPECT_EQ(Reduction("synchronous-fan", 8, clusters).stepped(products, 3), std::vector<Times>(neurons));
    Reduction fan("synchronous-fan", 8, clusters);
    EXPECT_EQ(fan.stepped(products, 9), std::vector<Times>(neurons, Times{4}));
    for (int v = 0; v < clusters.count; ++v)
      EXPECT_EQ(fan.values[static_cast<std::size_t>(v)], (std::vector<float>{fan.sum(v, 0, 1)}));
  }
}

TEST(SynchronousFan, takes_a_step_of_products_a_cycle) {
  Reduction fan("synchronous-fan", 8, kThreeAndFive, {{"latency", std::int64_t{2}}});
  EXPECT_EQ(fan.stepped(std::vector<Times>(8, {1, 2, 3, 7}), 20), (std::vector<Times>(2, {5, 6, 7, 11})));
  EXPECT_EQ(fan.values, (std::vector<std::vector<float>>{{6, 12, 24, 48}, {30, 60, 120, 240}}));
}

TEST(SynchronousFan, keeps_products_waiting_for_those_of_the_same_sum) {
  Reduction fan("synchronous-fan", 8, kThreeAndFive);
  // The first neuron waits for its multiplier 2; the second for 3, and then for 7.
  EXPECT_EQ(fan.stepped({{1, 2}, {1, 2}, {5, 6}, {2, 3}, {1, 2}, {1, 2}, {1, 2}, {1, 9}}, 20),
            (std::vector<Times>{{8, 9}, {5, 12}}));
  EXPECT_EQ(fan.values, (std::vector<std::vector<float>>{{6, 12}, {30, 60}}));
}

TEST(SynchronousFan, hands_over_each_sum_on_the_lane_of_its_virtual_neuron) {
  Reduction fan("synchronous-fan", 8, kThreeAndFive);
  fan.stepped(std::vector<Times>(8, {1}), 9);
  EXPECT_EQ(fan.lanes, (std::vector<Times>{{4}, {4}, {}, {}, {}, {}, {}, {}}));
}

TEST(SynchronousFan, counts_sums_and_the_registers_behind_each_level) {
  Reduction fan("synchronous-fan", 8, kThreeAndFive);
  fan.stepped(std::vector<Times>(8, {1, 2}), 9);
  // Of each step: 2 + 4 sums. Of multipliers 0 to 2 there are 2 words behind the first level, then 1 and 1; of 3 to 7
  // there are 3 (the 3 alone), then 2, then 1.
  EXPECT_EQ(fan.part->counters(), (std::map<std::string, Count>{{"additions_2to1", 2 * 6},
                                                                {"comparisons_2to1", 0},
                                                                {"wire_writes", 2 * (2 + 1 + 1 + 3 + 2 + 1)},
                                                                {"results", 2 * 2}}));
}

// In floats 2^24 + 1 + 1 from left to right is 2^24, and 2^24 + 2 if the ones are added first.
TEST(SynchronousFan, adds_up_neighbours_under_the_same_adder_first) {
  const auto sum = [](const Clusters& clusters, const std::vector<float>& products) {
    Reduction fan("synchronous-fan", 4, clusters);
    for (std::size_t m = 0; m < products.size(); ++m) fan.links.products->push(static_cast<int>(m), products[m], 1);
    fan.stepped({}, 9);
    return fan.values.back().at(0);
  };
  EXPECT_EQ(sum({.count = 1, .size = 3}, {0x1p24F, 1, 1}), 0x1p24F) << "0 1 | 2";
  EXPECT_EQ(sum({.count = 2, .ends = {1, 4}}, {7, 0x1p24F, 1, 1}), 0x1p24F + 2) << "1 | 2 3";
}

TEST(SynchronousFan, has_the_same_sums_and_counters_in_its_stream_form) {
  for_draws(1, [](SplitMix64& random) {
    const int multipliers = 1 << random.between(1, 6);
    Clusters clusters;
    for (int used = 0; used < multipliers && !(used > 0 && random.one_in(9)); ++clusters.count) {
      used = static_cast<int>(random.between(used + 1, std::min(multipliers, used + 1 + (random.one_in(3) ? 40 : 6))));
      clusters.ends.push_back(used);
    }
    std::vector<Times> products;
    for (int i = 0; i < clusters.used(); ++i) products.push_back(random_times(random, 4));
    const schema::Values latency{{"latency", random.between(1, 3)}};
    Reduction clocked("synchronous-fan", multipliers, clusters, latency);
    Reduction streams("synchronous-fan", multipliers, clusters, latency);
    clocked.stepped(products, 100);
    for (int v = 0; v < clusters.count; ++v) {
      std::vector<float> expected;
      for (std::size_t i = 0; i < 4; ++i) expected.push_back(clocked.sum(v, i, 1));
      ASSERT_EQ(clocked.values[static_cast<std::size_t>(v)], expected) << "virtual neuron " << v;
    }
    ASSERT_EQ(clocked.lanes, streams.flowed(products));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  });
}

}  // namespace
}  // namespace cairn::testing
