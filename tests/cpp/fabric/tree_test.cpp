// Tree distribution: a packet a cycle from each port, multicast to any of the port's multipliers.
#include <gtest/gtest.h>

#include "harness/network.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

using fabric::Multicast;

struct TreeNetwork : Network {
  TreeNetwork(int multipliers, int ports, Recipe given, std::int64_t latency = 0, std::int64_t interval = 1)
      : Network("tree", multipliers, ports, std::move(given), {{"latency", latency}, {"interval", interval}}) {}
};

Recipe packets(std::vector<Multicast> weights, std::vector<Multicast> window = {}) {
  return Ingredients{.groups = {.count = 1, .size = 4}, .steps = {{std::move(weights), std::move(window), {}}}};
}

TEST(Tree, sends_a_packet_a_cycle_from_each_port_after_its_latency_never_earlier) {
  TreeNetwork network(8, 2, packets({{0}, {1}, {4}}), 2);
  network.offer({1}, 2);
  EXPECT_EQ(network.times, std::vector<Times>(8));
  TreeNetwork longer(8, 2, packets({{0}, {1}, {4}}), 2);
  longer.offer({1}, 9);
  EXPECT_EQ(longer.times, (std::vector<Times>{{3}, {4}, {}, {}, {3}, {}, {}, {}}));
}

TEST(Tree, copies_a_packet_to_all_its_multipliers_and_splits_it_over_the_ports) {
  TreeNetwork network(8, 2, packets({{0}, {1, 3, 6, 7}}));
  network.offer({1}, 9);
  // Port 1 comes to the second packet at once, port 0 after the first.
  EXPECT_EQ(network.times, (std::vector<Times>{{1}, {2}, {}, {2}, {}, {}, {1}, {1}}));
  EXPECT_EQ(network.words[3], (std::vector<float>{2}));
  EXPECT_EQ(network.part->counters().at("words"), 3);
}

TEST(Tree, of_slow_ports_sends_a_packet_every_few_cycles) {
  TreeNetwork network(8, 2, packets({{0}, {1}, {4}}, {{0}, {5}}), 0, 3);
  network.offer({1, 11}, 20);
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 11}, {4}, {}, {}, {1}, {11}, {}, {}}));
}

TEST(Tree, sends_nothing_that_was_not_offered) {
  TreeNetwork network(8, 2, packets({{0}, {1}}, {{0, 1}, {4}}));
  network.offer({2, 7}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{2, 7}, {3, 7}, {}, {}, {7}, {}, {}, {}}));
}

TEST(Tree, keeps_steps_waiting_where_they_are_offered_faster_than_a_port_sends) {
  TreeNetwork network(4, 1, packets({{0}, {1}, {2}}, {{0}, {1}}));
  network.offer({1, 2}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 4}, {2, 5}, {3}, {}}));
}

TEST(Tree, sends_partial_sums_first) {
  TreeNetwork network(8, 2, packets({{0}, {1}, {2}, {4}}));
  network.psums = {{2, {7.5F, 3}}, {2, {8.5F, 2}}, {2, {9.5F, 5}}};
  network.offer({1}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1}, {4}, {3, 5}, {2}, {1}, {2}, {}, {}}));
  EXPECT_EQ(network.words[2], (std::vector<float>{8.5F, 3}));
  EXPECT_EQ(network.inputs[2], (Times{3})) << "it joins the inputs";
}

TEST(Tree, counts_what_its_switches_do) {
  const auto counters = [](const Multicast& packet, int ports) {
    TreeNetwork network(8, ports, packets({packet}));
    network.offer({1}, 3);
    return network.part->counters();
  };
  using Expected = std::map<std::string, Count>;
  EXPECT_EQ(counters({2}, 1), (Expected{{"words", 1}, {"hops", 3}, {"broadcasts", 0}, {"unicasts", 3}}));
  EXPECT_EQ(counters({0, 1, 2, 3, 4, 5, 6, 7}, 1),
            (Expected{{"words", 1}, {"hops", 14}, {"broadcasts", 7}, {"unicasts", 0}}));
  // The root of a port's tree copies; below it both switches pass it to one side.
  EXPECT_EQ(counters({1, 2}, 2), (Expected{{"words", 1}, {"hops", 4}, {"broadcasts", 1}, {"unicasts", 2}}));
  EXPECT_EQ(counters({1, 2}, 8), (Expected{{"words", 2}, {"hops", 0}, {"broadcasts", 0}, {"unicasts", 0}}))
      << "no switches";
}

TEST(Tree, has_the_same_inputs_and_counters_in_its_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const std::int64_t levels = random.between(1, 4);
    const int multipliers = 1 << levels;
    const int ports = 1 << random.between(0, levels);
    const std::int64_t latency = random.between(0, 3);
    const std::int64_t interval = random.between(1, 3);
    Ingredients recipe{.groups = {.count = 1, .size = multipliers, .folds = random.between(1, 3)},
                       .rows_of_windows = random.between(1, 3),
                       .windows_in_row = random.between(1, 4)};
    recipe.groups.slide = random.one_in(2) ? multipliers : 0;
    for (auto& step : recipe.steps) step = random_step(random, multipliers);
    TreeNetwork clocked(multipliers, ports, recipe, latency, interval);
    TreeNetwork streams(multipliers, ports, recipe, latency, interval);
    const Count steps = recipe.groups.folds + clocked.recipe.products();
    clocked.offer(kernel::Stream::regular(1, 1, steps).times(), 24 * steps + 10);
    ASSERT_EQ(clocked.inputs, streams.flowed());
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
