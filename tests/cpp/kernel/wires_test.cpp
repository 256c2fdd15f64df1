// Wires: what is sent arrives after the latency and must be taken then; credits hold the producer back.
#include <gtest/gtest.h>

#include "kernel/channel.h"

namespace cairn::kernel {
namespace {

class WiresOfLatency : public ::testing::TestWithParam<Cycle> {};

TEST_P(WiresOfLatency, show_a_word_after_the_latency_never_earlier) {
  Wires<int> wires("w", 3, GetParam());
  const Cycle sent = 10;
  wires.push(1, 42, sent);
  for (Cycle now = sent; now < sent + GetParam(); ++now) EXPECT_FALSE(wires.incoming(now).valid.test(1)) << now;
  const auto& frame = wires.incoming(sent + GetParam());
  EXPECT_TRUE(frame.valid.test(1));
  EXPECT_EQ(frame.values[1], 42);
  EXPECT_FALSE(frame.valid.test(0));
  EXPECT_FALSE(frame.valid.test(2));
}

TEST_P(WiresOfLatency, carry_a_word_every_cycle) {
  Wires<Cycle> wires("w", 1, GetParam());
  for (Cycle now = 1; now <= 50; ++now) {
    wires.push(0, now, now);
    if (now <= GetParam()) continue;
    ASSERT_TRUE(wires.incoming(now).valid.test(0));
    ASSERT_EQ(wires.incoming(now).values[0], now - GetParam());
    wires.take_all(now, 1);
  }
  EXPECT_EQ(wires.in_flight(), GetParam());
}

TEST_P(WiresOfLatency, refuse_a_word_onto_one_that_was_not_taken) {
  Wires<int> wires("the wires", 2, GetParam());
  wires.push(0, 1, 5);
  EXPECT_NO_THROW(wires.push(1, 1, 5));
  try {
    wires.push(0, 2, 5);
    FAIL() << "a word was lost";
  } catch (const Error& error) {
    EXPECT_EQ(error.diagnostics()[0].code, Code::internal_error);
    EXPECT_EQ(error.diagnostics()[0].place, "the wires");
  }
}

INSTANTIATE_TEST_SUITE_P(Latencies, WiresOfLatency, ::testing::Values(0, 1, 3), ::testing::PrintToStringParamName());

TEST(Wires, without_credits_never_hold_the_producer_back) {
  Wires<int> wires("w", 1, 0);
  EXPECT_FALSE(wires.bounded());
  for (Cycle now = 1; now < 5; ++now) {
    EXPECT_TRUE(wires.can_push(0, now));
    wires.push(0, 0, now);
    wires.take_all(now, 1);
  }
}

TEST(Wires, hold_the_producer_back_while_the_queue_behind_them_is_full) {
  Wires<int> wires("w", 2, 1, 2);
  wires.push(0, 1, 1);
  wires.take_all(1, 0);
  EXPECT_TRUE(wires.can_push(0, 2));
  wires.push(0, 2, 2);
  EXPECT_FALSE(wires.can_push(0, 3));
  EXPECT_FALSE(wires.can_push(0, 100));
  EXPECT_TRUE(wires.can_push(1, 3)) << "each lane has its own queue";
  EXPECT_THROW(wires.push(0, 3, 3), Error);
}

TEST(Wires, take_a_returned_credit_in_the_next_cycle_only) {
  Wires<int> wires("w", 1, 1, 1);
  wires.push(0, 1, 1);
  wires.take_all(2, 1);
  wires.release(0, 2);
  EXPECT_FALSE(wires.can_push(0, 2));
  EXPECT_TRUE(wires.can_push(0, 3));
  wires.push(0, 2, 3);
  EXPECT_FALSE(wires.can_push(0, 4));
}

TEST(Wires, keep_credits_that_come_back_while_the_producer_rests) {
  Wires<int> wires("w", 1, 0, 3);
  for (Cycle now = 1; now <= 3; ++now) {
    wires.push(0, 1, now);
    wires.take_all(now, 1);
  }
  wires.release(0, 4);
  wires.release(0, 4);
  wires.release(0, 7);
  EXPECT_TRUE(wires.can_push(0, 8));
  for (Cycle now = 8; now <= 10; ++now) {
    wires.push(0, 1, now);
    wires.take_all(now, 1);
  }
  EXPECT_FALSE(wires.can_push(0, 11));
}

TEST(LaneSet, lists_its_lanes_in_order_across_words) {
  LaneSet set(200);
  for (const int lane : {199, 0, 63, 64, 130}) set.set(lane);
  set.clear(130);
  std::vector<int> lanes;
  set.for_each([&](int lane) { lanes.push_back(lane); });
  EXPECT_EQ(lanes, (std::vector<int>{0, 63, 64, 199}));
  set.clear_all();
  EXPECT_FALSE(set.test(0));
}

}  // namespace
}  // namespace cairn::kernel
