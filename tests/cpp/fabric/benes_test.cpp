// The Benes network: so many words a cycle, to any multipliers; no two steps in a cycle.
#include <gtest/gtest.h>

#include "harness/draws.h"
#include "harness/network.h"

namespace cairn::testing {
namespace {

using fabric::Multicast;

struct Benes : Network {
  Benes(int multipliers, int bandwidth, Recipe given, std::int64_t latency = 0)
      : Network("benes", multipliers, bandwidth, std::move(given), {{"latency", latency}}) {}
};

Ingredients packets(std::vector<Multicast> weights, std::vector<Multicast> window = {}) {
  return Ingredients{.groups = {.count = 1, .size = 4}, .steps = {{std::move(weights), std::move(window), {}}}};
}

TEST(Benes, delivers_after_its_latency_never_earlier) {
  Benes early(8, 2, packets({{0}, {7}}), 3);
  early.offer({1}, 3);
  EXPECT_EQ(early.times, (std::vector<Times>(8)));
  Benes network(8, 2, packets({{0}, {7}}), 3);
  network.offer({1}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{4}, {}, {}, {}, {}, {}, {}, {4}}));
}

TEST(Benes, sends_as_many_words_a_cycle_as_it_takes_wherever_their_multipliers_are) {
  // A tree with two ports would send the words of multipliers 0, 1 and 2 one after the other.
  Benes network(8, 2, packets({{0}, {1}, {2}}));
  network.offer({1}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1}, {1}, {2}, {}, {}, {}, {}, {}}));
  EXPECT_EQ(network.words[2], (std::vector<float>{3}));
}

TEST(Benes, counts_a_word_to_many_multipliers_once) {
  Benes network(8, 1, packets({{0, 3, 5, 6, 7}, {1, 2, 4}}));
  network.offer({1}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1}, {2}, {2}, {1}, {2}, {1}, {1}, {1}}));
}

TEST(Benes, sends_no_two_steps_in_a_cycle) {
  // Three words and a bandwidth of two: the second cycle of a step has room for a word of the next, which waits.
  Benes network(4, 2, packets({{0}, {1}, {2}}, {{0}, {1}, {2}}));
  network.offer({1, 2}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 3}, {1, 3}, {2, 4}, {}}));
}

TEST(Benes, sends_nothing_that_was_not_offered) {
  Benes network(4, 4, packets({{0}, {1}}, {{0, 1}}));
  network.offer({3, 7}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{3, 7}, {3, 7}, {}, {}}));
}

TEST(Benes, sends_partial_sums_that_come_back_first) {
  Benes network(4, 2, packets({{0}, {1}, {2}}));
  network.psums = {{2, {7.5F, 3}}};
  network.offer({2}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{2}, {3}, {3}, {2}})) << "one word is left in cycle 2";
  EXPECT_EQ(network.words[3], (std::vector<float>{7.5F}));
  EXPECT_EQ(network.inputs[3], (Times{2})) << "it joins the inputs";
}

TEST(Benes, counts_what_its_switches_do) {
  const auto counters = [](const Multicast& packet) {
    Benes network(8, 1, packets({packet}));
    network.offer({1}, 3);
    return network.part->counters();
  };
  // 8 multipliers: 2 x 3 - 1 = 5 stages, two of which a word crosses alone; the other three are a tree of 8 leaves.
  using Expected = std::map<std::string, Count>;
  EXPECT_EQ(counters({2}), (Expected{{"words", 1}, {"hops", 2 + 3}, {"broadcasts", 0}}));
  EXPECT_EQ(counters({0, 1}), (Expected{{"words", 1}, {"hops", 2 + 4}, {"broadcasts", 1}})) << "part at the last stage";
  EXPECT_EQ(counters({3, 4}), (Expected{{"words", 1}, {"hops", 2 + 6}, {"broadcasts", 1}})) << "at the third";
  EXPECT_EQ(counters({0, 1, 2, 3, 4, 5, 6, 7}), (Expected{{"words", 1}, {"hops", 2 + 14}, {"broadcasts", 7}}));
}

TEST(Benes, sends_the_steps_of_a_round_that_follows_at_once_in_order) {
  // The second round is entered in the cycle in which the first one's last inputs go out.
  const Ingredients first{.groups = {.count = 1, .size = 2}, .steps = {{{{0}, {1}}, {{0}, {1}}, {}}}};
  const Ingredients second{.groups = {.count = 2, .size = 2}, .steps = {{{{0}, {1}, {2}, {3}}, {{0, 2}, {1, 3}}, {}}}};
  Benes network(4, 4, Recipe::anew({first, second}));
  network.offer({1, 2}, 2);
  network.enter(1);
  network.offer({3, 4}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 2, 3, 4}, {1, 2, 3, 4}, {3, 4}, {3, 4}}));
  EXPECT_EQ(network.words[3], (std::vector<float>{4, 2}));
}

TEST(Benes, has_the_same_inputs_and_counters_in_its_stream_form) {
  for_draws(1, [](SplitMix64& random) {
    const std::int64_t levels = random.between(1, 4);
    const int multipliers = 1 << levels;
    const int bandwidth = 1 << random.between(0, levels);
    const std::int64_t latency = random.between(0, 3);
    Ingredients given{.groups = {.count = 1, .size = multipliers, .folds = random.between(1, 3)},
                      .rows_of_windows = random.between(1, 3),
                      .windows_in_row = random.between(1, 4)};
    given.groups.slide = random.one_in(2) ? multipliers : 0;
    for (auto& step : given.steps) {
      do step = random_step(random, multipliers);
      while (step == fabric::Multicasts(std::vector<Multicast>(step.size())));
    }
    Benes clocked(multipliers, bandwidth, given, latency);
    Benes streams(multipliers, bandwidth, given, latency);
    const Count steps = given.groups.folds + clocked.recipe.products();
    clocked.offer(kernel::Stream::regular(1, 1, steps).times(), 8 * steps + 10);
    ASSERT_EQ(clocked.inputs, streams.flowed());
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  });
}

}  // namespace
}  // namespace cairn::testing
