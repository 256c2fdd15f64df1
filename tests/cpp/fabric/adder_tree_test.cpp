// Reduction trees at work: an adder a cycle on the way up, whatever the skew of the products, and folds added up by
// accumulators (ART) or by free adders (FAN).
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/reduction.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

const schema::Values kAccumulators{{"accumulators", true}, {"latency", std::int64_t{1}}};
const schema::Values kNoAccumulators{{"accumulators", false}, {"latency", std::int64_t{1}}};

TEST(Art, takes_a_cycle_for_each_level_that_a_virtual_neuron_climbs) {
  // Products are there in cycle 1, leaves add in cycle 1; 4 multipliers need a second level, 8 a third.
  for (const auto& [size, cycle] : std::map<int, Cycle>{{2, 2}, {4, 3}, {8, 4}}) {
    const fabric::Clusters clusters{.count = 8 / size, .size = size};
    const auto neurons = static_cast<std::size_t>(clusters.count);
    const std::vector<Times> products(8, Times{1});
    EXPECT_EQ(Reduction("art", 8, clusters, kNoAccumulators).stepped(products, cycle - 1), std::vector<Times>(neurons));
    Reduction tree("art", 8, clusters, kNoAccumulators);
    EXPECT_EQ(tree.stepped(products, 20), std::vector<Times>(neurons, Times{cycle}));
    for (int v = 0; v < clusters.count; ++v)
      EXPECT_EQ(tree.values[static_cast<std::size_t>(v)], (std::vector<float>{tree.sum(v, 0, 1)}));
  }
}

TEST(Art, waits_a_cycle_for_what_comes_over_an_augmented_link) {
  Reduction tree("art", 8, {.count = 2, .size = 3}, kNoAccumulators);
  // The first neuron climbs to the second level, the second is done in its leaf when the neighbour's word is there.
  EXPECT_EQ(tree.stepped(std::vector<Times>(6, {1}), 20), (std::vector<Times>{{3}, {3}}));
  EXPECT_EQ(tree.values, (std::vector<std::vector<float>>{{1 + 2 + 3}, {4 + 5 + 6}}));
  EXPECT_EQ(tree.part->counters().at("additions_2to1"), 1 + 1) << "in leaf 0 and above it";
  EXPECT_EQ(tree.part->counters().at("additions_3to1"), 1);
}

TEST(Art, of_double_switches_joins_three_operands_without_a_link_to_cross) {
  schema::Values double_switches = kNoAccumulators;
  double_switches["switches"] = std::string("double");
  Reduction tree("art", 8, {.count = 2, .size = 3}, double_switches);
  EXPECT_EQ(tree.stepped(std::vector<Times>(6, {1}), 20), (std::vector<Times>{{3}, {2}}));
  EXPECT_EQ(tree.values, (std::vector<std::vector<float>>{{1 + 2 + 3}, {4 + 5 + 6}}));
}

TEST(Art, of_slow_adders_takes_as_long_for_each_level_above_the_first) {
  schema::Values slow = kNoAccumulators;
  slow["level_latency"] = std::int64_t{3};
  Reduction tree("art", 8, {.count = 1, .size = 8}, slow);
  EXPECT_EQ(tree.stepped(std::vector<Times>(8, {1, 2}), 20), (std::vector<Times>{{8, 9}}));
}

TEST(Art, keeps_products_waiting_for_their_partners) {
  Reduction tree("art", 4, {.count = 1, .size = 4}, kNoAccumulators);
  EXPECT_EQ(tree.stepped({{1, 2}, {1, 3}, {1, 4}, {6, 9}}, 20), (std::vector<Times>{{8, 11}}));
}

TEST(Art, with_accumulators_hands_over_an_output_a_cycle_after_its_last_fold) {
  Reduction tree("art", 4, {.count = 2, .size = 2, .folds = 3}, kAccumulators);
  EXPECT_EQ(tree.stepped(std::vector<Times>(4, {1, 2, 5, 6, 7, 8}), 20), (std::vector<Times>(2, {7, 10})));
  EXPECT_EQ(tree.values[1], (std::vector<float>{tree.sum(1, 0, 3), tree.sum(1, 3, 3)}));
  EXPECT_EQ(tree.part->counters().at("additions"), 2 * 4) << "the first fold of an output is only written";
}

TEST(Art, without_accumulators_hands_over_every_fold) {
  Reduction tree("art", 4, {.count = 1, .size = 4, .folds = 3}, kNoAccumulators);
  EXPECT_EQ(tree.stepped(std::vector<Times>(4, {1, 2, 5}), 20), (std::vector<Times>{{3, 4, 7}}));
}

