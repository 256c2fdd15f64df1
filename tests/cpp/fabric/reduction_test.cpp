// Temporal reduction: a sum leaves when its last product is in.
#include <gtest/gtest.h>

#include "harness/bench.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

struct Accumulators : Bench {
  Accumulators(fabric::Extent extent, Count steps, std::int64_t latency)
      : Bench("reduction", "temporal", extent, {{"latency", latency}}) {
    part->configure(systolic_round(steps, extent));
  }
  std::vector<Times> stepped(const std::vector<Times>& products, Cycle last) {
    return step(*links.products, *links.sums, products, last);
  }
  std::vector<Times> flowed(const std::vector<Times>& products) { return flow(*links.products, *links.sums, products); }
};

TEST(Temporal, hands_over_a_sum_after_its_last_product_and_latency_never_earlier) {
  Accumulators early({1, 2}, 3, 2);
  EXPECT_EQ(early.stepped({{1, 2, 7}, {1, 2, 3}}, 4), (std::vector<Times>(2)));
  Accumulators all({1, 2}, 3, 2);
  EXPECT_EQ(all.stepped({{1, 2, 7}, {1, 2, 3}}, 20), (std::vector<Times>{{9}, {5}}));
}

TEST(Temporal, adds_up_its_products_and_starts_the_next_sum_from_zero) {
  Accumulators one({1, 1}, 3, 0);
  one.stepped({{1, 2, 3, 4, 5, 6}}, 10);
  EXPECT_EQ(one.received, (std::vector<float>{3, 3}));
}

TEST(Temporal, hands_over_every_product_where_an_output_is_one_product) {
  Accumulators one({1, 2}, 1, 0);
  EXPECT_EQ(one.stepped({{1, 2, 5}, {4}}, 10), (std::vector<Times>{{1, 2, 5}, {4}}));
}

TEST(Temporal, waits_for_the_products_of_sums_that_have_begun) {
  Accumulators two({1, 2}, 3, 0);
  two.stepped({{1, 2}, {}}, 10);
  EXPECT_EQ(two.part->waiting(), "more products of 1 sums");
  EXPECT_TRUE(Accumulators({1, 2}, 3, 0).part->waiting().empty());
}

TEST(Temporal, keeps_the_first_write_of_a_sum_apart_from_its_additions) {
  Accumulators one({1, 1}, 4, 0);
  one.stepped({{1, 2, 3, 4}}, 10);
  const std::map<std::string, Count> expected{
      {"additions", 3}, {"comparisons", 0}, {"register_reads", 3}, {"register_writes", 4}, {"results", 1}};
  EXPECT_EQ(one.part->counters(), expected);
}

// Arrays of more than 64 lanes: whole words of lanes are added together when all are there.
TEST(Temporal, has_the_same_sums_and_counters_in_its_stream_form_on_arrays_of_any_size) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(300)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const fabric::Extent extent{static_cast<int>(random.between(1, 12)), static_cast<int>(random.between(1, 12))};
    const Count steps = random.between(1, 6);
    const std::int64_t latency = random.between(0, 3);
    const bool together = random.one_in(2);
    const Times common = random_times(random, 2 * steps);
    std::vector<Times> products;
    for (int lane = 0; lane < extent.rows * extent.columns; ++lane)
      products.push_back(together && !random.one_in(40) ? common : random_times(random, 2 * steps));
    Accumulators clocked(extent, steps, latency);
    Accumulators streams(extent, steps, latency);
    ASSERT_EQ(clocked.stepped(products, 100), streams.flowed(products));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
