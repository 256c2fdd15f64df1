// Read-outs: shared lines with round-robin, a wire for each sum, a second register that is shifted out.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "harness/bench.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

struct ReadOut : Bench {
  ReadOut(const std::string& type, fabric::Extent extent, const schema::Values& values, fabric::Extent used)
      : Bench("collection", type, extent, values) {
    part->configure(systolic_round(1, used));
  }
  std::vector<Times> stepped(const std::vector<Times>& sums, Cycle last) {
    return step(*links.sums, *links.results, sums, last);
  }
  // The streams of a bus keep results apart by where they come from: accumulator i, which is on line i mod lines.
  std::vector<Times> flowed(const std::vector<Times>& sums) {
    const std::vector<Times> sources = flow(*links.sums, *links.results, sums);
    std::vector<Times> lines(static_cast<std::size_t>(links.results->lanes()));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      Times& line = lines[i % lines.size()];
      line.insert(line.end(), sources[i].begin(), sources[i].end());
    }
    for (Times& line : lines) std::ranges::sort(line);
    return lines;
  }
};

ReadOut bus(std::int64_t lines, std::int64_t latency = 0) {
  return {"bus", {1, 4}, {{"lines", lines}, {"latency", latency}}, {1, 4}};
}

TEST(Bus, carries_one_result_a_cycle_on_each_line) {
  ReadOut two = bus(2);
  EXPECT_EQ(two.stepped(std::vector<Times>(4, Times{1}), 10), (std::vector<Times>{{1, 2}, {1, 2}}));
  EXPECT_EQ(two.received, (std::vector<float>{1, 2, 3, 4})) << "accumulator i is on line i mod 2";
  ReadOut one = bus(1);
  EXPECT_EQ(one.stepped(std::vector<Times>(4, Times{1}), 10), (std::vector<Times>{{1, 2, 3, 4}}));
  ReadOut all = bus(0);
  EXPECT_EQ(all.stepped(std::vector<Times>(4, Times{1}), 10), std::vector<Times>(4, Times{1}));
}

TEST(Bus, delivers_after_its_latency_never_earlier) {
  EXPECT_EQ(bus(0, 3).stepped({{2}}, 4), std::vector<Times>(4));
  EXPECT_EQ(bus(0, 3).stepped({{2}}, 9)[0], (Times{5}));
}

TEST(Bus, serves_the_inputs_of_a_line_in_turn) {
  ReadOut one = bus(1);
  one.stepped({{1, 2}, {1}, {1}, {4}}, 20);
  // The first input has a second sum from cycle 2 on; the fourth comes in cycle 4, when it is next in turn.
  EXPECT_EQ(one.received, (std::vector<float>{1, 2, 3, 4, 1}));
}

// Behind a tree of 8 multipliers: one pair of neighbours and five adders by themselves.
struct PairedBus : Bench {
  explicit PairedBus(std::int64_t lines, bool restart = false, bool pairs = true)
      : Bench({.multipliers = 8, .points = 7, .output_pairs = 1}, "collection", "bus",
              {{"lines", lines}, {"restart", restart}, {"pairs", pairs}, {"latency", std::int64_t{0}}}) {}
  std::vector<Times> stepped(const std::vector<Times>& sums) { return step(*links.sums, *links.results, sums, 20); }
};

TEST(Bus, puts_both_accumulation_points_of_a_pair_on_one_line) {
  PairedBus two(2);
  EXPECT_EQ(two.stepped(std::vector<Times>(7, Times{1})), (std::vector<Times>{{1, 2, 3, 4, 5}, {1, 2}}))
      << "points 0 1 2 4 6 and 3 5";
  EXPECT_EQ(two.received, (std::vector<float>{1, 4, 2, 6, 3, 5, 7}));
  PairedBus eight(8);
  EXPECT_EQ(eight.stepped(std::vector<Times>(7, Times{1})),
            (std::vector<Times>{{1, 2}, {}, {1}, {1}, {1}, {1}, {1}, {}}));
}

TEST(Bus, that_restarts_deals_the_others_out_from_the_first_line_on) {
  PairedBus eight(8, true);
  EXPECT_EQ(eight.stepped(std::vector<Times>(7, Times{1})),
            (std::vector<Times>{{1, 2, 3}, {1}, {1}, {1}, {1}, {}, {}, {}}))
      << "points 0 1 2 share the first";
}

