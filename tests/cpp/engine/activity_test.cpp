// Where the cycles went on machines so small that every unit can be followed by hand, under both evaluators.
#include <gtest/gtest.h>

#include "cairn/error.h"
#include "harness/machines.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

// By slot, as by hand: busy, operand, port, readout, reconfiguring, draining, idle.
using ByHand = std::array<std::array<std::int64_t, kUnitStates>, stats::kSlots>;

std::string text(const stats::Activity& activity) {
  std::string all;
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
    all += arch::slots()[slot] + ":";
    for (const std::int64_t cycles : activity.at(slot).of) all += " " + std::to_string(cycles);
    all += "\n";
  }
  return all;
}

// Neither operand has a zero but where `b` says so.
void expect(const arch::Machine& machine, const Gemm& gemm, const NamedTile& named, Cycle cycles, const ByHand& by_hand,
            std::vector<float> b = {}) {
  const Gemm::Sizes& s = gemm.sizes();
  const std::vector<float> a(static_cast<std::size_t>(s.m * s.k), 1);
  b.resize(static_cast<std::size_t>(s.k * s.n), 1);
  std::vector<float> output(static_cast<std::size_t>(s.m * s.n));
  const engine::Operands operands{.a = {a.data(), 0, s.k, 1}, .b = {b.data(), 0, s.n, 1}, .output = output.data()};
  const engine::Tile tile = engine::tile_of(machine, gemm, named);
  stats::Activity expected;
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) expected.at(slot).of = by_hand.at(slot);
  const engine::Outcome stepped = engine::run_step(machine, gemm, tile, operands);
  EXPECT_EQ(stepped.cycles, cycles);
  EXPECT_EQ(text(stepped.activity), text(expected));
  engine::Fabric fabric(machine);
  engine::RoundCosts known;
  const engine::Outcome flowed = engine::run_flow(fabric, machine, gemm, tile, operands, known);
  EXPECT_EQ(flowed.cycles, cycles);
  EXPECT_EQ(text(flowed.activity), text(expected));
}

// Two rows and two columns; words need no time but for their hops.
arch::Machine mesh(arch::Overrides more = {}) {
  arch::Overrides overrides{{"multiplier.rows", "2"},    {"multiplier.columns", "2"}, {"distribution.latency", "0"},
                            {"multiplier.latency", "0"}, {"reduction.latency", "0"},  {"collection.type", "direct"},
                            {"collection.latency", "0"}, {"writeback.drain", "all"}};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return machine("tpu-16x16", overrides);
}

// Set-up in cycle 1, operands in 2 to 4. The corner works in 2 to 4, its neighbours in 3 to 5, the last one in 4 to 6.
TEST(Activity, of_a_tile_on_a_systolic_array) {
  expect(mesh(), Gemm({.m = 2, .n = 2, .k = 3}), {}, 6,
         {{{3, 0, 0, 0, 1, 2, 0},
           {12, 0, 0, 0, 4, 8, 0},
           {12, 0, 0, 0, 8, 4, 0},
           {12, 12, 0, 0, 0, 0, 0},
           {4, 20, 0, 0, 0, 0, 0},
           {4, 20, 0, 0, 0, 0, 0}}});
}

// The second tile takes 5 cycles: a column is idle, and its read port.
TEST(Activity, of_a_tile_that_hangs_over_a_systolic_array) {
  expect(mesh(), Gemm({.m = 2, .n = 3, .k = 3}), {}, 11,
         {{{6, 0, 0, 0, 2, 3, 0},
           {12 + 9, 0, 0, 0, 4 + 3, 8 + 3, 5},
           {12 + 6, 0, 0, 0, 8 + 3, 4 + 1, 10},
           {18, 26, 0, 0, 0, 0, 0},
           {6, 38, 0, 0, 0, 0, 0},
           {6, 38, 0, 0, 0, 0, 0}}});
}

// A single port for the four words of a step: 2 to 13.
TEST(Activity, of_a_port_that_all_words_of_a_systolic_array_share) {
  expect(mesh({{"distribution.bandwidth", "1"}}), Gemm({.m = 2, .n = 2, .k = 3}), {}, 14,
         {{{3, 0, 0, 0, 1, 10, 0},
           {12, 0, 0, 0, 1, 1, 0},
           {12, 24, 0, 0, 3 + 4 + 4 + 5, 14 * 4 - 12 - 24 - 16, 0},
           {12, 44, 0, 0, 0, 0, 0},
           {4, 52, 0, 0, 0, 0, 0},
           {4, 52, 0, 0, 0, 0, 0}}});
}

// Two steps a tile, but a tile shifts out for four: from 2 on, and from 6 on. Two beats after the last sum in 9.
TEST(Activity, of_tiles_that_overlap_and_wait_for_the_readout) {
  const arch::Overrides overlap{{"memory.overlap", "true"}, {"collection.type", "shift"}};
  expect(mesh(overlap), Gemm({.m = 2, .n = 4, .k = 2}), {}, 11,
         {{{4, 0, 0, 2, 1, 4, 0},
           {16, 0, 0, 8, 4, 16, 0},
           {16, 0, 0, 8, 8, 12, 0},
           {16, 28, 0, 0, 0, 0, 0},
           {8, 14, 0, 0, 0, 0, 0},
           {8, 14, 0, 0, 0, 0, 0}}});
}

