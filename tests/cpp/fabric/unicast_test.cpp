// The point-to-point network of a flexible machine: a link to each multiplier, and a word for several sent to each.
#include <gtest/gtest.h>

#include "harness/network.h"

namespace cairn::testing {
namespace {

using fabric::Multicast;

struct Unicast : Network {
  Unicast(int multipliers, int bandwidth, std::vector<Multicast> weights, std::vector<Multicast> window = {})
      : Network("unicast", multipliers, bandwidth,
                Ingredients{.groups = {.count = 1, .size = 4}, .steps = {{std::move(weights), std::move(window), {}}}},
                {{"latency", std::int64_t{0}}}) {}
};

TEST(Unicast, sends_a_word_for_several_multipliers_once_for_each) {
  // Two links carry a word in a cycle: multipliers 1 and 4, then 6 and 0, then 2.
  Unicast network(8, 2, {{1, 4, 6}, {0, 2}});
  network.offer({1}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{2}, {1}, {3}, {}, {1}, {}, {2}, {}}));
  EXPECT_EQ(network.words[6], (std::vector<float>{1}));
  EXPECT_EQ(network.words[2], (std::vector<float>{2}));
}

TEST(Unicast, sends_no_two_steps_in_a_cycle) {
  Unicast network(4, 2, {{0, 1, 2}}, {{0}, {1}});
  network.offer({1, 2}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 3}, {1, 3}, {2}, {}}));
}

TEST(Unicast, counts_a_word_and_a_link_for_each_multiplier) {
  Unicast network(8, 4, {{1, 4, 6}, {0}});
  network.offer({1}, 9);
  EXPECT_EQ(network.part->counters(), (std::map<std::string, Count>{{"words", 4}, {"hops", 4}}));
}

}  // namespace
}  // namespace cairn::testing
