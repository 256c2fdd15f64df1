// An array that holds an operand: words are loaded down the columns, the others hop right, sums move down.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/bench.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

fabric::Round fold(Count steps, fabric::Extent used) {
  fabric::Round round = systolic_round(steps, used);
  round.loads = used.rows;
  round.results = steps * used.columns;
  return round;
}

struct Elements : Bench {
  Elements(fabric::Extent extent, fabric::Extent used, std::int64_t latency, Count steps)
      : Bench("multiplier", "stationary-mesh", extent, {{"latency", latency}}) {
    part->configure(fold(steps, used));
  }
  std::vector<Times> stepped(const std::vector<Times>& edge, Cycle last) {
    return step(*links.operands, *links.products, edge, last);
  }
  std::vector<Times> flowed(const std::vector<Times>& edge) { return flow(*links.operands, *links.products, edge); }
};

// Loaded in 1 and 2. Row 1 waits a cycle at the edge.
TEST(StationaryMesh, multiplies_at_row_r_column_c_r_plus_c_cycles_after_the_corner) {
  Elements mesh({2, 3}, {2, 3}, 1, 2);
  const std::vector<Times> edge{{1, 2}, {1, 2}, {1, 2}, {3, 4}, {3, 4}};
  EXPECT_EQ(mesh.stepped(edge, 20), (std::vector<Times>{{4, 5}, {5, 6}, {6, 7}, {5, 6}, {6, 7}, {7, 8}}));
}

TEST(StationaryMesh, multiplies_a_word_of_a_row_by_the_word_that_stays) {
  Elements mesh({1, 3}, {1, 3}, 0, 1);
  mesh.stepped({{1}, {1}, {1}, {2}}, 20);
  EXPECT_EQ(mesh.received, (std::vector<float>{4, 8, 12})) << "endpoint e carries e + 1: columns 1 2 3, the row 4";
}

// By hand, so that the words of a column differ: 5 and then 7.
TEST(StationaryMesh, moves_the_word_that_came_first_to_the_last_row) {
  Elements mesh({2, 1}, {2, 1}, 0, 1);
  kernel::Wires<float>& edge = *mesh.links.operands;
  std::vector<Times> seen(2);
  edge.push(0, 5, 1);
  mesh.part->tick(1);
  edge.push(0, 7, 2);
  mesh.part->tick(2);
  EXPECT_EQ(mesh.stepped({{}, {3}, {4}}, 9), (std::vector<Times>{{3}, {5}}));
  EXPECT_EQ(mesh.received, (std::vector<float>{7 * 2, 5 * 3}));
}

TEST(StationaryMesh, counts_words_moved_down_and_to_the_right) {
  Elements mesh({3, 4}, {3, 2}, 0, 1);
  mesh.stepped({{1, 2, 3}, {1, 2, 3}, {}, {}, {4}, {4}, {4}}, 20);
  const std::map<std::string, Count> expected{{"multiplications", 6},
                                              {"hops", 2 * 3 + 3},
                                              {"operand_pushes", 2 * 6 + 6},
                                              {"operand_pops", 12},
                                              {"configurations", 12}};
  EXPECT_EQ(mesh.part->counters(), expected);
}

