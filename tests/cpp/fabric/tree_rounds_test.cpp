// Tree distribution where each round configures the machine anew, and partial sums that stream with the inputs.
#include <gtest/gtest.h>

#include "harness/draws.h"
#include "harness/network.h"

namespace cairn::testing {
namespace {

using fabric::Multicast;

Ingredients round_of(std::vector<Multicast> weights, std::vector<Multicast> window, Count windows = 1) {
  return {.groups = {.count = 1, .size = static_cast<int>(weights.size())},
          .windows_in_row = windows,
          .steps = {{std::move(weights), std::move(window), {}}}};
}

// A virtual neuron of the multiplier that passes partial sums, and of `ones` others.
Ingredients continued(int ones, Count windows) {
  Ingredients round{.windows_in_row = windows};
  round.groups = {.count = 1, .size = ones + 1, .psum_multiplier = true, .psums_streamed = true, .ends = {ones + 1}};
  round.steps[1].add(0);
  for (int m = 1; m <= ones; ++m) round.steps[0].add(m), round.steps[1].add(m);
  round.word = [](const fabric::Position& at, int packet) {
    return static_cast<float>(100 * at.window + packet) + (at.kind == fabric::StepKind::weights ? 0.5F : 0);
  };
  return round;
}

TEST(TreeRounds, deal_packets_out_to_the_ports_anew) {
  Network network("tree", 8, 2,
                  Recipe::anew({round_of({{0}, {1}}, {{0, 1}}), round_of({{3}, {4}, {5}}, {{3, 4}, {5}})}),
                  {{"latency", std::int64_t{0}}});
  network.offer({1, 2}, 5);
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 3}, {2, 3}, {}, {}, {}, {}, {}, {}})) << "only the first port";
  network.enter(1);
  network.offer({6, 7}, 12);
  // Port 0 sends multiplier 3 a weight and an input, port 1 two weights and two inputs.
  EXPECT_EQ(network.times, (std::vector<Times>{{1, 3}, {2, 3}, {}, {6, 7}, {6, 8}, {7, 9}, {}, {}}));
  EXPECT_EQ(network.words[5], (std::vector<float>{3, 2}));
  // Of the first round 2 weights and 1 input over two levels of switches and a copy at the lower one; of the second 3
  // weights, an input to both ports, and one to the second.
  EXPECT_EQ(
      network.part->counters(),
      (std::map<std::string, Count>{{"words", 3 + 6}, {"hops", 7 + 12}, {"broadcasts", 1}, {"unicasts", 5 + 12}}));
}

TEST(TreeRounds, wait_for_the_packets_of_the_round_that_were_not_offered) {
  Network network("tree", 4, 4, Recipe::anew({round_of({{0}}, {{0}}, 2), round_of({{0}}, {{0}}, 2)}), {});
  network.offer({1, 2, 6}, 8);
  network.enter(1);
  network.offer({9, 12, 13}, 16);
  EXPECT_EQ(network.times[0], (Times{1, 2, 6, 9, 12, 13}));
}

// Port 0 has multipliers 0 to 3: a weight in cycle 1, the three partial sums in the cycles in which they are offered,
// the other two weights, then three inputs a window. Port 1 has two weights and two inputs a window.
TEST(TreeRounds, send_streamed_partial_sums_between_the_first_weight_and_the_others) {
  Network network("tree", 8, 2, Recipe::anew({continued(5, 3)}), {{"latency", std::int64_t{0}}});
  network.offer({1, 2, 3, 4}, 20);
  EXPECT_EQ(network.times,
            (std::vector<Times>{
                {2, 3, 4}, {1, 7, 10, 13}, {5, 8, 11, 14}, {6, 9, 12, 15}, {1, 3, 5, 7}, {2, 4, 6, 8}, {}, {}}));
  EXPECT_EQ(network.words[0], (std::vector<float>{0, 100, 200}));
  EXPECT_EQ(network.words[1], (std::vector<float>{0.5F, 1, 101, 201}));
  EXPECT_EQ(network.inputs[0], (Times{2, 3, 4})) << "they join the inputs";
  EXPECT_EQ(network.part->counters().at("words"), 3 + 5 + 3 * 5);
}

