// The controller of independent lanes: when filters are loaded, who takes which output, and what a stop changes.
#include <gtest/gtest.h>

#include <limits>

#include "fabric/part.h"
#include "harness/bench.h"

namespace cairn::testing {
namespace {

using schema::Values;

// Filters of `windows` outputs each, of four terms; remembers who took what.
struct Work final : fabric::Rounds, fabric::Sums {
  Work(Count filters, Count windows) : filters_(filters), windows_(windows) {}
  Count size() const override { return 1; }
  fabric::Round at(Count) const override {
    const Count outputs = filters_ * windows_;
    return {.steps = 4, .used = {1, 2}, .valid = {1, 2}, .results = outputs, .outputs = outputs, .awaited = outputs};
  }
  fabric::Stored store(Count, int, float) override { return fabric::Stored::written; }
  Count filters() const override { return filters_; }
  Count windows() const override { return windows_; }
  bool sorted() const override { return true; }
  void load(Count) override {}
  void take(Count output, int lane) override { taken.emplace_back(output, lane); }
  Term term(int, Count k) const override { return {{1, 1}, k == 3, {k == 0, k == 3, 0, 0, 0}}; }
  Count length(Count) const override { return 4; }
  Count padding(Count) const override { return 0; }

  std::vector<std::pair<Count, int>> taken;

 private:
  Count filters_;
  Count windows_;
};

// Two lanes. `fetched` are the cycles in which each fetches.
struct Controller {
  Controller(Count filters, Count windows, std::int64_t held = 4, std::int64_t weights_per_cycle = 4)
      : work(filters, windows) {
    links.fetches = &fetches;
    links.tags = &tags;
    links.stops = &stops;
    links.stored = &stored;
    const Values values{{"filters_held", held},
                        {"weights_per_cycle", weights_per_cycle},
                        {"order", std::string("sign")},
                        {"prefix", std::int64_t{0}},
                        {"threshold", std::int64_t{0}}};
    part = fabric::part("memory", "lanes").make(values, fabric::Array{{1, 2}}, links);
    part->start({.rounds = &work, .sums = &work, .configure = [this](const fabric::Round& r) { part->configure(r); }});
  }

  void tick_until(Cycle last) {
    for (; now <= last; ++now) {
      part->tick(now);
      auto& frame = fetches.incoming(now);
      frame.valid.for_each([&](int lane) { fetched.at(static_cast<std::size_t>(lane)).push_back(now); });
      const Count count = frame.valid.count();
      fetches.take_all(now, count);
      tags.take_all(now, count);
    }
  }

  Work work;
  kernel::Wires<fabric::Pair> fetches{"fetches", 2, 0};
  kernel::Wires<fabric::Tag> tags{"tags", 2, 0};
  kernel::Queues<Count> stops{"stops", 2, 1, 0, true};
  kernel::Tally stored{"stored", 1, true};
  fabric::Links links;
  std::unique_ptr<fabric::Part> part;
  Cycle now = 1;
  std::array<Times, 2> fetched;
};

using Taken = std::vector<std::pair<Count, int>>;

TEST(Lanes, begin_when_all_weights_of_the_filter_are_there_never_earlier) {
  Controller c(1, 2, 4, 2);
  c.tick_until(20);
  EXPECT_EQ(c.fetched[0], (Times{3, 4, 5, 6})) << "loaded in cycles 1 and 2";
  EXPECT_EQ(c.fetched[1], (Times{3, 4, 5, 6}));
  EXPECT_TRUE(c.part->finished());
}

TEST(Lanes, take_the_next_output_at_once) {
  Controller c(1, 3);
  c.tick_until(20);
  EXPECT_EQ(c.fetched[0], (Times{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(c.work.taken, (Taken{{0, 0}, {1, 1}, {2, 0}}));
}

TEST(Lanes, leave_an_output_when_they_are_told_to_and_wait_for_nobody) {
  Controller c(1, 4);
  c.tick_until(3);
  c.stops.push(1, 1, 3);
  c.tick_until(20);
  EXPECT_EQ(c.fetched[0], (Times{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(c.fetched[1], (Times{2, 3, 4, 5, 6, 7})) << "two terms of the first output, told at 4";
  EXPECT_EQ(c.work.taken, (Taken{{0, 0}, {1, 1}, {2, 1}, {3, 0}}));
}

TEST(Lanes, pay_no_heed_to_a_stop_of_a_sum_that_is_fetched_already) {
  Controller c(1, 4);
  c.tick_until(5);
  c.stops.push(1, 1, 5);
  c.tick_until(20);
  EXPECT_EQ(c.fetched[1], (Times{2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(Lanes, hold_so_many_filters_and_load_the_next_when_the_oldest_is_done) {
  Controller c(3, 1, 1);
  c.tick_until(30);
  EXPECT_EQ(c.fetched[0], (Times{2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15})) << "loads in 1, 6 and 11";
  EXPECT_TRUE(c.fetched[1].empty());
  Controller two(3, 1, 2);
  two.tick_until(30);
  EXPECT_EQ(two.fetched[0], (Times{2, 3, 4, 5, 7, 8, 9, 10}));
  EXPECT_EQ(two.fetched[1], (Times{3, 4, 5, 6})) << "loads in 1, 2 and 6";
}

TEST(Lanes, count_what_they_read_and_write) {
  Controller c(2, 2);
  c.tick_until(20);
  const std::map<std::string, Count> expected{{"weight_reads", 8},  {"index_reads", 8}, {"input_reads", 12},
                                              {"padding_words", 4}, {"loads", 2},       {"filter_writes", 32},
                                              {"filter_reads", 32}};
  EXPECT_EQ(c.part->counters(), expected);
}

}  // namespace
}  // namespace cairn::testing