TEST(StationaryMesh, has_the_same_products_and_counters_in_its_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const fabric::Extent extent{static_cast<int>(random.between(1, 9)), static_cast<int>(random.between(1, 9))};
    const fabric::Extent used{static_cast<int>(random.between(1, extent.rows)),
                              static_cast<int>(random.between(1, extent.columns))};
    const Count steps = random.between(1, 8);
    const std::int64_t latency = random.between(0, 3);
    std::vector<Times> edge(static_cast<std::size_t>(extent.rows + extent.columns));
    Cycle loaded = 0;
    for (int c = 0; c < used.columns; ++c) {
      edge[static_cast<std::size_t>(c)] = random_times(random, used.rows);
      loaded = std::max(loaded, edge[static_cast<std::size_t>(c)].back());
    }
    for (int r = 0; r < used.rows; ++r) {
      Times& words = edge[static_cast<std::size_t>(extent.columns + r)];
      words = random_times(random, steps);
      for (Cycle& at : words) at += loaded;
    }
    Elements clocked(extent, used, latency, steps);
    Elements streams(extent, used, latency, steps);
    ASSERT_EQ(clocked.stepped(edge, 200), streams.flowed(edge));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

struct Adders : Bench {
  Adders(fabric::Extent extent, fabric::Extent used, std::int64_t latency)
      : Bench("reduction", "column", extent, {{"latency", latency}}) {
    part->configure(fold(1, used));
  }
  std::vector<Times> stepped(const std::vector<Times>& products, Cycle last) {
    return step(*links.products, *links.sums, products, last);
  }
  std::vector<Times> flowed(const std::vector<Times>& products) { return flow(*links.products, *links.sums, products); }
};

TEST(Column, passes_a_sum_down_one_element_a_cycle_and_out_after_its_latency) {
  Adders early({2, 2}, {2, 2}, 2);
  EXPECT_EQ(early.stepped({{1, 2}, {2}, {2, 3}, {3}}, 3), (std::vector<Times>(2)));
  Adders all({2, 2}, {2, 2}, 2);
  EXPECT_EQ(all.stepped({{1, 2}, {2}, {2, 3}, {3}}, 9), (std::vector<Times>{{4, 5}, {5}}));
}

TEST(Column, adds_up_the_products_of_a_column) {
  Adders adders({3, 2}, {3, 2}, 0);
  adders.stepped({{1}, {1}, {2}, {2}, {3}, {3}}, 9);
  EXPECT_EQ(adders.received, (std::vector<float>{1 + 3 + 5, 2 + 4 + 6}));
}

TEST(Column, lets_a_product_wait_for_the_sum_from_above_and_a_sum_for_its_product) {
  Adders adders({2, 2}, {2, 2}, 0);
  EXPECT_EQ(adders.stepped({{5}, {1}, {1}, {7}}, 9), (std::vector<Times>{{6}, {7}}));
  Adders stuck({2, 1}, {2, 1}, 0);
  stuck.stepped({{}, {1}}, 4);
  EXPECT_EQ(stuck.part->waiting(), "the partners of 1 products and sums");
}

TEST(Column, ends_at_the_last_row_in_use) {
  Adders adders({3, 2}, {1, 2}, 0);
  EXPECT_EQ(adders.stepped({{1}, {4}, {}, {}, {}, {}}, 9), (std::vector<Times>{{1}, {4}}));
}

TEST(Column, counts_additions_apart_from_the_products_that_begin_a_sum) {
  Adders adders({3, 2}, {3, 2}, 0);
  adders.stepped({{1}, {1}, {2}, {2}, {3}, {3}}, 9);
  EXPECT_EQ(adders.part->counters(),
            (std::map<std::string, Count>{{"additions_2to1", 4}, {"wire_writes", 4}, {"results", 2}}));
}

TEST(Column, has_the_same_sums_and_counters_in_its_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const fabric::Extent extent{static_cast<int>(random.between(1, 12)), static_cast<int>(random.between(1, 12))};
    const fabric::Extent used{static_cast<int>(random.between(1, extent.rows)),
                              static_cast<int>(random.between(1, extent.columns))};
    const std::int64_t latency = random.between(0, 3);
    const Count steps = random.between(1, 8);
    std::vector<Times> products(static_cast<std::size_t>(extent.rows * extent.columns));
    for (int r = 0; r < used.rows; ++r) {
      for (int c = 0; c < used.columns; ++c)
        products[static_cast<std::size_t>(r * extent.columns + c)] = random_times(random, steps);
    }
    Adders clocked(extent, used, latency);
    Adders streams(extent, used, latency);
    ASSERT_EQ(clocked.stepped(products, 200), streams.flowed(products));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
