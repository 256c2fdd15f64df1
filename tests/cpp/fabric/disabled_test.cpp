// The disabled multiplier network: weights stay, every input is multiplied in the cycle in which it comes.
#include <gtest/gtest.h>

#include <limits>

#include "harness/draws.h"
#include "harness/recipe.h"

namespace cairn::testing {
namespace {

using fabric::Word;

Word weight(float value) { return {value, true}; }
Word input(float value) { return {value, false}; }

struct Delivery {
  int multiplier;
  Cycle time;
  Word word;
};

struct Multipliers : Bench {
  explicit Multipliers(Recipe given, std::int64_t latency = 1, int multipliers = 4)
      : Bench({.multipliers = multipliers}, "multiplier", "disabled",
              {{"multipliers", std::int64_t{multipliers}}, {"latency", latency}}),
        recipe(std::move(given)),
        seen(static_cast<std::size_t>(multipliers)),
        values(seen.size()) {
    part->start(recipe.program());
    enter(0);
  }

  void enter(Count round) {
    recipe.enter(round);
    part->configure(recipe.at(round));
  }

  // When products become visible; their values are in `values`.
  const std::vector<Times>& stepped(const std::vector<Delivery>& deliveries, Cycle last) {
    for (; now <= last; ++now) {
      for (const Delivery& d : deliveries) {
        if (d.time == now) links.words->push(d.multiplier, d.word, now);
      }
      part->tick(now);
      auto& frame = links.products->incoming(now);
      frame.valid.for_each([&](int i) {
        const auto lane = static_cast<std::size_t>(i);
        seen[lane].push_back(now);
        values[lane].push_back(frame.values[lane]);
      });
      frame.valid.clear_all();
    }
    return seen;
  }

