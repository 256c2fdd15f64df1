// Plans of reduction trees, worked by hand: which adder does what, where virtual neurons leave, who shares a line.
#include "fabric/tree_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cairn::fabric {
namespace {

using enum AdderMode;

const Adder& at(const TreePlan& plan, int level, int j) {
  return plan.adders.at(static_cast<std::size_t>(adder_index(level, j)));
}

TreePlan plan(int multipliers, int count, int size, bool folding = false) {
  return plan_tree(multipliers, {.count = count, .size = size}, folding);
}

TEST(TreePlan, of_two_multipliers_is_one_adder) {
  const TreePlan tree = plan(2, 1, 2);
  EXPECT_EQ(tree.levels, 1);
  ASSERT_EQ(tree.adders.size(), 1U);
  EXPECT_TRUE(at(tree, 0, 0).configured);
  EXPECT_TRUE(at(tree, 0, 0).complete);
  EXPECT_EQ(at(tree, 0, 0).mode, add_2);
}

TEST(TreePlan, lets_a_virtual_neuron_leave_at_the_lowest_adder_above_all_of_it) {
  const TreePlan whole = plan(4, 1, 3);
  EXPECT_FALSE(at(whole, 1, 0).complete);
  EXPECT_FALSE(at(whole, 1, 1).complete);
  EXPECT_TRUE(at(whole, 0, 0).complete);
  const TreePlan halves = plan(4, 2, 2);
  EXPECT_TRUE(at(halves, 1, 0).complete);
  EXPECT_TRUE(at(halves, 1, 1).complete);
}

TEST(TreePlan, leaves_adders_above_unused_multipliers_alone) {
  const TreePlan tree = plan(8, 1, 4);
  EXPECT_TRUE(at(tree, 1, 0).complete);
  for (const int j : {2, 3}) EXPECT_FALSE(at(tree, 2, j).configured) << j;
  EXPECT_FALSE(at(tree, 1, 1).configured);
}

// Multipliers 0 1 2 and 3 4 5 under leaves (0 1) (2 3) (4 5) (6 7): the second neuron has one multiplier in the second
// leaf and two in the third, so the third takes it in over the link between them.
TEST(TreePlan, joins_a_virtual_neuron_that_straddles_two_subtrees_over_an_augmented_link) {
  const TreePlan tree = plan(8, 2, 3);
  EXPECT_EQ(at(tree, 2, 1).mode, add_1_pass_1) << "multiplier 2 goes up, 3 to the neighbour";
  EXPECT_EQ(at(tree, 2, 1).link, adder_index(2, 2));
  EXPECT_EQ(at(tree, 2, 2).mode, add_3);
  EXPECT_TRUE(at(tree, 2, 2).complete);
  EXPECT_TRUE(at(tree, 1, 0).complete) << "the first neuron";
  EXPECT_FALSE(at(tree, 2, 1).complete);
  EXPECT_FALSE(at(tree, 2, 3).configured);
}

// Multipliers 0 to 4 and 5 to 9 of 16.
TEST(TreePlan, gives_the_larger_side_the_smaller_one_if_that_is_all_of_it) {
  const TreePlan tree = plan(16, 2, 5);
  // The first neuron is 0 1 | 2 3 | 4: leaf 2 holds its last multiplier and 5 of the second, and sends 4 to leaf 1.
  EXPECT_EQ(at(tree, 3, 2).link, adder_index(3, 1));
  EXPECT_EQ(at(tree, 3, 2).mode, add_1_pass_1);
  EXPECT_EQ(at(tree, 3, 1).mode, add_3);
  EXPECT_TRUE(at(tree, 2, 0).complete) << "leaves 0 and 1";
  // The second one is 5 | 6 7 | 8 9: leaf 2 passes 5 up, leaf 3 has 5 6 7 to its left and takes 8 9 in from leaf 4.
  EXPECT_EQ(at(tree, 3, 4).link, adder_index(3, 3));
  EXPECT_EQ(at(tree, 3, 4).mode, add_2);
  EXPECT_EQ(at(tree, 3, 3).mode, add_3);
  EXPECT_EQ(at(tree, 2, 1).mode, add_2);
  EXPECT_TRUE(at(tree, 2, 1).complete);
}

TEST(TreePlan, lets_virtual_neurons_of_one_multiplier_pass_their_leaf_by_two) {
  const TreePlan tree = plan(4, 4, 1);
  for (const int j : {0, 1}) {
    EXPECT_EQ(at(tree, 1, j).mode, pass_2);
    EXPECT_TRUE(at(tree, 1, j).complete);
  }
}

TEST(TreePlan, of_a_folding_network_sends_outputs_to_the_free_adder_that_lies_next_to_theirs) {
  // Drawn in a line the adders of 8 multipliers are L0 M0 L1 R L2 M1 L3: L0 is beside M0, L1 beside R.
  const TreePlan pairs = plan(8, 4, 2, true);
  EXPECT_EQ(at(pairs, 2, 0).fold_at, adder_index(1, 0));
  EXPECT_EQ(at(pairs, 2, 1).fold_at, adder_index(0, 0));
  EXPECT_EQ(at(pairs, 2, 2).fold_at, adder_index(1, 1));
  EXPECT_EQ(at(pairs, 2, 3).fold_at, 7) << "the extra adder above the root";
  EXPECT_EQ(at(pairs, 1, 0).mode, fold);
  EXPECT_EQ(at(pairs, 0, 0).mode, fold);
  const TreePlan whole = plan(8, 1, 8, true);
  EXPECT_EQ(at(whole, 0, 0).fold_at, 7);
  EXPECT_EQ(whole.adders.at(7).mode, fold);
}

TEST(TreePlan, of_a_folding_network_goes_no_higher_than_a_virtual_neuron) {
  const TreePlan tree = plan(8, 1, 2, true);
  EXPECT_TRUE(at(tree, 2, 0).complete);
  EXPECT_TRUE(at(tree, 1, 0).configured) << "it folds";
  EXPECT_FALSE(at(tree, 0, 0).configured);
}

TEST(TreeOutputs, put_neighbours_of_different_parents_first_in_pairs) {
  // Of 8 multipliers: the pair (2,1) (2,2), then (0,0) (1,0) (1,1) (2,0) (2,3).
  const TreeOutputs outputs = tree_outputs(8, false);
  EXPECT_EQ(outputs.pairs, 1);
  EXPECT_EQ(outputs.lane_of, (std::vector<int>{2, 3, 4, 5, 0, 1, 6})) << "by adder, level by level";
}

TEST(TreeOutputs, of_a_folding_network_have_the_extra_adder_behind_the_root) {
  const TreeOutputs outputs = tree_outputs(8, true);
  EXPECT_EQ(outputs.pairs, 1);
  EXPECT_EQ(outputs.lane_of, (std::vector<int>{2, 4, 5, 6, 0, 1, 7, 3}));
}

TEST(TreeOutputs, give_every_adder_a_lane_of_its_own) {
  for (const bool folding : {false, true}) {
    for (int multipliers = 2; multipliers <= 256; multipliers *= 2) {
      const TreeOutputs outputs = tree_outputs(multipliers, folding);
      std::vector<int> lanes = outputs.lane_of;
      std::ranges::sort(lanes);
      ASSERT_EQ(static_cast<int>(lanes.size()), multipliers - 1 + (folding ? 1 : 0));
      for (int i = 0; i < static_cast<int>(lanes.size()); ++i) ASSERT_EQ(lanes[static_cast<std::size_t>(i)], i);
      ASSERT_LE(2 * outputs.pairs, static_cast<int>(lanes.size()));
    }
  }
}

}  // namespace
}  // namespace cairn::fabric
