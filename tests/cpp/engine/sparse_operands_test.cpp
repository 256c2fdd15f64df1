// What a sparse machine knows of the zeros of its operands, worked by hand and counted one by one.
#include "engine/sparse_operands.h"

#include <gtest/gtest.h>

#include "fabric/program.h"
#include "harness/draws.h"
#include "harness/operations.h"
#include "harness/patterns.h"

namespace cairn::testing {
namespace {

using Columns = std::vector<std::int32_t>;

arch::SparseArray keeping(int minimum_ones, bool stationary_inputs = false) {
  return {.multipliers = 8,
          .stationary_inputs = stationary_inputs,
          .only_over_time = false,
          .adds_folds = true,
          .folds_singles = false,
          .minimum_ones = minimum_ones};
}

// Which entries are zeros that were kept.
std::vector<bool> kept(const Csr& matrix) {
  std::vector<bool> all;
  for (const float value : matrix.value) all.push_back(fabric::is_padding(value));
  return all;
}

TEST(SparseOperands, hold_the_non_zeros_of_the_stationary_vectors) {
  const Sparse weights(keeping(1), {"0110", "1001"}, {"1111", "1111", "1111"});
  EXPECT_EQ(weights.operands.vectors(), 2);
  EXPECT_EQ(weights.operands.steps(), 3);
  EXPECT_EQ(weights.operands.length(), 4);
  EXPECT_EQ(weights.operands.stationary().begin, (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(weights.operands.stationary().column, (Columns{1, 2, 0, 3}));
  EXPECT_EQ(weights.operands.stationary().value, (std::vector<float>{2, 3, 11, 14}));
}

TEST(SparseOperands, are_the_same_where_the_first_operand_is_stationary) {
  const std::vector<std::string> held{"0110", "1001"};
  const std::vector<std::string> passing{"1010", "1111", "0000"};
  const Sparse weights(keeping(1), held, passing);
  const Sparse inputs(keeping(1, true), held, passing);
  EXPECT_EQ(weights.operands.stationary(), inputs.operands.stationary());
  EXPECT_EQ(weights.operands.streamed_before(0), inputs.operands.streamed_before(0));
  EXPECT_EQ(weights.operands.weight_zeros(), inputs.operands.input_zeros());
  EXPECT_EQ(weights.operands.input_zeros(), inputs.operands.weight_zeros());
  EXPECT_EQ(inputs.operands.streaming(0, 1, 3), 203);
  EXPECT_EQ(&weights.operands.output(0, 1, 2), weights.output.data() + (2 * 2 + 1)) << "row 2 of columns 0 1";
  EXPECT_EQ(&inputs.operands.output(0, 1, 2), inputs.output.data() + (1 * 3 + 2));
}

TEST(SparseOperands, keep_zeros_of_the_first_columns_where_a_vector_has_few_entries) {
  const Sparse three(keeping(3), {"000101", "011110", "000000", "100000", "111000"}, {"111111"});
  EXPECT_EQ(three.operands.stationary().column, (Columns{0, 3, 5, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(kept(three.operands.stationary()), (std::vector<bool>{true, false, false, false, false, false, false, true,
                                                                  true, true, false, true, true, false, false, false}));
}

TEST(SparseOperands, keep_no_more_entries_than_a_vector_has) {
  EXPECT_EQ(Sparse(keeping(3), {"0", "1"}, {"1"}).operands.stationary().column, (Columns{0, 0}));
  const Sparse two(keeping(3), {"00", "01", "11"}, {"11"});
  EXPECT_EQ(two.operands.stationary().column, (Columns{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(kept(two.operands.stationary()), (std::vector<bool>{true, true, true, false, false, false}));
}

TEST(SparseOperands, keep_an_entry_of_a_row_without_any_as_csr_does) {
  const Sparse one(keeping(1), {"0000", "0010"}, {"1111"});
  EXPECT_EQ(one.operands.stationary().begin, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(one.operands.stationary().column, (Columns{0, 2}));
}

TEST(SparseOperands, count_the_streaming_non_zeros_before_each_column) {
  const Sparse streamed(keeping(1), {"1111"}, {"0110", "0111", "1000"});
  EXPECT_EQ(streamed.operands.streamed_before(0), (std::vector<Count>{0, 1, 3, 5, 6}));
  EXPECT_EQ(streamed.operands.streamed(0, 1, 0, 4), 3);
  EXPECT_EQ(streamed.operands.streamed(0, 1, 1, 3), 2);
  EXPECT_EQ(streamed.operands.streamed(0, 2, 1, 4), 0);
}

TEST(SparseOperands, count_the_bits_that_the_controller_sets_in_streaming_vectors_with_few_entries) {
  // 0 0 0 1 0 becomes 1 1 0 1 0, 0 1 0 1 0 becomes 1 1 0 1 0.
  const Sparse streamed(keeping(3), {"11111"}, {"00010", "01010"});
  EXPECT_EQ(streamed.operands.streamed_before(0), (std::vector<Count>{0, 2, 4, 4, 6, 6}));
  EXPECT_EQ(streamed.operands.effective(), 3) << "they are no products of two non-zeros";
  EXPECT_EQ(streamed.operands.input_zeros(), 0.7);
}

TEST(SparseOperands, count_products_of_two_non_zeros_and_the_zeros_of_each_operand) {
  const Sparse both(keeping(3), {"1100", "0001"}, {"1011", "0100", "0001", "0000"});
  // Column 0 meets 1 of the streaming vectors, column 1 one, column 3 two; vectors hold columns 0 1 and 3.
  EXPECT_EQ(both.operands.effective(), 1 + 1 + 2);
  EXPECT_EQ(both.operands.weight_zeros(), 5.0 / 8);
  EXPECT_EQ(both.operands.input_zeros(), 11.0 / 16);
}

TEST(SparseOperands, of_a_batch_are_kept_apart) {
  const Sparse batch(keeping(1), {"10", "01", "11", "01"}, {"11", "01"}, 2);
  EXPECT_EQ(batch.operands.batch(), 2);
  EXPECT_EQ(batch.operands.vectors(), 2);
  EXPECT_EQ(batch.operands.stationary().begin, (std::vector<std::int64_t>{0, 1, 2, 4, 5}));
  EXPECT_EQ(batch.operands.streamed_before(0), (std::vector<Count>{0, 1, 2}));
  EXPECT_EQ(batch.operands.streamed_before(1), (std::vector<Count>{0, 0, 1}));
  EXPECT_EQ(batch.operands.effective(), 2 + 2) << "columns 0 1, and columns 1 1 of the second product";
}

TEST(SparseOperands, without_values_are_drawn_from_a_seed) {
  const Gemm gemm({.m = 5, .n = 4, .k = 70});
  engine::Operands timing;
  timing.sparsity = {.weights = 0.75, .inputs = 0.25, .seed = 7};
  const engine::SparseOperands drawn(keeping(1), gemm, timing, false);
  EXPECT_FALSE(drawn.present());
  EXPECT_EQ(drawn.stationary().column, to_csr(random_pattern(4, 70, 0.75, 7)).column);
  EXPECT_EQ(drawn.streamed_before(0).back(), random_pattern(5, 70, 0.25, 8).count());
  EXPECT_EQ(drawn.input_zeros(), 1 - static_cast<double>(random_pattern(5, 70, 0.25, 8).count()) / (5 * 70));
  timing.sparsity = {};
  const engine::SparseOperands full(keeping(1), gemm, timing, false);
  EXPECT_EQ(full.effective(), 5 * 4 * 70);
  EXPECT_EQ(full.weight_zeros() + full.input_zeros(), 0);
}

// An operand of the lowered products, as it would lie in memory.
struct Lowered {
  Lowered(const Operation& operation, const Data& data) : sizes(lowered(operation).sizes()) {
    if (const Conv* conv = std::get_if<Conv>(&operation)) {
      rows.resize(static_cast<std::size_t>(sizes.batch * sizes.m * sizes.k));
      for (std::int64_t i = 0; i < sizes.batch * sizes.m; ++i)
        workload::Im2col(*conv).gather(data.a.data(), i / sizes.m, i % sizes.m, rows.data() + i * sizes.k, 1);
      a = {rows.data(), sizes.m * sizes.k, sizes.k, 1};
    } else {
      a = data.a_view;
    }
    b = data.b_view;
  }
  Gemm::Sizes sizes;
  std::vector<float> rows;
  workload::MatrixView a;
  workload::MatrixView b;
};

TEST(SparseOperands, count_as_one_would_one_by_one) {
  for_draws(1, [](SplitMix64& random) {
    const Operation operation = random_operation(random);
    const Data data = random_data(random, operation);
    const Lowered plain(operation, data);
    const auto& s = plain.sizes;
    Count effective = 0;
    Count weights = 0;
    Count inputs = 0;
    for (std::int64_t b = 0; b < s.batch; ++b) {
      for (std::int64_t k = 0; k < s.k; ++k) {
        Count rows = 0;
        Count columns = 0;
        for (std::int64_t m = 0; m < s.m; ++m) rows += plain.a.at(b, m, k) == 0 ? 0 : 1;
        for (std::int64_t n = 0; n < s.n; ++n) columns += plain.b.at(b, k, n) == 0 ? 0 : 1;
        effective += rows * columns;
        inputs += s.m - rows;
        weights += s.n - columns;
      }
    }
    const auto share = [&](Count zeros, std::int64_t vectors) {
      return static_cast<double>(zeros) / static_cast<double>(s.batch * s.k * vectors);
    };
    std::vector<float> output(data.expected.size());
    const bool with_values = random.one_in(2);
    const engine::SparseOperands counted(keeping(static_cast<int>(random.between(1, 3)), random.one_in(2)), operation,
                                         {data.a_view, data.b_view, output.data()}, with_values);
    ASSERT_EQ(counted.effective(), effective);
    ASSERT_NEAR(counted.weight_zeros(), share(weights, s.n), 1e-9);
    ASSERT_NEAR(counted.input_zeros(), share(inputs, s.m), 1e-9);
    if (!with_values) return;
    for (std::int64_t b = 0; b < s.batch; ++b) {
      Count all = 0;
      for (std::int64_t step = 0; step < counted.steps(); ++step) all += counted.streamed(b, step, 0, s.k);
      ASSERT_EQ(all, counted.streamed_before(b).back());
    }
  });
}

TEST(SparseOperands, are_counted_the_same_whether_values_are_kept_or_not) {
  for_draws(10'001, [](SplitMix64& random) {
    const Operation operation = random_operation(random);
    const Data data = random_data(random, operation, random_densities(random));
    std::vector<float> output(data.expected.size());
    const arch::SparseArray array = keeping(static_cast<int>(random.between(1, 5)), random.one_in(2));
    const engine::Operands operands{data.a_view, data.b_view, output.data()};
    const engine::SparseOperands kept(array, operation, operands, true);
    const engine::SparseOperands counted(array, operation, operands, false);
    for (std::int64_t b = 0; b < kept.batch(); ++b) ASSERT_EQ(kept.streamed_before(b), counted.streamed_before(b));
    ASSERT_EQ(kept.stationary().begin, counted.stationary().begin);
    ASSERT_EQ(kept.stationary().column, counted.stationary().column);
    ASSERT_EQ(kept.effective(), counted.effective());
  });
}

}  // namespace
}  // namespace cairn::testing
