// Point-to-point distribution: words of a step take turns at their port.
#include <gtest/gtest.h>

#include "harness/bench.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

struct Network : Bench {
  Network(fabric::Extent extent, fabric::Extent used, std::int64_t bandwidth, std::int64_t latency,
          std::int64_t credits = 0)
      : Bench("distribution", "point-to-point", extent, {{"bandwidth", bandwidth}, {"latency", latency}}, credits),
        used_(used) {}
  // A round of as many steps as are posted, the first `loads` of which bring words to stay.
  void configure(const Times& posts, Count loads) {
    fabric::Round round = systolic_round(static_cast<Count>(posts.size()) - loads, used_);
    round.loads = loads;
    part->configure(round);
  }
  std::vector<Times> stepped(const Times& posts, Cycle last, Count loads = 0) {
    configure(posts, loads);
    return step(*links.posts, *links.operands, {posts}, last);
  }
  std::vector<Times> flowed(const Times& posts, Count loads = 0) {
    configure(posts, loads);
    return flow(*links.posts, *links.operands, {posts});
  }

 private:
  fabric::Extent used_;
};

TEST(PointToPoint, with_a_port_an_endpoint_sends_a_step_at_once_after_its_latency) {
  Network network({2, 3}, {2, 3}, 0, 2);
  EXPECT_EQ(network.stepped({1}, 2), std::vector<Times>(5));
  Network longer({2, 3}, {2, 3}, 0, 2);
  EXPECT_EQ(longer.stepped({1}, 9), std::vector<Times>(5, Times{3}));
  EXPECT_EQ(longer.received, (std::vector<float>{1, 2, 3, 4, 5})) << "columns first, then rows";
}

TEST(PointToPoint, with_fewer_ports_sends_the_words_of_a_port_one_a_cycle) {
  Network network({2, 3}, {2, 3}, 2, 0);
  // Two ports: columns 0 to 2, and rows 0 and 1. The second port is done early and goes on to the next step.
  EXPECT_EQ(network.stepped({1, 2}, 20), (std::vector<Times>{{1, 4}, {2, 5}, {3, 6}, {1, 3}, {2, 4}}));
}

TEST(PointToPoint, with_one_port_sends_every_word_by_itself) {
  Network network({2, 3}, {2, 3}, 1, 1);
  EXPECT_EQ(network.stepped({1}, 20), (std::vector<Times>{{2}, {3}, {4}, {5}, {6}}));
}

TEST(PointToPoint, spends_no_turn_on_endpoints_that_are_not_used) {
  Network network({2, 3}, {1, 2}, 1, 0);
  EXPECT_EQ(network.stepped({1, 2}, 20), (std::vector<Times>{{1, 4}, {2, 5}, {}, {3, 6}, {}}));
}

TEST(PointToPoint, holds_a_port_back_while_the_queue_at_the_edge_is_full) {
  Network network({1, 1}, {1, 1}, 0, 0, 1);
  EXPECT_EQ(network.stepped({1, 2}, 10), (std::vector<Times>{{1}, {1}}));
  EXPECT_EQ(network.part->waiting(), "room at the edge of the array");
  network.links.operands->release(0, 11);
  network.part->tick(11);
  EXPECT_FALSE(network.links.operands->incoming(11).valid.test(0)) << "the credit is usable in the next cycle";
  network.part->tick(12);
  EXPECT_TRUE(network.links.operands->incoming(12).valid.test(0));
  EXPECT_FALSE(network.links.operands->incoming(12).valid.test(1));
}

TEST(PointToPoint, sends_words_that_stay_to_the_columns_and_the_others_to_the_rows) {
  Network network({2, 3}, {2, 3}, 0, 1);
  EXPECT_EQ(network.stepped({1, 2, 3}, 20, 2), (std::vector<Times>{{2, 3}, {2, 3}, {2, 3}, {4}, {4}}));
}

// Two ports: the columns 0 to 2, and the rows, whose port has nothing else to do. The last of two words of column 2 is
// sent in 6.
TEST(PointToPoint, streams_nothing_before_every_port_has_sent_what_stays) {
  Network network({2, 3}, {2, 3}, 2, 0);
  EXPECT_EQ(network.stepped({1, 2, 3, 4}, 20, 2), (std::vector<Times>{{1, 4}, {2, 5}, {3, 6}, {7, 9}, {8, 10}}));
}

// The second port has column 2 and row 0.
TEST(PointToPoint, of_ports_with_words_of_both_kinds_waits_for_the_slowest) {
  Network network({1, 3}, {1, 3}, 2, 0);
  EXPECT_EQ(network.stepped({1, 2, 3, 4}, 20, 2), (std::vector<Times>{{1, 3}, {2, 4}, {1, 2}, {5, 6}}));
}

TEST(PointToPoint, has_no_stream_form_where_steps_may_wait) {
  EXPECT_TRUE(Bench("distribution", "point-to-point", {2, 2}).part->has_flow());
  EXPECT_FALSE(Bench("distribution", "point-to-point", {2, 2}, {{"queue_depth", std::int64_t{1}}}).part->has_flow());
}

TEST(PointToPoint, has_the_same_words_and_counters_in_its_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const fabric::Extent extent{static_cast<int>(random.between(1, 5)), static_cast<int>(random.between(1, 5))};
    const fabric::Extent used{static_cast<int>(random.between(1, extent.rows)),
                              static_cast<int>(random.between(1, extent.columns))};
    const std::int64_t bandwidth = random.between(0, extent.rows + extent.columns);
    const std::int64_t latency = random.between(0, 3);
    const Times posts = random_times(random, random.between(1, 12));
    const Count loads = random.one_in(2) ? 0 : random.between(0, static_cast<Count>(posts.size()) - 1);
    Network clocked(extent, used, bandwidth, latency);
    Network streams(extent, used, bandwidth, latency);
    ASSERT_EQ(clocked.stepped(posts, 250, loads), streams.flowed(posts, loads));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
