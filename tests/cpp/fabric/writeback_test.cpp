// The write queue: how much of it is stored in a cycle, and when the round is done.
#include <gtest/gtest.h>

#include "harness/recipe.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

// The queue behind the lines of an array.
struct Queue : Bench {
  Queue(const std::string& drain, fabric::Round r)
      : Bench("writeback", "write-queue", r.used, {{"drain", drain}}), round(r), ledger({r}, r.used.columns) {
    part->start({.rounds = &ledger, .panels = &ledger});
    part->configure(round);
  }

  // In which cycles results are told to be stored, one entry each.
  Times stepped(const std::vector<Times>& results, Cycle last) {
    Times told;
    for (Cycle now = 1; now <= last; ++now) {
      for (std::size_t line = 0; line < results.size(); ++line) {
        for (const Cycle t : results[line]) {
          if (t == now) links.results->push(static_cast<int>(line), {static_cast<float>(sent + 1), sent}, now), ++sent;
        }
      }
      part->tick(now);
      stored.push_back(static_cast<int>(ledger.entries.size()));
      told.insert(told.end(), static_cast<std::size_t>(links.stored->take(now)), now);
    }
    return told;
  }

  fabric::Round round;
  Ledger ledger;
  std::vector<int> stored;  // outputs stored by the end of each cycle
  int sent = 0;
};

const fabric::Round kFive = systolic_round(1, {1, 5});
const std::vector<Times> kAtOnce(5, Times{1});

TEST(WriteQueue, that_drains_all_stores_what_is_there_and_tells_in_the_next_cycle) {
  Queue queue("all", kFive);
  EXPECT_EQ(queue.stepped(kAtOnce, 4), (Times(5, 2)));
  EXPECT_EQ(queue.stored, (std::vector<int>{5, 5, 5, 5}));
}

TEST(WriteQueue, that_drains_half_stores_half_of_the_queue_rounded_up) {
  Queue queue("half", kFive);
  EXPECT_EQ(queue.stepped(kAtOnce, 6), (Times{2, 2, 2, 3, 4}));
  EXPECT_EQ(queue.stored, (std::vector<int>{3, 4, 5, 5, 5, 5}));
}

TEST(WriteQueue, that_drains_half_halves_what_is_left_over_together_with_what_arrives) {
  Queue queue("half", systolic_round(1, {2, 4}));
  // 4 arrive: 2 stored; 2 + 3 queued: 3 stored; 2 + 1: 2; then 1.
  queue.stepped({{1, 2, 3}, {1, 2}, {1, 2}, {1}}, 6);
  EXPECT_EQ(queue.stored, (std::vector<int>{2, 5, 7, 8, 8, 8}));
}

TEST(WriteQueue, stores_each_value_at_the_place_of_its_accumulator) {
  Queue queue("all", systolic_round(1, {2, 2}));
  queue.stepped(std::vector<Times>(4, Times{1}), 2);
  EXPECT_EQ(queue.ledger.entries, (std::vector<Ledger::Entry>{{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {0, 3, 4}}));
}

TEST(WriteQueue, writes_no_padding_but_waits_for_it) {
  Queue queue("all", systolic_round(1, {2, 2}, {1, 2}));
  EXPECT_EQ(queue.stepped({{1}, {1}, {5}, {9}}, 12), (Times{2, 2, 6, 10}));
  EXPECT_EQ(queue.ledger.entries.size(), 2U);
  EXPECT_TRUE(queue.part->finished());
  EXPECT_EQ(queue.part->counters(),
            (std::map<std::string, Count>{{"output_writes", 2}, {"psum_reads", 0}, {"results", 4}}));
}

TEST(WriteQueue, waits_for_results_that_have_not_come) {
  Queue queue("half", kFive);
  EXPECT_EQ(queue.stepped({{1}, {1}, {2}}, 20).size(), 3U);
  EXPECT_FALSE(queue.part->finished());
  EXPECT_EQ(queue.part->waiting(), "2 more results");
}

TEST(WriteQueue, is_done_in_the_same_cycle_in_its_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(500)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SplitMix64 random(seed);
    const std::string drain = random.one_in(2) ? "all" : "half";
    const int lines = static_cast<int>(random.between(1, 6));
    const int beats = static_cast<int>(random.between(1, 5));
    const fabric::Round round = systolic_round(1, {beats, lines});
    std::vector<Times> results;
    for (int line = 0; line < lines; ++line) results.push_back(random_times(random, beats));
    Queue clocked(drain, round);
    Queue streams(drain, round);
    const Times told = clocked.stepped(results, 80);
    ASSERT_EQ(static_cast<Count>(told.size()), round.results);
    for (std::size_t line = 0; line < results.size(); ++line)
      streams.links.results->streams[line] = kernel::Stream::of(results[line]);
    streams.part->flow();
    ASSERT_EQ(streams.links.stored->streams[0].times(), (Times{told.back() - 1}));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

// Behind two virtual neurons of 4 multipliers, each with a read port of its own, that need 3 folds an output.
struct Folding : Bench {
  Folding()
      : Bench({.multipliers = 8, .ports = 2}, "writeback", "write-queue", {{"drain", std::string("all")}}),
        recipe({.groups = {.count = 2, .size = 4, .folds = 3, .psum_multiplier = true}}) {
    fabric::Round round;
    round.results = 6;
    recipe.blocks = {round};
    part->start(recipe.program());
    part->configure(round);
  }
  void arrives(int neuron, float value, Cycle now) {
    links.results->push(0, {value, neuron}, now);
    part->tick(now);
  }
  Recipe recipe;
};

TEST(WriteQueue, sends_all_but_the_last_fold_of_an_output_back_to_its_virtual_neuron_in_the_same_cycle) {
  Folding queue;
  queue.arrives(1, 7, 1);
  ASSERT_TRUE(queue.links.psums->can_pop(1, 1)) << "multiplier 4 is behind port 1";
  const fabric::Psum psum = queue.links.psums->pop(1, 1);
  EXPECT_EQ(psum.value, 7);
  EXPECT_EQ(psum.multiplier, 4);
  queue.arrives(0, 3, 2);
  EXPECT_EQ(queue.links.psums->pop(0, 2).multiplier, 0);
  queue.arrives(1, 8, 3);
  EXPECT_EQ(queue.links.psums->pop(1, 3).value, 8);
  queue.arrives(1, 9, 4);
  EXPECT_EQ(queue.links.psums->in_flight(), 0) << "the output is complete";
  EXPECT_FALSE(queue.part->finished());
  EXPECT_EQ(queue.part->counters(),
            (std::map<std::string, Count>{{"output_writes", 4}, {"psum_reads", 3}, {"results", 4}}));
}

TEST(WriteQueue, numbers_the_results_of_each_virtual_neuron) {
  Folding queue;
  queue.arrives(1, 7, 1);
  queue.arrives(0, 3, 2);
  queue.arrives(1, 8, 3);
  EXPECT_EQ(queue.recipe.entries, (std::vector<Ledger::Entry>{{0, 1, 7}, {0, 0, 3}, {1, 1, 8}}));
}

}  // namespace
}  // namespace cairn::testing
