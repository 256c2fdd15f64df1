// Virtual neurons of unequal sizes side by side, as a sparse machine forms them: with three multipliers or more each,
// no two of them meet in an adder, so that nothing of one can wait for another.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "fabric/step_cost.h"
#include "fabric/tree_plan.h"
#include "harness/draws.h"
#include "harness/reduction.h"

namespace cairn::testing {
namespace {

using fabric::Adder;
using fabric::AdderMode;
using fabric::Clusters;
using fabric::Switches;
using fabric::TreePlan;

Clusters neurons(const std::vector<int>& sizes) {
  Clusters clusters{.count = static_cast<int>(sizes.size())};
  int used = 0;
  for (const int size : sizes) clusters.ends.push_back(used += size);
  return clusters;
}

Clusters random_neurons(SplitMix64& random, int multipliers, std::int64_t least) {
  std::vector<int> sizes;
  const std::int64_t most = random.one_in(3) ? multipliers : std::min(multipliers, 9);
  for (std::int64_t left = multipliers; left >= least && !(random.one_in(20) && !sizes.empty());) {
    const std::int64_t size = std::min(left, random.between(std::min(least, most), most));
    if (size < least) break;
    sizes.push_back(static_cast<int>(size));
    left -= size;
  }
  return neurons(sizes);
}

// Which virtual neuron's words come to an adder from the left, the right and its neighbour; -1 = nobody's, -2 = those
// of several.
using Sides = std::array<int, 3>;
constexpr int kNobody = -1;
constexpr int kSeveral = -2;

std::vector<Sides> words_by_adder(const TreePlan& plan, const Clusters& clusters) {
  std::vector<Sides> owners(plan.adders.size(), {kNobody, kNobody, kNobody});
  const auto come = [&](int adder, std::size_t side, int owner) {
    int& here = owners[static_cast<std::size_t>(adder)][side];
    here = here == kNobody || here == owner ? owner : kSeveral;
  };
  for (int v = 0; v < clusters.count; ++v) {
    for (int m = clusters.begin(v); m < clusters.end(v); ++m) {
      int index = plan.multipliers / 2 - 1 + m / 2;
      bool from_left = m % 2 == 0;
      come(index, from_left ? 0 : 1, v);
      for (;;) {
        const Adder& adder = plan.adders[static_cast<std::size_t>(index)];
        const bool passes = adder.mode == AdderMode::add_1_pass_1 && from_left == fabric::is_even(index);
        const bool aside = passes || (adder.mode == AdderMode::add_2 && adder.link >= 0);
        if (!aside && adder.complete) break;
        from_left = index % 2 == 1;
        index = aside ? adder.link : fabric::parent_of(index);
        come(index, aside ? 2 : from_left ? 0 : 1, v);
      }
    }
  }
  return owners;
}

// Every input of an adder carries one virtual neuron, and only adders that send one of them aside know two.
void expect_nobody_meets(const TreePlan& plan, const Clusters& clusters) {
  const std::vector<Sides> owners = words_by_adder(plan, clusters);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const auto& [left, right, neighbour] = owners[i];
    for (const int owner : owners[i]) ASSERT_NE(owner, kSeveral) << "adder " << i;
    const AdderMode mode = plan.adders[i].mode;
    if (mode == AdderMode::add_1_pass_1) {
      ASSERT_NE(left, right) << "adder " << i;
    } else if (left != kNobody && right != kNobody) {
      ASSERT_EQ(left, right) << "adder " << i;
      ASSERT_NE(mode, AdderMode::pass_2) << "adder " << i;
    }
    ASSERT_TRUE(neighbour == kNobody || mode == AdderMode::add_3) << "adder " << i;
  }
  const std::vector<fabric::ProductPath> paths = fabric::product_paths(plan, clusters.used());
  std::map<int, int> exits;
  for (int v = 0; v < clusters.count; ++v) ++exits[paths[static_cast<std::size_t>(clusters.begin(v))].exit];
  for (const auto& [exit, count] : exits) ASSERT_EQ(count, 1) << "virtual neurons leave at adder " << exit;
}

void expect_nobody_meets(int multipliers, const Clusters& clusters) {
  for (const Switches switches : {Switches::linked, Switches::doubled}) {
    SCOPED_TRACE(::testing::PrintToString(clusters.ends) + (switches == Switches::linked ? ", linked" : ", doubled"));
    expect_nobody_meets(fabric::plan_tree(multipliers, clusters, false, switches), clusters);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

// Every list of sizes of `least` or more that fits.
template <class Check>
void for_every_list(int multipliers, int least, std::vector<int>& sizes, const Check& check) {
  if (!sizes.empty()) check(neurons(sizes));
  for (int size = least; size <= multipliers && !::testing::Test::HasFatalFailure(); ++size) {
    sizes.push_back(size);
    for_every_list(multipliers - size, least, sizes, check);
    sizes.pop_back();
  }
}

TEST(UnequalNeurons, of_three_multipliers_or_more_never_meet_in_an_adder) {
  for (const int multipliers : {4, 8, 16}) {
    std::vector<int> sizes;
    int lists = 0;
    for_every_list(multipliers, 3, sizes, [&](const Clusters& clusters) {
      ++lists;
      expect_nobody_meets(multipliers, clusters);
    });
    EXPECT_GE(lists, multipliers == 16 ? 200 : 2);
  }
  for_draws(1, [](SplitMix64& random) {
    const int multipliers = 1 << random.between(5, 8);
    expect_nobody_meets(multipliers, random_neurons(random, multipliers, 3));
  });
}

// 3 + 2 of 8: 0 1 | 2, 3 | 4. The second leaf adds 3 and, over its link, 4; 2 would be added to them and leave there.
TEST(UnequalNeurons, of_two_multipliers_beside_larger_ones_would_meet) {
  const Clusters clusters = neurons({3, 2});
  const auto paths = fabric::product_paths(fabric::plan_tree(8, clusters, false), 5);
  EXPECT_EQ(paths.at(2).exit, paths.at(3).exit);
  EXPECT_NE(paths.at(2).exit, paths.at(0).exit);
}

// 3 + 5 of 8: 0 1 | 2, 3 | 4 5 | 6 7. Leaf 1 has one multiplier of each: 2 goes up, to the first neuron's sum, and 3
// aside to leaf 2, which adds 3, 4 and 5; what is left of the second neuron, 6 + 7, joins that a level higher.
TEST(UnequalNeurons, share_a_leaf_from_which_one_word_goes_up_and_the_other_aside) {
  const TreePlan plan = fabric::plan_tree(8, neurons({3, 5}), false);
  const auto adder = [&](int level, int j) {
    return plan.adders.at(static_cast<std::size_t>(fabric::adder_index(level, j)));
  };
  EXPECT_EQ(adder(2, 1).mode, AdderMode::add_1_pass_1);
  EXPECT_EQ(adder(2, 1).link, fabric::adder_index(2, 2));
  EXPECT_EQ(adder(2, 2).mode, AdderMode::add_3);
  EXPECT_TRUE(adder(1, 0).complete);
  EXPECT_TRUE(adder(1, 1).complete);
  const fabric::ProductPath crossing = fabric::product_paths(plan, 8).at(3);
  EXPECT_EQ(crossing.links, 1);
  EXPECT_EQ(crossing.exit, fabric::adder_index(1, 1));
}

TEST(UnequalNeurons, leave_when_the_last_of_their_products_has_come_through_whatever_the_others_do) {
  Reduction tree("art", 8, neurons({3, 5}), {{"accumulators", false}});
  // The first neuron: leaf in 1, above it in 2, visible in 3. The second: 3 crosses the link in 1, is added in 2, above
  // that in 3, visible in 4; then its multiplier 7 is late by four cycles, which has only its leaf and the adder above.
  EXPECT_EQ(tree.stepped({{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 6}}, 20),
            (std::vector<Times>{{3, 4}, {4, 8}}));
  EXPECT_EQ(tree.values, (std::vector<std::vector<float>>{{6, 12}, {30, 60}})) << "1 + 2 + 3 and 4 + ... + 8, twice";
  const std::map<std::string, Count> counters = tree.part->counters();
  // Twice each: 0 + 1, + 2; 3 + 4 + 5; 6 + 7, and both together.
  EXPECT_EQ(counters.at("additions_2to1"), 2 * 4);
  EXPECT_EQ(counters.at("additions_3to1"), 2 * 1);
  EXPECT_EQ(counters.at("results"), 4);
  // Twice each: 8 products, 3 aside, 0 + 1 and 2 up, 3 + 4 + 5 and 6 + 7 up.
  EXPECT_EQ(counters.at("wire_writes"), 2 * (8 + 1 + 2 + 2));
}

TEST(UnequalNeurons, cost_what_a_step_of_products_costs_however_late_each_of_them_is) {
  const schema::Values kinds[] = {{{"accumulators", false}},
                                  {{"accumulators", true}},
                                  {{"accumulators", false}, {"switches", std::string("double")}},
                                  {{"accumulators", false}, {"level_latency", std::int64_t{3}}}};
  for_draws(1, [&](SplitMix64& random) {
    const int multipliers = 1 << random.between(2, 6);
    const Clusters clusters = random_neurons(random, multipliers, 3);
    const schema::Values& kind = kinds[random.between(0, 3)];
    const std::size_t results = 3;
    std::vector<Times> products;
    for (int i = 0; i < clusters.used(); ++i) products.push_back(random_times(random, results));
    SCOPED_TRACE(std::to_string(multipliers) + " multipliers, " + ::testing::PrintToString(clusters.ends));
    Reduction clocked("art", multipliers, clusters, kind);
    clocked.stepped(products, 100);
    for (int v = 0; v < clusters.count; ++v) {
      std::vector<float> expected;
      for (std::size_t i = 0; i < results; ++i) expected.push_back(clocked.sum(v, i, 1));
      ASSERT_EQ(clocked.values[static_cast<std::size_t>(v)], expected) << "virtual neuron " << v;
    }
    Reduction streams("art", multipliers, clusters, kind);
    ASSERT_EQ(clocked.lanes, streams.flowed(products));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  });
}

}  // namespace
}  // namespace cairn::testing
