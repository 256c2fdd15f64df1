// Accumulators that check signs, one product a cycle: when a sum is left, what is handed over, and what is dropped.
#include <gtest/gtest.h>

#include <limits>

#include "fabric/part.h"
#include "harness/bench.h"

namespace cairn::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One lane. Sums of so many products; those after `from` (from 0 on) are held against the limits.
struct Accumulator {
  struct Limits {
    int from = 0;
    float low = 0;
    float high = kInfinity;
    float zero = 0;
  };

  explicit Accumulator(Cycle latency = 0, Cycle stop_latency = 1)
      : sums("sums", 1, latency), stops("stops", 1, stop_latency, 0, true) {
    links.products = &products;
    links.tags = &tags;
    links.sums = &sums;
    links.stops = &stops;
    part = fabric::part("reduction", "sign-check")
               .make({{"latency", latency}, {"stop_latency", stop_latency}}, fabric::Array{{1, 1}}, links);
    part->configure({.steps = 1, .used = {1, 1}, .valid = {1, 1}});
  }

  void sum(const std::vector<float>& terms, const Limits& limits) {
    for (std::size_t k = 0; k < terms.size(); ++k) {
      const bool checked = static_cast<int>(k) >= limits.from;
      products.push(0, terms[k], now);
      tags.push(0,
                {k == 0, k + 1 == terms.size(), checked ? limits.low : -kInfinity, checked ? limits.high : kInfinity,
                 limits.zero},
                now);
      tick();
    }
  }

  void tick() {
    part->tick(now);
    for (; sums.can_pop(0, now); values.push_back(sums.pop(0, now).value)) handed_over.push_back(now);
    for (; stops.can_pop(0, now); stopped.push_back(stops.pop(0, now))) told.push_back(now);
    ++now;
  }

  kernel::Wires<float> products{"products", 1, 0};
  kernel::Wires<fabric::Tag> tags{"tags", 1, 0};
  kernel::Queues<fabric::Result> sums;
  kernel::Queues<Count> stops;
  fabric::Links links;
  std::unique_ptr<fabric::Part> part;
  Cycle now = 1;
  std::vector<float> values;
  Times handed_over;
  std::vector<Count> stopped;
  Times told;
};

TEST(SignCheck, hands_a_sum_over_when_it_is_below_its_limit_never_earlier) {
  Accumulator one;
  one.sum({2, 1, -3, -1, -5}, {.from = 1});
  EXPECT_EQ(one.handed_over, (Times{4})) << "2, 3, 0 are not below 0, -1 is";
  EXPECT_EQ(one.values, (std::vector<float>{-1}));
}

TEST(SignCheck, tells_the_controller_after_its_latency_which_sum_of_the_lane_it_is) {
  Accumulator one(0, 3);
  one.sum({1, 1}, {});
  one.sum({-1, -1, -1, -1}, {});
  for (int i = 0; i < 3; ++i) one.tick();
  EXPECT_EQ(one.stopped, (std::vector<Count>{2}));
  EXPECT_EQ(one.told, (Times{3 + 3}));
}

TEST(SignCheck, drops_what_is_on_its_way_and_begins_the_next_sum_from_zero) {
  Accumulator one;
  one.sum({-1, 100, 100}, {});
  one.sum({4, 5}, {});
  EXPECT_EQ(one.values, (std::vector<float>{-1, 9}));
  const std::map<std::string, Count> expected{{"additions", 1}, {"register_reads", 1}, {"register_writes", 3},
                                              {"checks", 3},    {"stops", 1},          {"dropped", 2},
                                              {"results", 2}};
  EXPECT_EQ(one.part->counters(), expected);
}

TEST(SignCheck, has_nothing_to_leave_at_the_last_product) {
  Accumulator one;
  one.sum({1, -2}, {});
  one.tick();
  EXPECT_EQ(one.values, (std::vector<float>{-1}));
  EXPECT_TRUE(one.stopped.empty());
  EXPECT_EQ(one.part->counters().at("stops"), 0);
}

TEST(SignCheck, checks_nothing_before_the_tags_say_so) {
  Accumulator one;
  one.sum({-4, -4, 5, -1, 0}, {.from = 2});
  EXPECT_EQ(one.handed_over, (Times{3}));
}

TEST(SignCheck, leaves_a_sum_that_is_above_where_the_scale_is_negative) {
  Accumulator one;
  one.sum({-2, 1, 3, 7}, {.low = -kInfinity, .high = 1});
  EXPECT_EQ(one.values, (std::vector<float>{2}));
  EXPECT_EQ(one.handed_over, (Times{3}));
}

// A prediction may leave a sum that is still positive: what is handed over is 0 behind the rectifier.
TEST(SignCheck, hands_over_what_counts_as_zero_where_the_sum_is_not_there_yet) {
  Accumulator predicts;
  predicts.sum({3, 3, 3}, {.low = 4, .zero = -0.5F});
  EXPECT_EQ(predicts.values, (std::vector<float>{-0.5F}));
  Accumulator mirrored;
  mirrored.sum({-3, -3, -3}, {.low = -kInfinity, .high = -4, .zero = 0.5F});
  EXPECT_EQ(mirrored.values, (std::vector<float>{0.5F}));
}

TEST(SignCheck, reads_a_sum_out_after_its_latency) {
  Accumulator slow(2);
  slow.sum({1, 1, 1}, {});
  for (int i = 0; i < 3; ++i) slow.tick();
  EXPECT_EQ(slow.handed_over, (Times{5}));
}

}  // namespace
}  // namespace cairn::testing