TEST(TreeRounds, send_streamed_partial_sums_late_where_a_port_is_slow) {
  Network network("tree", 4, 1, Recipe::anew({continued(2, 2)}),
                  {{"latency", std::int64_t{1}}, {"interval", std::int64_t{3}}});
  network.offer({1, 2, 3}, 30);
  // Weight 1 | sum 4 | sum 7 | weight 10 | inputs 13 16 | 19 22, each seen a cycle later.
  EXPECT_EQ(network.times, (std::vector<Times>{{5, 8}, {2, 14, 20}, {11, 17, 23}, {}}));
}

TEST(TreeRounds, send_streamed_partial_sums_alone_to_a_port_of_one_multiplier) {
  Network network("tree", 4, 4, Recipe::anew({continued(3, 2)}), {});
  network.offer({1, 2, 3}, 9);
  EXPECT_EQ(network.times, (std::vector<Times>{{2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}}));
}

// A round at rest that leaves a port out: what the port did before it is over for the round after that.
TEST(TreeRounds, at_rest_forget_what_ports_without_packets_did_before_in_their_stream_form) {
  Network network(
      "tree", 4, 2,
      Recipe::anew({round_of({{0}, {2}}, {{0}, {2}}, 9), round_of({{0}}, {{0}}), round_of({{0}, {2}}, {{0}, {2}})}),
      {{"latency", std::int64_t{0}}});
  EXPECT_EQ(network.flowed()[2], (Times{2, 3, 4, 5, 6, 7, 8, 9, 10}));
  network.enter(1);
  network.flowed();
  network.enter(2);
  network.links.round.at_rest = false;
  network.links.offers->streams[0] = kernel::Stream::regular(4, 1, 2);
  network.part->flow();
  EXPECT_EQ(network.links.words->streams[2].times(), (Times{5})) << "a weight in 4";
}

Ingredients random_round(SplitMix64& random, int multipliers) {
  if (random.one_in(2)) return continued(static_cast<int>(random.between(0, multipliers - 1)), random.between(1, 4));
  Ingredients round{.groups = {.count = 1, .size = multipliers, .folds = random.between(1, 3)},
                    .windows_in_row = random.between(1, 4)};
  for (const std::size_t kind : {0, 1}) round.steps[kind] = random_step(random, multipliers);
  return round;
}

TEST(TreeRounds, have_the_same_inputs_and_counters_in_their_stream_form) {
  for_draws(1, [](SplitMix64& random) {
    const std::int64_t levels = random.between(1, 4);
    const int multipliers = 1 << levels;
    const int ports = 1 << random.between(0, levels);
    const schema::Values values{{"latency", random.between(0, 3)}, {"interval", random.between(1, 3)}};
    std::vector<Ingredients> rounds;
    for (int i = 0; i < 3; ++i) rounds.push_back(random_round(random, multipliers));
    Network clocked("tree", multipliers, ports, Recipe::anew(rounds), values);
    Network streams("tree", multipliers, ports, Recipe::anew(rounds), values);
    for (Count r = 0; r < 3; ++r) {
      if (r > 0) clocked.enter(r), streams.enter(r);
      const Cycle before = clocked.now - 1;
      const Count steps = clocked.recipe.groups.folds + clocked.recipe.products();
      for (Times& times : clocked.inputs) times.clear();
      clocked.offer(kernel::Stream::regular(before + 1, 1, steps).times(), before + 60 * steps + 10);
      for (Times& times : clocked.inputs) {
        for (Cycle& time : times) time -= before;
      }
      ASSERT_EQ(clocked.inputs, streams.flowed()) << "round " << r;
      ASSERT_EQ(clocked.part->counters(), streams.part->counters()) << "round " << r;
    }
  });
}

}  // namespace
}  // namespace cairn::testing