arch::Machine holding(arch::Overrides more = {}) {
  arch::Overrides overrides{{"multiplier.rows", "2"},    {"multiplier.columns", "2"}, {"distribution.latency", "0"},
                            {"multiplier.latency", "0"}, {"reduction.latency", "0"},  {"collection.type", "direct"},
                            {"collection.latency", "0"}, {"writeback.drain", "all"}};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return machine("tpu-ws-16x16", overrides);
}

// Set-up in cycle 1, weights in 2 and 3, inputs in 4 to 6. The corner works in 4 to 6, its neighbours in 5 to 7, the
// last one in 6 to 8. Columns' ports are through in 3, those of rows in 6.
TEST(Activity, of_a_fold_of_weights_that_stay) {
  expect(holding(), Gemm({.m = 3, .n = 2, .k = 2}), {}, 8,
         {{{5, 0, 0, 0, 1, 2, 0},
           {2 * 2 + 2 * 3, 0, 0, 0, 2 * 1 + 2 * 3, 2 * 5 + 2 * 2, 0},
           {12, 0, 0, 0, 3 + 4 + 4 + 5, 2 + 1 + 1, 0},
           {12, 20, 0, 0, 0, 0, 0},
           {6, 10, 0, 0, 0, 0, 0},
           {6, 10, 0, 0, 0, 0, 0}}});
}

// The second fold has one term: the second row is idle, and so are its port and adders. Set-up in 1, the weights in 2,
// inputs in 3 to 5, the last sum in 6.
TEST(Activity, of_a_fold_that_leaves_a_row_of_the_array_out) {
  expect(holding(), Gemm({.m = 3, .n = 2, .k = 3}), {}, 14,
         {{{5 + 4, 0, 0, 0, 2, 2 + 1, 0},
           {10 + 2 + 3, 0, 0, 0, 8 + 2 + 2, 14 + 2 * 4 + 1, 6},
           {12 + 6, 0, 0, 0, 16 + 2 + 3, 4 + 1, 12},
           {18, 38, 0, 0, 0, 0, 0},
           {12, 16, 0, 0, 0, 0, 0},
           {12, 16, 0, 0, 0, 0, 0}}});
}

// The same without the set-up.
TEST(Activity, leaves_a_set_up_out_that_does_not_count) {
  expect(mesh({{"memory.count_setup", "false"}}), Gemm({.m = 2, .n = 1, .k = 3}), {}, 4,
         {{{3, 0, 0, 0, 0, 1, 0},
           {9, 0, 0, 0, 0, 3, 4},
           {6, 0, 0, 0, 1, 1, 8},
           {6, 2, 0, 0, 0, 0, 8},
           {2, 6, 0, 0, 0, 0, 8},
           {2, 6, 0, 0, 0, 0, 8}}});
}

// A word on each edge at most: an element whose neighbour has not taken its last word holds the next one back.
TEST(Activity, of_elements_without_room_behind_them) {
  const arch::Machine bounded = mesh({{"multiplier.queue_depth", "1"}, {"distribution.bandwidth", "0"}});
  const Gemm gemm({.m = 2, .n = 2, .k = 8});
  engine::Fabric fabric(bounded);
  engine::RoundCosts known;
  const engine::Outcome flowed = engine::run_flow(fabric, bounded, gemm, engine::tile_of(bounded, gemm, {}), {}, known);
  const UnitCycles& multipliers = flowed.activity.at(static_cast<std::size_t>(stats::Slot::multiplier));
  const UnitCycles& ports = flowed.activity.at(static_cast<std::size_t>(stats::Slot::distribution));
  EXPECT_EQ(multipliers[UnitState::busy], 32);
  EXPECT_GT(multipliers[UnitState::port] + ports[UnitState::port], 0);
}

// Two multipliers that make an output each; what they get and make is there at once, but products a cycle later.
arch::Machine two(arch::Overrides more) {
  arch::Overrides overrides{{"multiplier.multipliers", "2"}, {"distribution.latency", "0"}, {"multiplier.latency", "1"},
                            {"reduction.type", "temporal"},  {"reduction.latency", "0"},    {"collection.lines", "2"},
                            {"collection.latency", "0"},     {"writeback.drain", "all"}};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return machine("maeri-64", overrides);
}

// Weights in 1, inputs and products in 2, sums in 3.
TEST(Activity, of_a_round_on_a_flexible_machine) {
  expect(two({{"distribution.bandwidth", "2"}}), Gemm({.m = 2, .n = 1, .k = 1}), {{"M", 2}}, 3,
         {{{2, 0, 0, 0, 0, 1, 0},
           {4, 0, 0, 0, 0, 2, 0},
           {2, 0, 0, 0, 2, 2, 0},
           {2, 4, 0, 0, 0, 0, 0},
           {2, 4, 0, 0, 0, 0, 0},
           {2, 4, 0, 0, 0, 0, 0}}});
}

