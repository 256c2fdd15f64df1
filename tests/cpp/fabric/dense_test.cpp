// The dense controller: steps of weights, then of inputs, one a cycle, and when the next round begins.
#include <gtest/gtest.h>

#include "harness/recipe.h"

namespace cairn::testing {
namespace {

// A round of 2 steps of weights and 4 of inputs, whose packets are 1 and 3.
Recipe two_folds(std::vector<fabric::Round> blocks) {
  return Ingredients{.groups = {.count = 1, .size = 2, .folds = 2},
                     .windows_in_row = 2,
                     .steps = {{{{0}}, {{0}, {1}, {0, 1}}, {}}},
                     .blocks = std::move(blocks)};
}

struct Controller : Bench {
  explicit Controller(Recipe given, const schema::Values& values = {})
      : Bench({.multipliers = 4, .ports_tell = values.contains("row_barrier")}, "memory", "dense", values),
        recipe(std::move(given)) {
    fabric::Program program = recipe.program();
    program.configure = [this](const fabric::Round& round) {
      part->configure(round);
      begun.push_back(now);
    };
    part->start(program);
  }

  void tick_until(Cycle last) {
    for (; now <= last; ++now) {
      part->tick(now);
      offered.push_back(links.offers->take(now));
    }
  }

  Recipe recipe;
  Cycle now = 1;
  std::vector<Count> offered;  // packets, by cycle
  Times begun;                 // cycles in which a round was configured
};

TEST(Dense, offers_a_whole_step_a_cycle_first_the_weights_of_all_folds) {
  Controller c(two_folds({{}}));
  c.tick_until(8);
  EXPECT_EQ(c.offered, (std::vector<Count>{1, 1, 3, 3, 3, 3, 0, 0}));
  EXPECT_TRUE(c.part->finished());
  EXPECT_EQ(c.part->counters(), (std::map<std::string, Count>{{"input_reads", 12}, {"steps", 6}, {"weight_reads", 2}}));
}

TEST(Dense, offers_only_the_new_inputs_of_windows_that_slide) {
  Recipe recipe = two_folds({{}});
  recipe.groups.slide = 2;
  recipe.rows_of_windows = 2;
  recipe.steps[2] = {{1}, {0, 1}};
  Controller c(recipe);
  c.tick_until(10);
  EXPECT_EQ(c.offered, (std::vector<Count>{1, 1, 3, 3, 2, 2, 3, 3, 2, 2})) << "the second row starts anew";
}

TEST(Dense, begins_the_next_round_when_the_awaited_results_are_stored_never_earlier) {
  Controller c(two_folds({awaiting(5), {}}));
  c.tick_until(10);
  EXPECT_EQ(c.begun, (Times{1}));
  EXPECT_EQ(c.part->waiting(), "5 more stored results");
  c.links.stored->add(4, 10);
  c.tick_until(12);
  EXPECT_EQ(c.begun, (Times{1}));
  EXPECT_EQ(c.part->waiting(), "1 more stored results");
  c.links.stored->add(1, 12);
  c.tick_until(30);
  EXPECT_EQ(c.begun, (Times{1, 13})) << "told at 13";
  EXPECT_TRUE(c.part->finished());
  EXPECT_EQ(c.part->waiting(), "");
}

TEST(Dense, does_not_interrupt_a_round_whose_successor_may_begin) {
  Controller c(two_folds({awaiting(1), {}}));
  c.links.stored->add(1, 1);
  c.tick_until(20);
  EXPECT_EQ(c.begun, (Times{1, 7}));
}

TEST(Dense, lets_rounds_that_await_nothing_follow_at_once) {
  Controller c(two_folds({{}, {}, {}}));
  c.tick_until(20);
  EXPECT_EQ(c.begun, (Times{1, 7, 13}));
}

TEST(Dense, that_reads_a_few_words_a_cycle_offers_the_inputs_of_a_step_in_as_many_cycles) {
  Controller c(two_folds({{}}), {{"words_per_cycle", std::int64_t{2}}});
  c.tick_until(12);
  EXPECT_EQ(c.offered, (std::vector<Count>{1, 1, 2, 1, 2, 1, 2, 1, 2, 1, 0, 0}));
  EXPECT_EQ(c.part->counters().at("steps"), 6);
}

TEST(Dense, that_sets_up_the_multipliers_does_so_before_weights_and_before_each_row) {
  Recipe recipe = two_folds({{}, {}});
  recipe.rows_of_windows = 2;
  recipe.windows_in_row = 1;
  Controller c(recipe, {{"setup_cycles", std::int64_t{2}}});
  c.tick_until(24);
  const std::vector<Count> round{0, 0, 1, 1, 0, 0, 3, 3, 0, 0, 3, 3};
  EXPECT_EQ(c.offered, [&] {
    std::vector<Count> both = round;
    both.insert(both.end(), round.begin(), round.end());
    return both;
  }());
}

TEST(Dense, with_barriers_waits_for_the_ports_after_weights_and_first_windows_and_for_the_results_of_a_row) {
  fabric::Round round = awaiting(4);
  round.results = 4;
  Recipe recipe = two_folds({round});
  recipe.rows_of_windows = 2;
  Controller c(recipe, {{"row_barrier", true}});
  const auto offers_until = [&](Cycle last) {
    c.offered.clear();
    c.tick_until(last);
    return c.offered;
  };
  EXPECT_EQ(offers_until(5), (std::vector<Count>{1, 1, 0, 0, 0})) << "the weights";
  c.links.sent->add(2, 5);
  EXPECT_EQ(offers_until(9), (std::vector<Count>{3, 3, 0, 0})) << "told at 6: the first window";
  c.links.sent->add(6, 9);
  EXPECT_EQ(offers_until(13), (std::vector<Count>{3, 3, 0, 0})) << "the rest of the row";
  c.links.sent->add(6, 13);
  EXPECT_EQ(offers_until(15), (std::vector<Count>{0, 0})) << "its results are not stored";
  c.links.stored->add(2, 15);
  EXPECT_EQ(offers_until(17), (std::vector<Count>{3, 3})) << "the second row";
  EXPECT_FALSE(c.part->has_flow());
}

TEST(Dense, has_the_same_offers_and_counters_in_its_stream_form) {
  fabric::Round round;
  round.weight_reads = 2;
  round.input_reads = 12;
  Controller clocked(two_folds({round}));
  clocked.tick_until(10);
  Controller streams(two_folds({round}));
  streams.part->configure(streams.recipe.at(0));
  streams.part->flow();
  EXPECT_EQ(streams.links.offers->streams[0].times(), (Times{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(streams.part->counters(), clocked.part->counters());
}

}  // namespace
}  // namespace cairn::testing
