// Queues and tallies: first in, first out, after the latency, up to the capacity.
#include <gtest/gtest.h>

#include <deque>

#include "harness/random.h"
#include "harness/runs.h"
#include "kernel/channel.h"

namespace cairn::kernel {
namespace {

TEST(Queues, show_an_item_after_the_latency_and_keep_it_until_it_is_taken) {
  for (const Cycle latency : {0, 1, 3}) {
    Queues<int> queues("q", 2, latency);
    queues.push(1, 7, 10);
    for (Cycle now = 10; now < 10 + latency; ++now) EXPECT_FALSE(queues.can_pop(1, now)) << now;
    EXPECT_TRUE(queues.can_pop(1, 10 + latency));
    EXPECT_FALSE(queues.can_pop(0, 10 + latency));
    EXPECT_TRUE(queues.can_pop(1, 500));
    EXPECT_EQ(queues.pop(1, 500), 7);
    EXPECT_FALSE(queues.can_pop(1, 500));
  }
}

TEST(Queues, behave_as_a_plain_list_under_random_use) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(testing::cases(200)); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    testing::SplitMix64 random(seed);
    const Cycle latency = random.between(0, 3);
    Queues<int> queues("q", 1, latency);
    std::deque<std::pair<int, Cycle>> plain;
    for (Cycle now = 1; now <= 200; ++now) {
      for (std::int64_t n = random.between(0, 3); n > 0; --n) {
        const int item = static_cast<int>(random.between(0, 999));
        queues.push(0, item, now);
        plain.emplace_back(item, now + latency);
      }
      for (std::int64_t n = random.between(0, 3); n > 0; --n) {
        const bool there = !plain.empty() && plain.front().second <= now;
        ASSERT_EQ(queues.can_pop(0, now), there);
        if (!there) break;
        ASSERT_EQ(queues.pop(0, now), plain.front().first);
        plain.pop_front();
      }
      ASSERT_EQ(queues.in_flight(), static_cast<Count>(plain.size()));
      ASSERT_EQ(queues.occupied().test(0), !plain.empty());
    }
  }
}

TEST(Queues, let_the_consumer_look_at_items_that_are_there_and_at_no_others) {
  Queues<int> queues("q", 1, 1);
  queues.push(0, 5, 1);
  queues.push(0, 6, 2);
  EXPECT_EQ(queues.peek(0, 0, 1), nullptr);
  ASSERT_NE(queues.peek(0, 0, 2), nullptr);
  EXPECT_EQ(*queues.peek(0, 0, 2), 5);
  EXPECT_EQ(queues.peek(0, 1, 2), nullptr);
  EXPECT_EQ(*queues.peek(0, 1, 3), 6);
  EXPECT_EQ(queues.peek(0, 2, 3), nullptr);
}

TEST(Queues, judge_room_by_the_occupancy_at_the_start_of_the_cycle) {
  Queues<int> queues("q", 1, 0, 2);
  queues.push(0, 1, 1);
  queues.push(0, 2, 1);
  EXPECT_FALSE(queues.can_push(0, 2));
  queues.pop(0, 2);
  EXPECT_FALSE(queues.can_push(0, 2)) << "a place freed in this cycle";
  EXPECT_TRUE(queues.can_push(0, 3)) << "is usable in the next";
}

TEST(Queues, refuse_an_item_past_their_capacity) {
  Queues<int> queues("the queue", 1, 1, 1);
  queues.push(0, 1, 1);
  EXPECT_THROW(queues.push(0, 2, 1), Error);
}

// Items that cross in 1000 cycles when both sides do all they can; `first` ticks first.
int crossed(Cycle latency, std::int64_t capacity, bool producer_first) {
  Queues<int> queues("q", 1, latency, capacity);
  int items = 0;
  for (Cycle now = 1; now <= 1000; ++now) {
    const auto produce = [&] {
      if (queues.can_push(0, now)) queues.push(0, 0, now);
    };
    if (producer_first) produce();
    if (queues.can_pop(0, now)) {
      queues.pop(0, now);
      ++items;
    }
    if (!producer_first) produce();
  }
  return items;
}

TEST(Queues, carry_one_item_a_cycle_from_a_capacity_of_latency_plus_one_on) {
  for (Cycle latency = 1; latency <= 4; ++latency) {
    EXPECT_EQ(crossed(latency, latency + 1, true), 1000 - latency);
    EXPECT_EQ(crossed(latency, 0, true), 1000 - latency);
    EXPECT_LT(crossed(latency, latency, true), 1000 - latency);
  }
  EXPECT_EQ(crossed(0, 1, true), 1000);
}

TEST(Queues, of_capacity_c_and_latency_l_carry_c_items_in_l_plus_one_cycles) {
  for (Cycle latency = 1; latency <= 4; ++latency) {
    for (std::int64_t capacity = 1; capacity <= latency; ++capacity) {
      EXPECT_NEAR(crossed(latency, capacity, true),
                  1000.0 * static_cast<double>(capacity) / static_cast<double>(latency + 1), 5.0);
    }
  }
}

TEST(Queues, of_any_latency_above_zero_do_not_care_who_ticks_first) {
  for (Cycle latency = 1; latency <= 3; ++latency) {
    for (std::int64_t capacity = 0; capacity <= 5; ++capacity) {
      EXPECT_EQ(crossed(latency, capacity, true), crossed(latency, capacity, false)) << latency << ", " << capacity;
    }
  }
}

TEST(Tally, is_taken_once_at_or_after_its_arrival) {
  Tally tally("t", 2, true);
  EXPECT_EQ(tally.take(1), 0);
  tally.add(3, 1);
  tally.add(4, 2);
  EXPECT_EQ(tally.in_flight(), 2);
  EXPECT_EQ(tally.take(2), 0);
  EXPECT_EQ(tally.take(3), 3);
  EXPECT_EQ(tally.take(3), 0);
  tally.add(5, 4);
  EXPECT_EQ(tally.take(40), 9) << "all that has arrived";
  EXPECT_TRUE(tally.feedback());
  EXPECT_FALSE(Tally("t", 2, false).feedback());
}

}  // namespace
}  // namespace cairn::kernel