TEST(Bus, that_knows_no_pairs_deals_all_accumulation_points_out_in_turn) {
  PairedBus two(2, false, false);
  EXPECT_EQ(two.stepped(std::vector<Times>(7, Times{1})), (std::vector<Times>{{1, 2, 3, 4}, {1, 2, 3}}))
      << "points 0 2 4 6 and 1 3 5";
  EXPECT_EQ(two.received, (std::vector<float>{1, 2, 3, 4, 5, 6, 7}));
  PairedBus eight(8, false, false);
  EXPECT_EQ(eight.stepped(std::vector<Times>(7, Times{1})), (std::vector<Times>{{1}, {1}, {1}, {1}, {1}, {1}, {1}, {}}))
      << "nobody waits";
}

TEST(Bus, goes_on_behind_the_input_that_it_served_last) {
  PairedBus one(1);
  one.stepped({{1, 3}, {2, 3}, {}, {1, 3}});
  // 1 and 4 come first; 2 has come meanwhile, but 4 is next in turn.
  EXPECT_EQ(one.received, (std::vector<float>{1, 2, 4, 1, 2, 4}));
}

TEST(Direct, hands_over_every_sum_after_its_latency) {
  ReadOut direct("direct", {1, 3}, {{"latency", std::int64_t{2}}}, {1, 3});
  EXPECT_EQ(direct.stepped({{1}, {1}, {4}}, 10), (std::vector<Times>{{3}, {3}, {6}}));
}

TEST(Shift, shifts_a_complete_tile_out_a_column_a_cycle_from_the_far_edge) {
  ReadOut shift("shift", {2, 3}, {}, {2, 3});
  EXPECT_EQ(shift.stepped({{1}, {2}, {3}, {2}, {3}, {4}}, 20), (std::vector<Times>{{5, 6, 7}, {5, 6, 7}}));
  EXPECT_EQ(shift.received, (std::vector<float>{3, 6, 2, 5, 1, 4}));
}

TEST(Shift, sends_nothing_before_the_tile_is_complete) {
  ReadOut shift("shift", {2, 3}, {}, {2, 3});
  EXPECT_EQ(shift.stepped({{1}, {1}, {1}, {1}, {1}, {}}, 20), std::vector<Times>(2));
  EXPECT_EQ(shift.part->waiting(), "the rest of the tile");
}

TEST(Shift, takes_the_beats_of_columns_that_are_not_used_and_sends_nothing_in_them) {
  ReadOut shift("shift", {2, 3}, {}, {2, 2});
  EXPECT_EQ(shift.stepped({{1}, {1}, {}, {1}, {1}, {}}, 20), (std::vector<Times>{{3, 4}, {3, 4}}));
}

TEST(Shift, refuses_a_sum_onto_a_register_that_was_not_shifted_out) {
  ReadOut shift("shift", {1, 3}, {}, {1, 3});
  EXPECT_THROW(shift.stepped({{1, 3}, {1}, {1}}, 20), Error);
  ReadOut in_time("shift", {1, 3}, {}, {1, 3});
  EXPECT_NO_THROW(in_time.stepped({{1, 4}, {1}, {1}}, 20));
}

TEST(Shift, may_begin_the_next_tile_when_its_registers_are_free) {
  ReadOut shift("shift", {2, 3}, {}, {2, 3});
  EXPECT_EQ(shift.part->interval(systolic_round(9, {2, 3})), 1 + 2 + 3) << "skew of the tile and its beats";
}

TEST(Collections, have_the_same_results_and_counters_in_their_stream_form) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(600)); ++seed) {
    SplitMix64 random(seed);
    const fabric::Extent extent{static_cast<int>(random.between(1, 5)), static_cast<int>(random.between(1, 5))};
    const fabric::Extent used{static_cast<int>(random.between(1, extent.rows)),
                              static_cast<int>(random.between(1, extent.columns))};
    const char* type = std::array{"bus", "direct", "shift"}[seed % 3];
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + type);
    schema::Values values{{"latency", random.between(0, 3)}};
    if (seed % 3 == 0) values["lines"] = random.between(0, extent.rows * extent.columns);
    std::vector<Times> sums(static_cast<std::size_t>(extent.rows * extent.columns));
    for (int r = 0; r < used.rows; ++r) {
      for (int c = 0; c < used.columns; ++c)
        sums[static_cast<std::size_t>(r * extent.columns + c)] = {random.between(1, 12)};
    }
    ReadOut clocked(type, extent, values, used);
    ReadOut streams(type, extent, values, used);
    ASSERT_EQ(clocked.stepped(sums, 60), streams.flowed(sums));
    ASSERT_EQ(clocked.part->counters(), streams.part->counters());
  }
}

}  // namespace
}  // namespace cairn::testing