// One port: the weight in 1, an input in 2 and the other in 3.
TEST(Activity, of_multipliers_that_share_a_port) {
  expect(two({{"distribution.bandwidth", "1"}}), Gemm({.m = 2, .n = 1, .k = 1}), {{"M", 2}}, 4,
         {{{2, 0, 0, 0, 0, 2, 0},
           {3, 0, 0, 0, 0, 1, 0},
           {2, 0, 0, 0, 3, 3, 0},
           {2, 6, 0, 0, 0, 0, 0},
           {2, 6, 0, 0, 0, 0, 0},
           {2, 6, 0, 0, 0, 0, 0}}});
}

// The same, but the port pauses after each packet: sends in 1, 3 and 5. Sums in 4 and 6.
TEST(Activity, of_a_port_that_pauses) {
  expect(two({{"distribution.bandwidth", "1"}, {"distribution.interval", "2"}}), Gemm({.m = 2, .n = 1, .k = 1}),
         {{"M", 2}}, 6,
         {{{2, 0, 0, 0, 0, 4, 0},
           {6, 0, 0, 0, 0, 0, 0},
           {2, 0, 0, 0, 2 + 4, 3 + 1, 0},
           {2, 10, 0, 0, 0, 0, 0},
           {2, 10, 0, 0, 0, 0, 0},
           {2, 10, 0, 0, 0, 0, 0}}});
}

// Half of the machine: the other multiplier, accumulator and line are idle. Two rounds of 3 cycles.
TEST(Activity, of_units_that_no_round_uses) {
  expect(two({{"distribution.bandwidth", "2"}}), Gemm({.m = 1, .n = 2, .k = 1}), {{"N", 1}}, 6,
         {{{4, 0, 0, 0, 0, 2, 0},
           {4, 0, 0, 0, 0, 2, 6},
           {2, 0, 0, 0, 2, 2, 6},
           {2, 4, 0, 0, 0, 0, 6},
           {2, 4, 0, 0, 0, 0, 6},
           {2, 4, 0, 0, 0, 0, 6}}});
}

// Two folds of a filter each, of two non-zeros and of one: configured in 1 and 6, weights in 2 and 7, inputs in 3 and
// 8, results stored in 5 and 10.
TEST(Activity, of_folds_of_unequal_size_on_a_sparse_machine) {
  const arch::Machine sigma = machine("sigma-128", {{"multiplier.multipliers", "2"},
                                                    {"distribution.bandwidth", "2"},
                                                    {"distribution.latency", "0"},
                                                    {"multiplier.latency", "1"},
                                                    {"reduction.latency", "1"},
                                                    {"collection.lines", "2"},
                                                    {"memory.minimum_ones", "1"},
                                                    {"memory.fold_barrier", "true"},
                                                    {"memory.configure_cycles", "1"},
                                                    {"memory.drain_cycles", "0"},
                                                    {"memory.stationary", "weights"}});
  expect(sigma, Gemm({.m = 1, .n = 2, .k = 2}), {}, 10,
         {{{4, 0, 0, 0, 2, 4, 0},
           {6, 0, 0, 0, 3, 6, 5},
           {3, 0, 0, 0, 6, 6, 5},
           {1, 9, 0, 0, 0, 0, 0},
           {2, 8, 0, 0, 0, 0, 10},
           {2, 8, 0, 0, 0, 0, 10}}},
         {1, 1, 1, 0});
}

// The filter is loaded in 1. Two outputs in 2 to 4, the third in 5 to 7, when the other lane has nothing left to do.
TEST(Activity, of_independent_lanes) {
  const arch::Machine lanes = machine("snapea-baseline-64", {{"multiplier.multipliers", "2"},
                                                             {"distribution.latency", "0"},
                                                             {"multiplier.latency", "0"},
                                                             {"reduction.latency", "0"},
                                                             {"collection.latency", "0"}});
  expect(lanes, Gemm({.m = 3, .n = 1, .k = 3}), {}, 7,
         {{{6, 0, 0, 0, 1, 0, 0},
           {9, 5, 0, 0, 0, 0, 0},
           {9, 5, 0, 0, 0, 0, 0},
           {9, 5, 0, 0, 0, 0, 0},
           {3, 11, 0, 0, 0, 0, 0},
           {3, 11, 0, 0, 0, 0, 0}}});
}

TEST(Activity, that_does_not_add_up_is_an_error_of_cairn) {
  stats::Activity activity;
  stats::BySlot<Count> units{};
  units[2] = 4;
  activity[2][UnitState::busy] = 11;
  activity[2][UnitState::idle] = 9;
  EXPECT_NO_THROW(stats::check_activity(activity, units, 5));
  activity[2][UnitState::busy] = 12;
  EXPECT_THROW(stats::check_activity(activity, units, 5), Error);
  activity[2][UnitState::busy] = 21;
  activity[2][UnitState::operand] = -10;
  EXPECT_THROW(stats::check_activity(activity, units, 5), Error);
}

}  // namespace
}  // namespace cairn::testing
