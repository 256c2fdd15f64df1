// The controllers of sparse machines: configuration, weights, inputs with or without partial sums, rest, and when the
// next fold or row begins.
#include <gtest/gtest.h>

#include "harness/draws.h"
#include "harness/recipe.h"

namespace cairn::testing {
namespace {

struct Controller : Bench {
  Controller(const std::string& type, std::vector<Ingredients> folds, const schema::Values& values = {})
      : Bench({.multipliers = 8}, "memory", type, values), recipe(Recipe::anew(std::move(folds))) {
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
  Times begun;                 // cycles in which a fold was configured
};

schema::Values cycles(std::int64_t configure, std::int64_t drain = 0) {
  return {{"configure_cycles", configure}, {"drain_cycles", drain}};
}

// Of `weights` packets, and of `windows` steps with `inputs` packets each.
Ingredients fold_of(int weights, int inputs, Count windows, Count awaited = 0) {
  Ingredients fold{.groups = {.count = 1, .ends = {weights}}, .windows_in_row = windows};
  for (int m = 0; m < weights; ++m) fold.steps[0].add(m);
  for (int m = 0; m < inputs; ++m) fold.steps[1].add(m);
  fabric::Round& round = fold.blocks.front();
  round.results = windows;
  round.awaited = awaited;
  round.weight_reads = weights;
  round.input_reads = inputs * windows;
  return fold;
}

TEST(BitmapController, configures_then_offers_all_weights_then_a_step_of_inputs_a_cycle) {
  Controller c("bitmap", {fold_of(5, 3, 2)}, cycles(2));
  c.tick_until(7);
  EXPECT_EQ(c.offered, (std::vector<Count>{0, 0, 5, 3, 3, 0, 0}));
  EXPECT_TRUE(c.part->finished());
  EXPECT_EQ(c.part->counters(),
            (std::map<std::string, Count>{{"weight_reads", 5}, {"input_reads", 6}, {"psum_reads", 0}, {"steps", 3}}));
}

TEST(BitmapController, offers_each_fold_its_own_packets) {
  Controller c("bitmap", {fold_of(5, 3, 2), fold_of(2, 1, 2)}, cycles(0));
  c.tick_until(7);
  EXPECT_EQ(c.offered, (std::vector<Count>{5, 3, 3, 2, 1, 1, 0}));
  EXPECT_EQ(c.begun, (Times{1, 4}));
}

TEST(BitmapController, begins_the_next_fold_when_the_awaited_results_are_stored_never_earlier) {
  Controller c("bitmap", {fold_of(4, 4, 2, 2), fold_of(4, 4, 2, 4)}, cycles(1));
  c.tick_until(10);
  EXPECT_EQ(c.part->waiting(), "2 more stored results");
  c.links.stored->add(1, 10);
  c.tick_until(12);
  EXPECT_EQ(c.begun, (Times{1}));
  c.links.stored->add(1, 12);
  c.tick_until(17);
  EXPECT_EQ(c.begun, (Times{1, 13})) << "told at 13";
  EXPECT_EQ(c.offered, (std::vector<Count>{0, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 0}));
}

TEST(BitmapController, rests_after_the_last_inputs_of_a_fold) {
  Controller c("bitmap", {fold_of(4, 1, 2), fold_of(3, 1, 1)}, cycles(1, 3));
  c.tick_until(14);
  // Configuration, weights, two steps, rest of three cycles; then the same with one step.
  EXPECT_EQ(c.offered, (std::vector<Count>{0, 4, 1, 1, 0, 0, 0, 0, 3, 1, 0, 0, 0, 0}));
  EXPECT_EQ(c.begun, (Times{1, 8}));
}

TEST(BitmapController, rests_even_if_the_awaited_results_are_stored_long_before) {
  Controller c("bitmap", {fold_of(4, 1, 1, 1), fold_of(3, 1, 1, 2)}, cycles(0, 4));
  c.links.stored->add(1, 1);
  c.tick_until(8);
  EXPECT_EQ(c.begun, (Times{1, 7})) << "weights 1, inputs 2, rest 3 to 6";
}

TEST(BitmapController, reads_a_partial_sum_with_every_step_of_a_vector_that_goes_on) {
  Ingredients goes_on = fold_of(3, 4, 5);
  goes_on.groups = {.count = 1, .psum_multiplier = true, .psums_streamed = true, .ends = {4}};
  Controller c("bitmap", {fold_of(4, 4, 5), goes_on});
  c.tick_until(30);
  EXPECT_EQ(c.part->counters().at("psum_reads"), 5) << "none in the first fold";
}

TEST(CsrController, offers_a_step_of_weights_for_every_fold_of_a_row_and_one_of_inputs_for_every_fold_of_a_window) {
  Ingredients row{.groups = {.count = 2, .size = 3, .folds = 2}, .windows_in_row = 3};
  row.steps[0] = {{0, 3}, {1, 4}, {2, 5}};
  for (int m = 0; m < 6; ++m) row.steps[1].add(m);
  Controller c("csr", {row}, {{"configure_cycles", std::int64_t{1}}});
  c.tick_until(11);
  EXPECT_EQ(c.offered, (std::vector<Count>{0, 3, 3, 6, 6, 6, 6, 6, 6, 0, 0}));
  EXPECT_EQ(c.part->counters().at("steps"), 2 + 3 * 2);
  EXPECT_FALSE(c.part->counters().contains("psum_reads"));
}

TEST(SparseControllers, have_the_same_offers_and_counters_in_their_stream_form) {
  for_draws(1, [](SplitMix64& random) {
    const bool bitmap = random.one_in(2);
    const std::int64_t configure = random.between(0, 3);
    const schema::Values values =
        bitmap ? cycles(configure, random.between(0, 3)) : schema::Values{{"configure_cycles", configure}};
    std::vector<Ingredients> folds;
    for (int i = 0; i < 3; ++i) {
      const Count windows = random.between(1, 5);
      folds.push_back(fold_of(static_cast<int>(random.between(1, 6)), static_cast<int>(random.between(1, 6)), windows));
      fabric::Clusters& groups = folds.back().groups;
      if (bitmap) {
        groups.psums_streamed = groups.psum_multiplier = random.one_in(2);
      } else {
        groups = {.count = 1, .size = groups.used(), .folds = random.between(1, 3)};
        folds.back().blocks.front().weight_reads *= groups.folds;
        folds.back().blocks.front().input_reads *= groups.folds;
      }
    }
    const char* type = bitmap ? "bitmap" : "csr";
    Controller clocked(type, folds, values);
    clocked.tick_until(150);
    ASSERT_TRUE(clocked.part->finished());
    Controller streams(type, folds, values);
    Times offers;
    for (Count i = 0; i < 3; ++i) {
      streams.recipe.enter(i);
      streams.links.round.at_rest = i == 0;
      streams.part->configure(streams.recipe.at(i));
      streams.part->flow();
      std::ranges::copy(streams.links.offers->streams[0].times(), std::back_inserter(offers));
    }
    Times seen;
    for (std::size_t cycle = 0; cycle < clocked.offered.size(); ++cycle) {
      if (clocked.offered[cycle] > 0) seen.push_back(static_cast<Cycle>(cycle) + 1);
    }
    ASSERT_EQ(seen, offers);
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  });
}

}  // namespace
}  // namespace cairn::testing
