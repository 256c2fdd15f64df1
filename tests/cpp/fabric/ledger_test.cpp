// The own-round rule on timelines drawn by hand: clocked, as a whole round in time, and as a snapshot in the middle.
#include "fabric/ledger.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <vector>

#include "cairn/error.h"
#include "harness/random.h"

namespace cairn::fabric {
namespace {

kernel::LaneSet lanes(int all, const std::vector<int>& chosen) {
  kernel::LaneSet set(all);
  for (const int lane : chosen) set.set(lane);
  return set;
}

// busy, operand, port, readout, reconfiguring, draining, idle
UnitCycles cycles(std::array<std::int64_t, kUnitStates> of) { return {of}; }

// A round: when it begins, and in which cycles each lane works; one that never does takes no part.
struct Drawn {
  Cycle begin;
  std::vector<std::vector<Cycle>> work;
  bool drains = true;
};

kernel::LaneSet used(const Drawn& round) {
  kernel::LaneSet set(static_cast<int>(round.work.size()));
  for (std::size_t i = 0; i < round.work.size(); ++i) set.set(static_cast<int>(i), !round.work[i].empty());
  return set;
}

Ledger clocked(const std::vector<Drawn>& rounds, Cycle end) {
  const int all = static_cast<int>(rounds.front().work.size());
  Ledger ledger(all);
  ledger.rest();
  for (Cycle now = 1; now <= end; ++now) {
    kernel::LaneSet working(all);
    kernel::LaneSet ending(all);
    for (const Drawn& round : rounds) {
      if (round.begin == now) ledger.begin(now, used(round), round.drains);
      for (int i = 0; i < all; ++i) {
        const std::vector<Cycle>& work = round.work[static_cast<std::size_t>(i)];
        if (std::ranges::find(work, now) != work.end()) working.set(i);
        if (!work.empty() && work.back() == now) ending.set(i);
      }
    }
    ledger.work(working, now);
    ledger.ended(ending, now);
  }
  return ledger;
}

Ledger in_time(const std::vector<Drawn>& rounds) {
  Ledger ledger(static_cast<int>(rounds.front().work.size()));
  ledger.rest();
  for (const Drawn& round : rounds) {
    ledger.round(round.begin, round.drains, [&](std::size_t i) {
      if (round.work[i].empty()) return Ledger::Span{};
      ledger.worked(std::ssize(round.work[i]));
      return Ledger::Span{round.work[i].front(), round.work[i].back()};
    });
  }
  return ledger;
}

void expect(const std::vector<Drawn>& rounds, Cycle end, const UnitCycles& expected) {
  EXPECT_EQ(clocked(rounds, end).at(end).of, expected.of);
  EXPECT_EQ(in_time(rounds).at(end).of, expected.of);
}

TEST(Ledger, a_lane_waits_works_stalls_and_drains) {
  // R R w . . w w D D D
  expect({{1, {{3, 6, 7}}}}, 10, cycles({3, 2, 0, 0, 2, 3, 0}));
}

TEST(Ledger, a_lane_without_a_part_is_idle_and_one_that_had_a_part_drains_until_the_next_round_begins) {
  // lane 0: R w D D | I I I I      lane 1: I I I I | R R w D      lane 2: I I I I I I I I
  expect({{1, {{2}, {}, {}}}, {5, {{}, {7}, {}}}}, 8, cycles({2, 0, 0, 0, 3, 3, 16}));
}

TEST(Ledger, a_round_that_begins_while_lanes_still_work_is_waited_for_after_their_last_work) {
  // begins in 1 and 4      lane 0: R w w w . w | R w D      lane 1: R w | D | R R w . w D
  expect({{1, {{2, 3, 4, 6}, {2}}}, {4, {{8}, {6, 8}}}}, 9, cycles({8, 2, 0, 0, 5, 3, 0}));
}

TEST(Ledger, a_lane_that_ends_in_the_cycle_in_which_a_round_begins_does_not_drain) {
  expect({{1, {{1, 2}}}, {2, {{4}}}}, 5, cycles({3, 0, 0, 0, 1, 1, 0}));
  expect({{1, {{1, 2}, {1}}}, {2, {{}, {3}}}}, 5, cycles({4, 0, 0, 0, 1, 2, 3}));
}

TEST(Ledger, rounds_that_a_lane_skips_are_idle_and_those_begun_before_its_work_are_not) {
  // begins in 1, 3, 5: R w | I I | R w D
  expect({{1, {{2}, {1}}}, {3, {{}, {3}}}, {5, {{6}, {5}}}}, 7, cycles({2 + 3, 0, 0, 0, 2, 1 + 1 + 1 + 2, 2}));
}

TEST(Ledger, where_the_next_round_does_not_wait_for_results_lanes_reconfigure_for_it_at_once) {
  // begins in 1 and 5      lane 0: R w R R | R w D      lane 1: w R R R | I I I
  expect({{1, {{2}, {1}}, false}, {5, {{6}, {}}}}, 7, cycles({3, 0, 0, 0, 4 + 3, 1, 3}));
  expect({{1, {{2}, {1}}, false}, {6, {{6}, {7}}}}, 7, cycles({4, 0, 0, 0, 4 + 5, 1, 0}));
}

TEST(Ledger, a_snapshot_tells_the_beginning_of_what_is_told_in_the_end) {
  const std::vector<Drawn> rounds{{1, {{2, 5}, {3}}}, {7, {{9}, {}}}};
  const std::vector<UnitCycles> expected{cycles({0, 0, 0, 0, 2, 0, 0}), cycles({1, 0, 0, 0, 3, 0, 0}),
                                         cycles({2, 1, 0, 0, 3, 0, 0}), cycles({2, 2, 0, 0, 3, 1, 0}),
                                         cycles({3, 2, 0, 0, 3, 2, 0}), cycles({3, 2, 0, 0, 3, 4, 0}),
                                         cycles({3, 2, 0, 0, 4, 4, 1}), cycles({3, 2, 0, 0, 5, 4, 2}),
                                         cycles({4, 2, 0, 0, 5, 4, 3}), cycles({4, 2, 0, 0, 5, 5, 4})};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto end = static_cast<Cycle>(i + 1);
    EXPECT_EQ(clocked(rounds, end).at(end).of, expected[i].of) << "cycle " << end;
  }
}

TEST(Ledger, work_after_the_end_does_not_count) {
  // A port that pauses until cycle 6 after its last packet, in a run of 4 cycles.
  Ledger ledger(1);
  ledger.rest();
  ledger.worked(4);
  ledger.round(1, true, [](std::size_t) { return Ledger::Span{2, 6}; });
  EXPECT_EQ(ledger.at(4).of, cycles({2, 1, 0, 0, 1, 0, 0}).of);
}

TEST(Ledger, lanes_that_are_held_back_wait_for_a_port) {
  Ledger ledger(1);
  ledger.rest();
  ledger.begin(1, lanes(1, {0}), true);
  ledger.work(lanes(1, {0}), 2);
  ledger.held_back(2);
  ledger.work(lanes(1, {0}), 6);
  ledger.ended(0, 6);
  EXPECT_EQ(ledger.at(6).of, cycles({2, 1, 2, 0, 1, 0, 0}).of);
}

TEST(Ledger, between_tiles_that_overlap_results_still_leave) {
  Ledger ledger(1);
  ledger.rest();
  ledger.begin(1, lanes(1, {0}), true, 2);
  for (const Cycle now : {2, 3, 6, 7}) {
    ledger.work(lanes(1, {0}), now);
    if (now == 3 || now == 7) ledger.ended(0, now);
  }
  EXPECT_EQ(ledger.at(9).of, cycles({4, 0, 0, 2, 1, 2, 0}).of);
}

TEST(Ledger, refuses_sums_that_do_not_fit) {
  Ledger ledger(4);
  EXPECT_THROW(ledger.at(Cycle{1} << 61), Error);
}

// What every cycle of every lane is, looked up one by one.
UnitCycles brute_force(const std::vector<Drawn>& rounds, Cycle end) {
  UnitCycles all;
  for (std::size_t lane = 0; lane < rounds.front().work.size(); ++lane) {
    for (Cycle now = 1; now <= end; ++now) {
      UnitState state = UnitState::idle;
      bool through = true;  // with the rounds so far
      for (std::size_t r = 0; r < rounds.size() && rounds[r].begin <= now; ++r) {
        const std::vector<Cycle>& work = rounds[r].work[lane];
        if (!through) break;
        if (work.empty()) {
          state = UnitState::idle;
        } else if (now > work.back()) {
          state = rounds[r].drains ? UnitState::draining : UnitState::reconfiguring;
          through = true;
        } else if (now < work.front()) {
          state = UnitState::reconfiguring;
          through = false;
        } else {
          through = false;
          state = std::ranges::find(work, now) != work.end() ? UnitState::busy : UnitState::operand;
        }
      }
      ++all[state];
    }
  }
  return all;
}

TEST(Ledger, says_of_random_rounds_what_looking_at_every_cycle_says) {
  testing::SplitMix64 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::vector<Drawn> rounds;
    std::vector<Cycle> last(static_cast<std::size_t>(random.between(1, 4)), 0);
    Cycle begin = 1;
    for (std::int64_t r = random.between(1, 4); r > 0; --r, begin += random.between(1, 9)) {
      Drawn round{begin, {}, random.one_in(2)};
      for (Cycle& end : last) {
        std::vector<Cycle> work;
        for (std::int64_t n = random.between(0, 3); n > 0; --n) {
          end = std::max(end + 1, begin) + (random.one_in(2) ? 0 : random.between(0, 4));
          work.push_back(end);
        }
        round.work.push_back(std::move(work));
      }
      rounds.push_back(std::move(round));
    }
    const Cycle end = std::max(begin, std::ranges::max(last)) + random.between(0, 5);
    const UnitCycles expected = brute_force(rounds, end);
    ASSERT_EQ(clocked(rounds, end).at(end).of, expected.of) << i;
    ASSERT_EQ(in_time(rounds).at(end).of, expected.of) << i;
  }
}

}  // namespace
}  // namespace cairn::fabric