  Recipe recipe;
  Cycle now = 1;
  std::vector<Times> seen;
  std::vector<std::vector<float>> values;
};

using Values = std::vector<std::vector<float>>;

Ingredients round_of(int multipliers, Count folds, Count windows) {
  return {.groups = {.count = 1, .size = multipliers, .folds = folds}, .windows_in_row = windows};
}

TEST(Disabled, multiplies_an_input_in_the_cycle_in_which_it_comes_never_earlier) {
  const std::vector<Delivery> deliveries{
      {0, 1, weight(2)}, {1, 1, weight(7)}, {0, 4, input(3)}, {1, 6, input(5)}, {1, 7, input(6)}};
  EXPECT_EQ(Multipliers(round_of(2, 1, 2), 2).stepped(deliveries, 5), (std::vector<Times>(4)));
  Multipliers later(round_of(2, 1, 2), 2);
  EXPECT_EQ(later.stepped(deliveries, 20), (std::vector<Times>{{6}, {8, 9}, {}, {}}));
  EXPECT_EQ(later.values, (Values{{6}, {35, 42}, {}, {}}));
}

TEST(Disabled, takes_the_weights_of_the_folds_in_turn) {
  Multipliers one(round_of(1, 3, 2));
  std::vector<Delivery> deliveries{{0, 1, weight(1)}, {0, 2, weight(10)}, {0, 3, weight(100)}};
  for (int i = 0; i < 6; ++i) deliveries.push_back({0, 4 + i, input(static_cast<float>(2 + i))});
  EXPECT_EQ(one.stepped(deliveries, 20)[0], (Times{5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(one.values[0], (std::vector<float>{2, 30, 400, 5, 60, 700}));
}

TEST(Disabled, makes_zeros_of_weights_of_padding_whatever_the_input) {
  Multipliers one(round_of(1, 1, 2));
  one.stepped({{0, 1, weight(fabric::padding_weight())},
               {0, 2, input(std::numeric_limits<float>::infinity())},
               {0, 3, input(std::numeric_limits<float>::quiet_NaN())}},
              9);
  EXPECT_EQ(one.values[0], (std::vector<float>{0, 0}));
}

Ingredients continued(int ones, Count windows) {
  Ingredients round{.windows_in_row = windows};
  round.groups = {.count = 1, .psum_multiplier = true, .psums_streamed = true, .ends = {ones + 1}};
  return round;
}

TEST(Disabled, passes_streamed_partial_sums_on_as_they_are) {
  Multipliers row(Recipe::anew({continued(1, 2)}));
  EXPECT_EQ(row.stepped({{1, 1, weight(4)}, {0, 2, input(7)}, {0, 3, input(8)}, {1, 3, input(2)}, {1, 5, input(3)}}, 9),
            (std::vector<Times>{{3, 4}, {4, 6}, {}, {}}));
  EXPECT_EQ(row.values, (Values{{7, 8}, {8, 12}, {}, {}}));
  // A weight and four inputs in, each input out, and the weight out and in again for each product; sums pass a queue
  // of their own.
  EXPECT_EQ(row.part->counters(), (std::map<std::string, Count>{{"multiplications", 2},
                                                                {"input_forwards", 0},
                                                                {"psum_forwards", 2},
                                                                {"operand_pushes", 1 + 2 * 4},
                                                                {"operand_pops", 2 * 4},
                                                                {"configurations", 2}}));
}

TEST(Disabled, refuses_partial_sums_of_the_write_back) {
  EXPECT_THROW(Multipliers({{.groups = {.count = 1, .size = 2, .folds = 2, .psum_multiplier = true}}}), Error);
}

TEST(Disabled, takes_the_setting_of_the_next_round_with_its_first_word) {
  // The second round is known long before its words come: one multiplier of two folds, after two of one.
  Multipliers both(Recipe::anew({round_of(2, 1, 2), round_of(1, 2, 1)}));
  both.enter(1);
  both.stepped({{0, 1, weight(2)},
                {1, 1, weight(3)},
                {0, 2, input(1)},
                {1, 2, input(1)},
                {0, 3, input(5)},
                {1, 3, input(5)},
                {0, 4, weight(100)},
                {0, 5, weight(1000)},
                {0, 6, input(1)},
                {0, 7, input(2)}},
               20);
  EXPECT_EQ(both.values, (Values{{2, 10, 100, 2000}, {3, 15}, {}, {}}));
  EXPECT_EQ(both.part->counters().at("configurations"), 2 + 1);
}

TEST(Disabled, drops_the_weights_of_the_round_before) {
  Ingredients second = round_of(1, 1, 1);
  second.blocks.front().dropped = 2;
  Multipliers both(Recipe::anew({round_of(2, 1, 1), second}));
  both.stepped({{0, 1, weight(2)}, {1, 1, weight(3)}, {0, 2, input(1)}, {1, 2, input(1)}}, 5);
  EXPECT_EQ(both.part->counters().at("operand_pushes"), 2 + 2 * 2);
  EXPECT_EQ(both.part->counters().at("operand_pops"), 2 * 2);
  both.enter(1);
  EXPECT_EQ(both.part->counters().at("operand_pops"), 2 * 2 + 2);
}

TEST(Disabled, of_a_machine_that_is_configured_once_counts_its_multipliers_once) {
  Multipliers row(round_of(3, 1, 1));
  row.enter(0);
  EXPECT_EQ(row.part->counters().at("configurations"), 3);
}

TEST(Disabled, has_the_same_products_and_counters_in_its_stream_form) {
  for_draws(1, [](SplitMix64& random) {
    const std::int64_t latency = random.between(1, 3);
    std::vector<Ingredients> rounds;
    for (int i = 0; i < 2; ++i) {
      const Count windows = random.between(1, 4);
      const int used = static_cast<int>(random.between(1, 8));
      rounds.push_back(random.one_in(2) ? continued(used - 1, windows) : round_of(used, random.between(1, 3), windows));
      rounds.back().blocks.front().dropped = random.between(0, 9);
    }
    Multipliers clocked(Recipe::anew(rounds), latency, 8);
    Multipliers streams(Recipe::anew(rounds), latency, 8);
    for (Count r = 0; r < 2; ++r) {
      if (r > 0) clocked.enter(r), streams.enter(r);
      const fabric::Clusters& groups = clocked.recipe.groups;
      std::vector<Delivery> deliveries;
      std::vector<Times> inputs(8);
      const Cycle begin = clocked.now;
      for (int m = 0; m < groups.used(); ++m) {
        const bool psums = groups.psums_streamed && m == 0;
        for (Cycle fold = 0; fold < groups.folds && !psums; ++fold) deliveries.push_back({m, begin + fold, weight(2)});
        inputs[static_cast<std::size_t>(m)] = random_times(random, clocked.recipe.products());
        for (Cycle& time : inputs[static_cast<std::size_t>(m)])
          deliveries.push_back({m, time += begin + groups.folds, input(1)});
      }
      for (Times& times : clocked.seen) times.clear();
      const std::vector<Times> seen = clocked.stepped(deliveries, begin + 150);
      ASSERT_EQ(seen, streams.flow(*streams.links.words, *streams.links.products, inputs)) << "round " << r;
      ASSERT_EQ(clocked.part->counters(), streams.part->counters()) << "round " << r;
    }
  });
}

}  // namespace
}  // namespace cairn::testing
