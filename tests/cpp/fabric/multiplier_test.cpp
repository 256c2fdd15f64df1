// The mesh: operands hop right and down, an element fires when it has one of each.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/bench.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

struct Array : Bench {
  Array(fabric::Extent extent, fabric::Extent used, std::int64_t latency, std::int64_t depth = 0)
      : Bench("multiplier", "mesh", extent, {{"latency", latency}, {"queue_depth", depth}}, depth) {
    part->configure(systolic_round(1, used));
  }
  std::vector<Times> stepped(const std::vector<Times>& edge, Cycle last) {
    return step(*links.operands, *links.products, edge, last);
  }
  std::vector<Times> flowed(const std::vector<Times>& edge) { return flow(*links.operands, *links.products, edge); }
};

// F(r, c, k): the k-th product of element (r, c) needs both operands, which are a hop late from each neighbour.
Cycle fires(const std::vector<Times>& edge, int columns, int row, int column, std::size_t k) {
  const Cycle above =
      row == 0 ? edge[static_cast<std::size_t>(column)][k] : fires(edge, columns, row - 1, column, k) + 1;
  const Cycle left =
      column == 0 ? edge[static_cast<std::size_t>(columns + row)][k] : fires(edge, columns, row, column - 1, k) + 1;
  return std::max(above, left);
}

TEST(Mesh, fires_the_element_at_row_r_column_c_r_plus_c_cycles_after_the_corner) {
  Array mesh({2, 3}, {2, 3}, 1);
  const std::vector<Times> edge(5, Times{1, 2});
  EXPECT_EQ(mesh.stepped(edge, 20), (std::vector<Times>{{2, 3}, {3, 4}, {4, 5}, {3, 4}, {4, 5}, {5, 6}}));
}

TEST(Mesh, multiplies_the_word_of_the_column_by_the_word_of_the_row) {
  Array mesh({2, 3}, {2, 3}, 0);
  mesh.stepped(std::vector<Times>(5, Times{1}), 20);
  // Endpoint e carries e + 1: columns 1 2 3, rows 4 5; products in order of time, then of lane.
  EXPECT_EQ(mesh.received, (std::vector<float>{4, 8, 5, 12, 10, 15}));
}

TEST(Mesh, waits_for_the_partner_of_a_word_and_fires_when_it_comes_never_earlier) {
  Array mesh({1, 1}, {1, 1}, 0);
  EXPECT_EQ(mesh.stepped({{1}, {}}, 4), std::vector<Times>(1));
  EXPECT_EQ(mesh.part->waiting(), "the partners of 1 operands");
  Array other({1, 1}, {1, 1}, 0);
  EXPECT_EQ(other.stepped({{1, 2}, {5, 9}}, 20), (std::vector<Times>{{5, 9}}));
}

TEST(Mesh, passes_nothing_to_elements_that_are_not_used) {
  Array mesh({3, 3}, {2, 2}, 0);
  EXPECT_EQ(mesh.stepped({{1}, {1}, {}, {1}, {1}, {}}, 20),
            (std::vector<Times>{{1}, {2}, {}, {2}, {3}, {}, {}, {}, {}}));
  EXPECT_EQ(mesh.part->counters().at("hops"), 4);
  EXPECT_EQ(mesh.part->counters().at("configurations"), 9);
}

TEST(Mesh, of_bounded_queues_returns_a_place_when_the_word_is_used) {
  Array mesh({1, 1}, {1, 1}, 0, 1);
  mesh.stepped({{1}, {}}, 3);
  EXPECT_FALSE(mesh.links.operands->can_push(0, 4)) << "the word waits";
  mesh.links.operands->push(1, 1.0F, 4);
  mesh.part->tick(4);
  EXPECT_FALSE(mesh.links.operands->can_push(0, 4));
  EXPECT_TRUE(mesh.links.operands->can_push(0, 5));
}

TEST(Mesh, of_bounded_queues_holds_an_element_whose_neighbour_is_full) {
  Array mesh({1, 2}, {1, 2}, 0, 1);
  // Column 0 and the row have words; column 1 has its first word only in cycle 8.
  EXPECT_EQ(mesh.stepped({{1, 3}, {8}, {1, 3}}, 20), (std::vector<Times>{{1, 9}, {8}}));
}

TEST(Mesh, of_bounded_queues_counts_a_word_that_is_just_arriving_at_the_neighbour) {
  Array mesh({1, 2}, {1, 2}, 0, 1);
  // In cycle 2 the first row word reaches element 1 and fills its queue, so element 0 must not send the second.
  EXPECT_EQ(mesh.stepped({{1, 2}, {8}, {1, 2}}, 20), (std::vector<Times>{{1, 9}, {8}}));
}

TEST(Mesh, fires_at_the_times_of_the_recurrence_in_both_forms) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const fabric::Extent extent{static_cast<int>(random.between(1, 4)), static_cast<int>(random.between(1, 4))};
    const fabric::Extent used{static_cast<int>(random.between(1, extent.rows)),
                              static_cast<int>(random.between(1, extent.columns))};
    const std::int64_t latency = random.between(0, 3);
    const std::int64_t steps = random.between(1, 8);
    std::vector<Times> edge(static_cast<std::size_t>(extent.rows + extent.columns));
    for (int c = 0; c < used.columns; ++c) edge[static_cast<std::size_t>(c)] = random_times(random, steps);
    for (int r = 0; r < used.rows; ++r)
      edge[static_cast<std::size_t>(extent.columns + r)] = random_times(random, steps);
    std::vector<Times> expected(static_cast<std::size_t>(extent.rows * extent.columns));
    for (int r = 0; r < used.rows; ++r) {
      for (int c = 0; c < used.columns; ++c) {
        Times& times = expected[static_cast<std::size_t>(r * extent.columns + c)];
        for (std::size_t k = 0; k < static_cast<std::size_t>(steps); ++k)
          times.push_back(fires(edge, extent.columns, r, c, k) + latency);
      }
    }
    Array clocked(extent, used, latency);
    Array streams(extent, used, latency);
    ASSERT_EQ(clocked.stepped(edge, 100), expected);
    ASSERT_EQ(streams.flowed(edge), expected);
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
