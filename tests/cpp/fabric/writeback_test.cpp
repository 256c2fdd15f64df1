// The write queue: how much of it is stored in a cycle, and when the round is done.
#include <gtest/gtest.h>

#include "harness/bench.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

// The queue behind the lines of an array; `finish` is the cycle in which the last output of the round is stored.
struct Queue : Bench {
  Queue(const std::string& drain, fabric::Round r)
      : Bench("writeback", "write-queue", r.used, {{"drain", drain}}), round(r), ledger({r}) {
    part->start({&ledger, {}, {}});
    part->configure(round);
  }

  // When a signal that the round is done arrives.
  Times stepped(const std::vector<Times>& results, Cycle last) {
    Times done;
    for (Cycle now = 1; now <= last; ++now) {
      for (std::size_t line = 0; line < results.size(); ++line) {
        for (const Cycle t : results[line]) {
          if (t == now) links.results->push(static_cast<int>(line), {static_cast<float>(sent + 1), sent}, now), ++sent;
        }
      }
      part->tick(now);
      stored.push_back(static_cast<int>(ledger.entries.size()));
      if (links.done->take(now)) done.push_back(now);
    }
    return done;
  }

  fabric::Round round;
  Ledger ledger;
  std::vector<int> stored;  // outputs stored by the end of each cycle
  int sent = 0;
};

const fabric::Round kFive{1, {1, 5}, {1, 5}};
const std::vector<Times> kAtOnce(5, Times{1});

TEST(WriteQueue, that_drains_all_stores_what_is_there_and_tells_in_the_next_cycle) {
  Queue queue("all", kFive);
  EXPECT_EQ(queue.stepped(kAtOnce, 4), (Times{2}));
  EXPECT_EQ(queue.stored, (std::vector<int>{5, 5, 5, 5}));
}

TEST(WriteQueue, that_drains_half_stores_half_of_the_queue_rounded_up) {
  Queue queue("half", kFive);
  EXPECT_EQ(queue.stepped(kAtOnce, 6), (Times{4}));
  EXPECT_EQ(queue.stored, (std::vector<int>{3, 4, 5, 5, 5, 5}));
}

TEST(WriteQueue, that_drains_half_halves_what_is_left_over_together_with_what_arrives) {
  Queue queue("half", {1, {2, 4}, {2, 4}});
  // 4 arrive: 2 stored; 2 + 3 queued: 3 stored; 2 + 1: 2; then 1.
  queue.stepped({{1, 2, 3}, {1, 2}, {1, 2}, {1}}, 6);
  EXPECT_EQ(queue.stored, (std::vector<int>{2, 5, 7, 8, 8, 8}));
}

TEST(WriteQueue, stores_each_value_at_the_place_of_its_accumulator) {
  Queue queue("all", {1, {2, 2}, {2, 2}});
  queue.stepped(std::vector<Times>(4, Times{1}), 2);
  EXPECT_EQ(queue.ledger.entries, (std::vector<Ledger::Entry>{{0, 0, 0, 1}, {0, 0, 1, 2}, {0, 1, 0, 3}, {0, 1, 1, 4}}));
}

TEST(WriteQueue, writes_no_padding_but_waits_for_it) {
  Queue queue("all", {1, {2, 2}, {1, 2}});
  EXPECT_EQ(queue.stepped({{1}, {1}, {5}, {9}}, 12), (Times{10}));
  EXPECT_EQ(queue.ledger.entries.size(), 2U);
  EXPECT_EQ(queue.part->counters(), (std::map<std::string, Count>{{"output_writes", 2}, {"results", 4}}));
}

TEST(WriteQueue, waits_for_results_that_have_not_come) {
  Queue queue("half", kFive);
  EXPECT_TRUE(queue.stepped({{1}, {1}, {2}}, 20).empty());
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
    const fabric::Round round{1, {beats, lines}, {beats, lines}};
    std::vector<Times> results;
    for (int line = 0; line < lines; ++line) results.push_back(random_times(random, beats));
    Queue clocked(drain, round);
    Queue streams(drain, round);
    const Times done = clocked.stepped(results, 80);
    ASSERT_EQ(done.size(), 1U);
    for (std::size_t line = 0; line < results.size(); ++line)
      streams.links.results->streams[line] = kernel::Stream::of(results[line]);
    streams.part->flow();
    ASSERT_EQ(streams.links.done->streams[0].last(), done[0] - 1);
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