TEST(Art, passes_the_outputs_of_single_multipliers_through_their_leaf_together) {
  Reduction tree("art", 4, {.count = 4, .size = 1}, kNoAccumulators);
  EXPECT_EQ(tree.stepped({{1}, {1}, {2}, {4}}, 20), (std::vector<Times>{{2}, {2}, {3}, {5}}));
  EXPECT_EQ(tree.part->counters().at("results"), 4);
  EXPECT_EQ(tree.part->counters().at("output_transfers"), 3) << "two cross together";
}

TEST(Fan, adds_up_folds_in_a_free_adder_a_cycle_after_the_virtual_neuron_is_complete) {
  Reduction tree("fan", 8, {.count = 4, .size = 2, .folds = 2}, {});
  EXPECT_EQ(tree.stepped(std::vector<Times>(8, {1, 4, 5, 6}), 20), (std::vector<Times>(4, {6, 8})));
  EXPECT_EQ(tree.values[3], (std::vector<float>{tree.sum(3, 0, 2), tree.sum(3, 2, 2)}));
}

TEST(Fan, has_an_adder_above_the_root_that_adds_in_the_same_cycle) {
  for (const int multipliers : {2, 8, 128}) {
    Reduction tree("fan", multipliers, {.count = 1, .size = multipliers, .folds = 2}, {});
    const Cycle levels = std::countr_zero(static_cast<unsigned>(multipliers));
    EXPECT_EQ(tree.stepped(std::vector<Times>(static_cast<std::size_t>(multipliers), {1, 2, 6, 7}), 30),
              (std::vector<Times>{{levels + 2, levels + 7}}))
        << multipliers << " multipliers";
    EXPECT_EQ(tree.values[0], (std::vector<float>{tree.sum(0, 0, 2), tree.sum(0, 2, 2)}));
  }
}

struct Network {
  const char* type;
  schema::Values values;
  bool adds_folds;
};

void expect_every_neuron_once(const Network& network, int multipliers, fabric::Clusters clusters, SplitMix64& random) {
  const bool folds = network.adds_folds;
  const std::size_t results = 3;
  const auto each = static_cast<std::size_t>(folds ? clusters.folds : 1);
  std::vector<Times> products;
  for (int i = 0; i < clusters.used(); ++i)
    products.push_back(random_times(random, static_cast<std::int64_t>(results * each)));
  Reduction clocked(network.type, multipliers, clusters, network.values);
  const std::vector<Times> seen = clocked.stepped(products, 100);
  for (int v = 0; v < clusters.count; ++v) {
    std::vector<float> expected;
    for (std::size_t i = 0; i < results; ++i) expected.push_back(clocked.sum(v, i * each, each));
    ASSERT_EQ(clocked.values[static_cast<std::size_t>(v)], expected) << "virtual neuron " << v;
  }
  Reduction streams(network.type, multipliers, clusters, network.values);
  ASSERT_EQ(clocked.lanes, streams.flowed(products));
  ASSERT_EQ(clocked.part->counters(), streams.part->counters());
}

TEST(ReductionTrees, add_up_every_uniform_grouping_in_both_forms) {
  schema::Values hardware = kNoAccumulators;
  hardware["switches"] = std::string("double");
  hardware["level_latency"] = std::int64_t{2};
  const Network networks[] = {
      {"art", kAccumulators, true}, {"art", kNoAccumulators, false}, {"art", hardware, false}, {"fan", {}, true}};
  SplitMix64 random(1);
  for (const Network& network : networks) {
    for (int multipliers = 2; multipliers <= 64; multipliers *= 2) {
      for (int size = 2; size <= multipliers; ++size) {
        for (int count = 1; count * size <= multipliers; ++count) {
          const Count folds = random.between(1, 3);
          SCOPED_TRACE(std::string(network.type) + ", " + std::to_string(multipliers) + " multipliers, " +
                       std::to_string(count) + " x " + std::to_string(size) + ", " + std::to_string(folds) + " folds");
          expect_every_neuron_once(network, multipliers, {.count = count, .size = size, .folds = folds}, random);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

// Two results may leave an adder together, and which is first does not matter.
TEST(ReductionTrees, pass_on_virtual_neurons_of_one_multiplier_in_both_forms) {
  SplitMix64 random(2);
  for (const Network& network :
       {Network{"art", kNoAccumulators, false}, Network{"art", kAccumulators, true}, Network{"fan", {}, true}}) {
    for (int multipliers = 2; multipliers <= 64; multipliers *= 2) {
      for (int count = 1; count <= multipliers; ++count) {
        SCOPED_TRACE(std::string(network.type) + ", " + std::to_string(count) + " of " + std::to_string(multipliers));
        expect_every_neuron_once(network, multipliers, {.count = count, .size = 1}, random);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace cairn::testing
