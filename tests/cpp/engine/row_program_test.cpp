// The rounds of a sparse x dense machine, worked by hand: a row of non-zeros each.
#include "engine/row_program.h"

#include <gtest/gtest.h>

#include "harness/draws.h"
#include "harness/patterns.h"

namespace cairn::testing {
namespace {

using engine::RowProgram;
using fabric::Multicast;
using fabric::Multicasts;
using fabric::StepKind;
using fabric::Stored;
using mapping::Schedule;
using mapping::SparseTile;

arch::SparseArray machine_of(int multipliers, bool stationary_inputs = false) {
  return {.multipliers = multipliers,
          .stationary_inputs = stationary_inputs,
          .only_over_time = false,
          .adds_folds = true,
          .folds_singles = false};
}

struct Rows : Sparse {
  Rows(const std::vector<std::string>& vectors, const std::vector<std::string>& streaming, const SparseTile& tile,
       std::int64_t batch = 1, bool stationary_inputs = false)
      : Sparse(machine_of(16, stationary_inputs), vectors, streaming, batch), program(operands, tile) {}

  std::vector<float> words(StepKind kind, Count fold, Count window = 0) {
    std::vector<int> all(program.packets(kind).size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    std::vector<float> found(all.size());
    program.words({.window = window, .fold = fold, .kind = kind}, all, found.data());
    return found;
  }

  RowProgram program;
};

const std::vector<std::string> kFull{"11111", "11111", "11111"};

TEST(RowProgram, sends_an_entry_to_all_virtual_neurons_and_an_input_to_one_multiplier) {
  const Rows rows({"11010"}, kFull, {.columns = 2, .depth = 3});
  EXPECT_EQ(rows.program.clusters(), (fabric::Clusters{.count = 2, .size = 3}));
  EXPECT_EQ(rows.program.packets(StepKind::weights), (Multicasts{Multicast{0, 3}, Multicast{1, 4}, Multicast{2, 5}}));
  EXPECT_EQ(rows.program.packets(StepKind::window),
            (Multicasts{Multicast{0}, Multicast{1}, Multicast{2}, Multicast{3}, Multicast{4}, Multicast{5}}));
  EXPECT_EQ(rows.program.windows(), 2) << "three streaming vectors, two at a time";
}

TEST(RowProgram, brings_each_virtual_neuron_the_columns_of_its_entries) {
  Rows rows({"11010"}, kFull, {.columns = 2, .depth = 3});
  EXPECT_EQ(rows.words(StepKind::weights, 0), (std::vector<float>{1, 2, 4}));
  EXPECT_EQ(rows.words(StepKind::window, 0, 0), (std::vector<float>{100, 101, 103, 200, 201, 203}));
  EXPECT_EQ(rows.words(StepKind::window, 0, 1), (std::vector<float>{300, 301, 303, 0, 0, 0})) << "there is no fourth";
}

TEST(RowProgram, takes_as_many_folds_as_its_entries_need_and_pads_the_last) {
  Rows rows({"11111"}, kFull, {.columns = 1, .depth = 3});
  EXPECT_EQ(rows.program.clusters().folds, 2);
  EXPECT_EQ(rows.words(StepKind::weights, 0), (std::vector<float>{1, 2, 3}));
  const std::vector<float> last = rows.words(StepKind::weights, 1);
  EXPECT_EQ((std::vector<float>(last.begin(), last.begin() + 2)), (std::vector<float>{4, 5}));
  EXPECT_TRUE(fabric::is_padding(last[2]));
  EXPECT_EQ(rows.words(StepKind::window, 1, 2), (std::vector<float>{303, 304, 0}));
}

TEST(RowProgram, has_folds_of_its_own_for_every_row) {
  Rows rows({"10000", "11111", "01110"}, kFull, {.columns = 1, .depth = 2});
  ASSERT_EQ(rows.program.size(), 3);
  for (const auto& [row, folds] : std::map<Count, Count>{{0, 1}, {1, 3}, {2, 2}}) {
    rows.program.enter(row);
    EXPECT_EQ(rows.program.clusters().folds, folds);
    EXPECT_EQ(rows.program.folds_of(row), folds);
    EXPECT_EQ(rows.program.at(row).steps, folds);
  }
  rows.program.enter(2);
  EXPECT_EQ(rows.words(StepKind::weights, 0), (std::vector<float>{22, 23}));
}

TEST(RowProgram, keeps_a_zero_of_a_row_without_entries) {
  Rows rows({"00000", "00001"}, kFull, {.columns = 1, .depth = 2});
  EXPECT_EQ(rows.program.folds_of(0), 1);
  EXPECT_TRUE(fabric::is_padding(rows.words(StepKind::weights, 0)[0]));
  EXPECT_EQ(rows.program.at(0).weight_reads, 1) << "as the reference, which stores one";
}

TEST(RowProgram, reads_no_padding) {
  // Two folds of 3 + 2 entries; windows of 2 + 1 streaming vectors.
  Rows rows({"11111"}, kFull, {.columns = 2, .depth = 3});
  EXPECT_EQ(rows.program.reads({.fold = 0, .kind = StepKind::weights}), 3);
  EXPECT_EQ(rows.program.reads({.fold = 1, .kind = StepKind::weights}), 2);
  EXPECT_EQ(rows.program.reads({.window = 0, .fold = 0, .kind = StepKind::window}), 6);
  EXPECT_EQ(rows.program.reads({.window = 1, .fold = 1, .kind = StepKind::window}), 2);
  EXPECT_EQ(rows.program.at(0).weight_reads, 5);
  EXPECT_EQ(rows.program.at(0).input_reads, 5 * 3);
}

TEST(RowProgram, makes_results_of_whole_windows_and_stores_those_of_the_operation) {
  Rows rows({"11000", "11111"}, kFull, {.columns = 2, .depth = 2});
  const fabric::Round second = rows.program.at(1);
  EXPECT_EQ(second.results, 4);
  EXPECT_EQ(second.outputs, 3);
  EXPECT_EQ(second.before, 4);
  EXPECT_EQ(second.awaited, 8);
  EXPECT_EQ(second.dropped, 4) << "of 4 multipliers with one weight each";
  EXPECT_EQ(rows.program.store(0, 0, 1), Stored::written);
  EXPECT_EQ(rows.program.store(0, 1, 2), Stored::written);
  EXPECT_EQ(rows.program.store(1, 0, 3), Stored::written);
  EXPECT_EQ(rows.program.store(1, 1, 4), Stored::dropped);
  EXPECT_EQ(rows.program.store(2, 1, 5), Stored::written) << "the second row";
  EXPECT_EQ(rows.output, (std::vector<float>{1, 0, 2, 5, 3, 0}));
}

TEST(RowProgram, goes_through_the_rows_of_one_product_of_a_batch_after_the_other) {
  Rows batch({"10000", "11000", "11100", "11110"}, {"11111", "11111"}, {.columns = 1, .depth = 1}, 2);
  ASSERT_EQ(batch.program.size(), 4);
  batch.program.enter(3);
  EXPECT_EQ(batch.words(StepKind::window, 0), (std::vector<float>{200})) << "the second streaming vector";
  batch.program.store(3, 0, 9);
  EXPECT_EQ(batch.output, (std::vector<float>{0, 0, 0, 9}));
}

TEST(RowProgram, takes_the_rows_in_the_order_of_the_schedule) {
  const SparseTile largest{.columns = 1, .depth = 2, .policy = Schedule::largest};
  Rows rows({"10000", "11000", "11111"}, {"11111"}, largest);
  const std::vector<std::int64_t> order = mapping::schedule(Schedule::largest, {1, 2, 5}, 2, 0);
  ASSERT_EQ(order.front(), 2) << "larger than a fold";
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(rows.program.at(static_cast<Count>(i)).weight_reads,
              (std::vector<Count>{1, 2, 5}).at(static_cast<std::size_t>(order[i])));
    rows.program.store(static_cast<Count>(i), 0, static_cast<float>(order[i] + 1));
  }
  EXPECT_EQ(rows.output, (std::vector<float>{1, 2, 3}));
}

TEST(RowProgram, is_the_same_whichever_operand_is_stationary) {
  for_draws(1, [](SplitMix64& random) {
    std::vector<std::string> held(static_cast<std::size_t>(random.between(1, 4)), "00000000");
    std::vector<std::string> passing(static_cast<std::size_t>(random.between(1, 4)), "00000000");
    for (auto* texts : {&held, &passing}) {
      for (std::string& text : *texts) {
        for (char& bit : text) bit = random.one_in(2) ? '1' : '0';
      }
    }
    const SparseTile tile{.columns = random.between(1, 3), .depth = random.between(1, 4)};
    Rows weights(held, passing, tile);
    Rows inputs(held, passing, tile, 1, true);
    ASSERT_EQ(weights.program.size(), inputs.program.size());
    for (Count row = 0; row < weights.program.size(); ++row) {
      ASSERT_EQ(weights.program.at(row), inputs.program.at(row));
      weights.program.enter(row);
      inputs.program.enter(row);
      ASSERT_EQ(weights.words(StepKind::window, 0), inputs.words(StepKind::window, 0));
    }
  });
}

}  // namespace
}  // namespace cairn::testing
