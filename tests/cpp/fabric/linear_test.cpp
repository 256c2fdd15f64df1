// The linear multiplier network: weights stay, inputs pass by, and slide on to the left neighbour.
#include <gtest/gtest.h>

#include "harness/recipe.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

using fabric::Word;

Word weight(float value) { return {value, true}; }
Word input(float value) { return {value, false}; }

// A word that reaches a multiplier.
struct Delivery {
  int multiplier;
  Cycle time;
  Word word;
};

struct Multipliers : Bench {
  explicit Multipliers(Ingredients given, std::int64_t latency = 1, bool ripple = false)
      : Bench({.multipliers = given.groups.used()}, "multiplier", "linear",
              {{"multipliers", std::int64_t{given.groups.used()}}, {"latency", latency}, {"ripple", ripple}}),
        recipe(std::move(given)) {
    part->start(recipe.program());
    part->configure(round);
  }

  // When products become visible; their values are in `values`.
  std::vector<Times> stepped(const std::vector<Delivery>& deliveries, Cycle last) {
    std::vector<Times> seen(static_cast<std::size_t>(array.lanes()));
    values.assign(seen.size(), {});
    for (Cycle now = 1; now <= last; ++now) {
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

  std::vector<Times> flowed(const std::vector<Times>& inputs) { return flow(*links.words, *links.products, inputs); }

  Recipe recipe;
  fabric::Round round;
  std::vector<std::vector<float>> values;
};

using Values = std::vector<std::vector<float>>;

TEST(Linear, multiplies_an_input_when_it_has_it_and_its_weight_never_earlier) {
  const Ingredients pair{.groups = {.count = 1, .size = 2}};
  const std::vector<Delivery> deliveries{
      {0, 1, weight(2)}, {0, 4, input(3)}, {1, 1, input(5)}, {1, 6, weight(7)}};  // in time, and too early
  EXPECT_EQ(Multipliers(pair, 2).stepped(deliveries, 5), (std::vector<Times>(2)));
  Multipliers later(pair, 2);
  EXPECT_EQ(later.stepped(deliveries, 20), (std::vector<Times>{{6}, {8}}));
  EXPECT_EQ(later.values, (Values{{6}, {35}}));
}

TEST(Linear, makes_one_product_a_cycle) {
  Multipliers one({.groups = {.count = 1, .size = 1}, .windows_in_row = 4});
  const std::vector<Delivery> inputs_first{
      {0, 1, input(1)}, {0, 2, input(2)}, {0, 3, input(3)}, {0, 4, weight(10)}, {0, 9, input(4)}};
  EXPECT_EQ(one.stepped(inputs_first, 20), (std::vector<Times>{{5, 6, 7, 10}}));
  EXPECT_EQ(one.values, (Values{{10, 20, 30, 40}}));
}

TEST(Linear, takes_the_weights_of_the_folds_in_turn_once_it_has_all) {
  Multipliers one({.groups = {.count = 1, .size = 1, .folds = 3}, .windows_in_row = 2});
  std::vector<Delivery> deliveries{{0, 1, weight(1)}, {0, 2, weight(10)}, {0, 3, input(2)}, {0, 5, weight(100)}};
  for (int i = 0; i < 5; ++i) deliveries.push_back({0, 6 + i, input(static_cast<float>(3 + i))});
  EXPECT_EQ(one.stepped(deliveries, 20), (std::vector<Times>{{6, 7, 8, 9, 10, 11}}));
  EXPECT_EQ(one.values, (Values{{2, 30, 400, 5, 60, 700}}));
}

// Three multipliers of a kernel row, with weights 1, 10 and 100, over inputs 1, 2, 3, ...
std::vector<Delivery> row(Cycle time, float first, const Times& later) {
  std::vector<Delivery> deliveries{{0, time, input(first)}, {1, time, input(first + 1)}, {2, time, input(first + 2)}};
  for (std::size_t i = 0; i < later.size(); ++i)
    deliveries.push_back({2, later[i], input(first + 3 + static_cast<float>(i))});
  return deliveries;
}

std::vector<Delivery> with_weights(std::vector<Delivery> deliveries) {
  for (int i = 0; i < 3; ++i)
    deliveries.push_back({i, 1, weight(std::array{1.0F, 10.0F, 100.0F}[static_cast<std::size_t>(i)])});
  return deliveries;
}

const Ingredients kSliding{.groups = {.count = 1, .size = 3, .slide = 3}, .windows_in_row = 3};

TEST(Linear, hands_inputs_on_to_the_left_neighbour_which_uses_them_a_cycle_later_for_the_next_window) {
  Multipliers kernel(kSliding);
  // The first window comes in cycle 2; after it only the last multiplier gets a new input.
  const std::vector<Times> seen = kernel.stepped(with_weights(row(2, 1, {3, 7})), 20);
  EXPECT_EQ(kernel.values, (Values{{1, 2, 3}, {20, 30, 40}, {300, 400, 500}})) << "windows 1 2 3, 2 3 4, 3 4 5";
  EXPECT_EQ(seen[2], (Times{3, 4, 8}));
  EXPECT_EQ(seen[1], (Times{3, 4, 5})) << "what its neighbour used in cycle 2 in cycle 3, visible in 4";
  EXPECT_EQ(seen[0], (Times{3, 4, 5}));
}

TEST(Linear, hands_inputs_on_to_the_right_where_the_last_kernel_column_is_on_the_left) {
  Ingredients rightward = kSliding;
  rightward.groups.rightward = true;
  Multipliers kernel(rightward);
  std::vector<Delivery> deliveries = with_weights(row(2, 1, {3, 7}));
  for (Delivery& d : deliveries) d.multiplier = 2 - d.multiplier;
  const std::vector<Times> seen = kernel.stepped(deliveries, 20);
  EXPECT_EQ(kernel.values, (Values{{300, 400, 500}, {20, 30, 40}, {1, 2, 3}}));
  EXPECT_EQ(seen, (std::vector<Times>{{3, 4, 8}, {3, 4, 5}, {3, 4, 5}}));
}

TEST(Linear, lets_windows_ripple_through_the_multipliers_one_a_cycle) {
  Multipliers kernel(kSliding, 1, true);
  EXPECT_EQ(kernel.stepped(with_weights(row(2, 1, {3, 7})), 20),
            (std::vector<Times>{{5, 6, 10}, {4, 5, 9}, {3, 4, 8}}));
  EXPECT_EQ(kernel.values, (Values{{1, 2, 3}, {20, 30, 40}, {300, 400, 500}}));
}

TEST(Linear, hands_nothing_on_from_the_last_window_of_a_row_and_begins_the_next_one_with_delivered_inputs) {
  Ingredients rows = kSliding;
  rows.rows_of_windows = 2;
  Multipliers kernel(rows);
  std::vector<Delivery> deliveries = row(2, 1, {3, 4});
  std::ranges::copy(row(5, 11, {6, 7}), std::back_inserter(deliveries));
  EXPECT_EQ(kernel.stepped(with_weights(deliveries), 20), (std::vector<Times>(3, Times{3, 4, 5, 6, 7, 8})));
  EXPECT_EQ(kernel.values[0], (std::vector<float>{1, 2, 3, 11, 12, 13}));
  EXPECT_EQ(kernel.part->counters().at("hops"), 2 * 2 * 2) << "two senders, two windows of each of two rows";
}

TEST(Linear, keeps_inputs_of_the_next_row_until_the_row_is_through) {
  Ingredients rows = kSliding;
  rows.rows_of_windows = 2;
  Multipliers kernel(rows);
  // The port of multipliers 0 and 1 is ahead: it delivers the second row while multiplier 2 waits for the first.
  std::vector<Delivery> deliveries = row(2, 1, {8, 9});
  std::ranges::copy(row(10, 11, {11, 12}), std::back_inserter(deliveries));
  for (Delivery& d : deliveries) {
    if (d.time == 10 && d.multiplier < 2) d.time = 3;
  }
  kernel.stepped(with_weights(deliveries), 30);
  EXPECT_EQ(kernel.values,
            (Values{{1, 2, 3, 11, 12, 13}, {20, 30, 40, 120, 130, 140}, {300, 400, 500, 1300, 1400, 1500}}));
}

TEST(Linear, keeps_early_weights_of_the_next_round_while_the_old_ones_are_in_use) {
  Multipliers one({.groups = {.count = 1, .size = 1, .folds = 2}});
  one.stepped({{0, 1, weight(1)},
               {0, 2, weight(10)},
               {0, 3, input(2)},
               {0, 4, weight(100)},
               {0, 5, weight(1000)},
               {0, 6, input(3)},
               {0, 7, input(4)},
               {0, 8, input(5)}},
              20);
  EXPECT_EQ(one.values, (Values{{2, 30, 400, 5000}}));
}

TEST(Linear, passes_a_zero_for_the_first_fold_and_then_what_comes_back) {
  Multipliers pair({.groups = {.count = 1, .size = 2, .folds = 3, .psum_multiplier = true}, .windows_in_row = 2});
  const std::vector<Times> seen = pair.stepped({{0, 4, input(7)}, {0, 5, input(8)}, {0, 9, input(9)}}, 20);
  EXPECT_EQ(seen[0], (Times{2, 5, 6, 7, 10})) << "the zero of the next output follows at once";
  EXPECT_EQ(pair.values[0], (std::vector<float>{0, 7, 8, 0, 9}));
  EXPECT_EQ(pair.part->counters().at("psum_forwards"), 3);
  EXPECT_FALSE(pair.part->has_flow());
}

TEST(Linear, counts_a_weight_again_after_each_use_and_drops_it_after_the_round) {
  Multipliers one({.groups = {.count = 1, .size = 1, .folds = 2}});
  std::vector<Delivery> deliveries{{0, 1, weight(1)}, {0, 2, weight(10)}, {0, 3, input(2)}, {0, 4, input(3)}};
  one.stepped(deliveries, 9);
  const std::map<std::string, Count> first{{"multiplications", 2}, {"input_forwards", 0}, {"hops", 0},
                                           {"psum_forwards", 0},   {"operand_pushes", 6}, {"operand_pops", 4},
                                           {"configurations", 1}};
  EXPECT_EQ(one.part->counters(), first);
  for (Delivery& d : deliveries) d.time += 10;
  one.stepped(deliveries, 19);
  EXPECT_EQ(one.part->counters().at("operand_pushes"), 12);
  EXPECT_EQ(one.part->counters().at("operand_pops"), 10) << "the two old weights as well";
}

TEST(Linear, has_the_same_products_and_counters_in_its_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(1000)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const int run = static_cast<int>(random.between(1, 4));
    const bool slides = run > 1 && random.one_in(2);
    const Ingredients given{.groups = {.count = static_cast<int>(random.between(1, 2)),
                                       .size = run * static_cast<int>(random.between(1, 2)),
                                       .folds = random.between(1, 3),
                                       .slide = slides ? run : 0,
                                       .rightward = random.one_in(2)},
                            .rows_of_windows = random.between(1, 3),
                            .windows_in_row = random.between(1, 4)};
    const std::int64_t latency = random.between(1, 3);
    const bool ripple = random.one_in(2);
    Multipliers clocked(given, latency, ripple);
    Multipliers streams(given, latency, ripple);
    std::vector<Delivery> deliveries;
    std::vector<Times> inputs;
    for (int i = 0; i < given.groups.used(); ++i) {
      for (Cycle fold = 1; fold <= given.groups.folds; ++fold) deliveries.push_back({i, fold, weight(1)});
      const int column = i % given.groups.size % run;
      const bool first_windows = slides && column != (given.groups.rightward ? 0 : run - 1);
      const Count windows = given.rows_of_windows * (first_windows ? 1 : given.windows_in_row);
      inputs.push_back(random_times(random, windows * given.groups.folds));
      for (Cycle& time : inputs.back()) deliveries.push_back({i, time += given.groups.folds, input(1)});
    }
    ASSERT_EQ(clocked.stepped(deliveries, 300), streams.flowed(inputs));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
