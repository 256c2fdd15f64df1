// The controller: set-up, one step a cycle, and when the next tile begins.
#include <gtest/gtest.h>

#include "harness/bench.h"

namespace cairn::testing {
namespace {

using schema::Value;

// The controller alone; `posted` are the cycles in which it posts a step.
struct Controller {
  Controller(const schema::Values& values, std::vector<fabric::Round> rounds, bool overlapped = false,
             std::int64_t room = 0, const char* type = "systolic-os")
      : bench("memory", type, {2, 3}, values, room), ledger(std::move(rounds)) {
    bench.array.overlapped = overlapped;
    if (overlapped) bench.part = fabric::part("memory", "systolic-os").make(complete(values), bench.array, bench.links);
    fabric::Part* part = bench.part.get();
    part->start({.rounds = &ledger,
                 .panels = &ledger,
                 .configure = [part](const fabric::Round& r) { part->configure(r); },
                 .interval = [part](const fabric::Round& r) { return part->interval(r); }});
  }

  static schema::Values complete(schema::Values values) {
    values.emplace("setup_cycles", std::int64_t{1});
    values.emplace("overlap", true);
    values.emplace("whole_array", false);
    values.emplace("count_setup", true);
    return values;
  }

  void tick_until(Cycle last) {
    for (; now <= last; ++now) {
      bench.part->tick(now);
      if (!bench.links.posts->can_pop(0, now) || now % drain_every != 0) continue;
      first_words.push_back(*bench.links.posts->pop(0, now));
      posted.push_back(now);
    }
  }

  Bench bench;
  Ledger ledger;
  Cycle now = 1;
  Cycle drain_every = 1;
  Times posted;
  std::vector<float> first_words;
};

const fabric::Round kThreeSteps = systolic_round(3, {2, 3});

TEST(SystolicOs, posts_a_step_a_cycle_after_the_set_up_never_earlier) {
  Controller c({{"setup_cycles", std::int64_t{2}}}, {kThreeSteps});
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{3, 4, 5}));
  EXPECT_EQ(c.first_words, (std::vector<float>{0, 5, 10})) << "a step is a word for each column and row";
}

TEST(SystolicOs, posts_in_the_first_cycle_without_set_up) {
  Controller c({{"setup_cycles", std::int64_t{0}}}, {kThreeSteps});
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{1, 2, 3}));
}

TEST(SystolicOs, begins_the_next_tile_when_the_last_output_is_stored_never_earlier) {
  Controller c({}, {kThreeSteps, kThreeSteps});
  c.tick_until(10);
  EXPECT_EQ(c.posted.size(), 3U);
  EXPECT_EQ(c.bench.part->waiting(), "the last output of the tile");
  c.bench.links.stored->add(5, 9);
  c.tick_until(11);
  EXPECT_EQ(c.posted.size(), 3U) << "5 of 6 outputs are stored";
  c.bench.links.stored->add(1, 11);
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{2, 3, 4, 13, 14, 15})) << "told at 12, one cycle of set-up";
  EXPECT_EQ(c.first_words[3], 100);
}

TEST(SystolicOs, lets_overlapped_tiles_follow_at_once_with_one_set_up) {
  Controller c({{"overlap", true}}, {kThreeSteps, kThreeSteps}, true);
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{2, 3, 4, 5, 6, 7}));
}

TEST(SystolicOs, waits_for_room_at_the_ports) {
  Controller c({}, {kThreeSteps}, false, 1);
  c.drain_every = 4;
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{4, 8, 12}));
}

TEST(SystolicOs, counts_reads_of_used_rows_and_columns_and_padding_apart) {
  Controller c({}, {systolic_round(3, {2, 3}, {1, 2})});
  c.tick_until(20);
  const std::map<std::string, Count> expected{
      {"input_reads", 3}, {"padding_words", 6}, {"setups", 1}, {"weight_reads", 6}};
  EXPECT_EQ(c.bench.part->counters(), expected);
}

TEST(SystolicOs, has_the_same_posts_and_counters_in_its_stream_form) {
  Controller clocked({{"setup_cycles", std::int64_t{4}}}, {kThreeSteps});
  clocked.tick_until(20);
  Bench streams("memory", "systolic-os", {2, 3}, {{"setup_cycles", std::int64_t{4}}});
  streams.part->configure(kThreeSteps);
  streams.part->flow();
  EXPECT_EQ(streams.links.posts->streams[0].times(), clocked.posted);
  EXPECT_EQ(streams.part->counters(), clocked.bench.part->counters());
}

// Two lines of words that stay, then three of words that stream past them.
fabric::Round fold(fabric::Extent valid) {
  fabric::Round round = systolic_round(3, {2, 3}, valid);
  round.loads = 2;
  round.results = 9;
  return round;
}

TEST(SystolicStationary, posts_the_words_that_stay_and_then_those_that_stream) {
  Controller c({{"setup_cycles", std::int64_t{2}}}, {fold({2, 3})}, false, 0, "systolic-stationary");
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{3, 4, 5, 6, 7}));
  EXPECT_EQ(c.first_words, (std::vector<float>{0, 5, 10, 15, 20}));
}

TEST(SystolicStationary, begins_the_next_fold_when_the_last_sum_is_stored) {
  Controller c({{"setup_cycles", std::int64_t{0}}}, {fold({2, 3}), fold({2, 3})}, false, 0, "systolic-stationary");
  c.tick_until(8);
  c.bench.links.stored->add(9, 8);
  c.tick_until(20);
  EXPECT_EQ(c.posted, (Times{1, 2, 3, 4, 5, 9, 10, 11, 12, 13}));
}

// One term and two columns of 2 x 3: the line of the other row is padding, and a word of every other.
TEST(SystolicStationary, counts_reads_of_the_operand_that_stays_and_of_the_other) {
  for (const bool inputs : {false, true}) {
    Controller c({{"stationary", inputs ? "inputs" : "weights"}}, {fold({1, 2})}, false, 0, "systolic-stationary");
    c.tick_until(20);
    const std::map<std::string, Count> expected{{"weight_reads", inputs ? 3 : 2},
                                                {"input_reads", inputs ? 2 : 3},
                                                {"padding_words", 2 * 3 + 3 * 2 - 5},
                                                {"setups", 1}};
    EXPECT_EQ(c.bench.part->counters(), expected);
    Bench streams("memory", "systolic-stationary", {2, 3}, {{"stationary", inputs ? "inputs" : "weights"}});
    streams.part->configure(fold({1, 2}));
    streams.part->flow();
    EXPECT_EQ(streams.part->counters(), expected);
    EXPECT_EQ(streams.links.posts->streams[0].times(), c.posted);
  }
}

}  // namespace
}  // namespace cairn::testing
