// Sparse formats against each other and against the dense matrix, pruning against its definition, patterns against the
// draws.
#include "cairn/sparse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "harness/draws.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Zeros of both signs, small integers that often tie, and what floats have at their edges.
float any_value(SplitMix64& random, double density) {
  const float value = random.operand(density);
  if (value == 0) return random.one_in(2) ? -0.0F : 0.0F;
  const float sign = random.one_in(2) ? -1.0F : 1.0F;
  if (!random.one_in(20)) return sign * value;
  const float odd[] = {kNan, -kNan, kInfinity, std::numeric_limits<float>::denorm_min(), 1e30F};
  return sign * odd[random.between(0, 4)];
}

std::vector<float> any_values(SplitMix64& random, std::int64_t count) {
  const double density = static_cast<double>(random.between(0, 10)) / 10;  // all zero and all full are among them
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(any_value(random, density));
  return values;
}

// Compares NaNs as equal, and zeros of different sign as different.
std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> all;
  for (const float value : values) all.push_back(std::bit_cast<std::uint32_t>(value));
  return all;
}

std::vector<std::uint32_t> bits_without_zero_signs(std::vector<float> values) {
  for (float& value : values) value = value == 0 ? 0.0F : value;
  return bits(values);
}

// A matrix, row-major, and the same behind strides of any kind.
struct Sample {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<float> values;
  std::vector<float> memory;
  std::int64_t row_stride;
  std::int64_t column_stride;

  DenseView view() const { return {memory.data(), rows, columns, row_stride, column_stride}; }
};

Sample any_matrix(SplitMix64& random) {
  Sample s{.rows = random.one_in(4) ? 1 : random.between(1, 12),
           .columns = random.one_in(4) ? random.between(1, 3) : random.between(1, 150),
           .values = {},
           .memory = {},
           .row_stride = 0,
           .column_stride = 0};
  s.values = any_values(random, s.rows * s.columns);
  const bool by_rows = random.one_in(2);
  const std::int64_t gap = random.between(1, 3);
  s.row_stride = by_rows ? s.columns * gap + random.between(0, 2) : gap;
  s.column_stride = by_rows ? gap : s.rows * gap + random.between(0, 2);
  s.memory.assign(static_cast<std::size_t>(s.rows * s.row_stride + s.columns * s.column_stride), -99);
  for (std::int64_t i = 0; i < s.rows * s.columns; ++i) {
    const std::int64_t to = i / s.columns * s.row_stride + i % s.columns * s.column_stride;
    s.memory[static_cast<std::size_t>(to)] = s.values[static_cast<std::size_t>(i)];
  }
  return s;
}

template <class Check>
void for_matrices(std::uint64_t first, Check check) {
  for_draws(first, [&](SplitMix64& random) {
    const Sample sample = any_matrix(random);
    check(sample, random);
  });
}

void expect_same(const Csr& a, const Csr& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.columns, b.columns);
  EXPECT_EQ(a.begin, b.begin);
  EXPECT_EQ(a.column, b.column);
  ASSERT_EQ(bits(a.value), bits(b.value));
}

// Calls visit with the matrix in each format but Csr; as N:M with as many slots a group as are surely enough.
template <class Matrix, class Visit>
void in_every_format(const Matrix& matrix, std::int64_t m, Visit visit) {
  visit(to_csc(matrix));
  visit(to_coo(matrix));
  visit(to_bitmap(matrix));
  visit(to_n_of_m(matrix, m, m));
}

TEST(Bitmap, tests_and_counts_what_was_set) {
  for_draws(1, [](SplitMix64& random) {
    Bitmap bitmap(random.between(1, 4), random.between(1, 200));
    const auto columns = static_cast<std::size_t>(bitmap.columns());
    std::vector<std::vector<int>> plain(static_cast<std::size_t>(bitmap.rows()), std::vector<int>(columns));
    for (std::int64_t i = random.between(0, 300); i > 0; --i) {
      const std::int64_t row = random.between(0, bitmap.rows() - 1);
      const std::int64_t column = random.between(0, bitmap.columns() - 1);
      bitmap.set(row, column);
      plain[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = 1;
    }
    std::int64_t total = 0;
    for (std::int64_t row = 0; row < bitmap.rows(); ++row) {
      const std::vector<int>& expected = plain[static_cast<std::size_t>(row)];
      std::vector<int> found;
      for (std::int64_t column = 0; column < bitmap.columns(); ++column) found.push_back(bitmap.test(row, column));
      ASSERT_EQ(found, expected);
      std::vector<int> visited(columns);
      bitmap.for_each(row, [&](std::int64_t column) { ++visited[static_cast<std::size_t>(column)]; });
      ASSERT_EQ(visited, expected);
      const std::int64_t begin = random.between(0, bitmap.columns());
      const std::int64_t end = random.between(begin, bitmap.columns());
      ASSERT_EQ(bitmap.count(row, begin, end), std::accumulate(expected.begin() + begin, expected.begin() + end, 0));
      ASSERT_EQ(bitmap.count(row), std::accumulate(expected.begin(), expected.end(), 0));
      total += bitmap.count(row);
    }
    ASSERT_EQ(bitmap.count(), total);
  });
}

TEST(Bitmap, starts_each_row_at_a_word_and_keeps_the_bits_beyond_the_last_column_clear) {
  Bitmap bitmap(2, 70);
  EXPECT_EQ(bitmap.words_per_row(), 2);
  for (std::int64_t word = 0; word < 2; ++word) bitmap.set_word(1, word, ~std::uint64_t{0});
  EXPECT_EQ(bitmap.words(), (std::vector<std::uint64_t>{0, 0, ~std::uint64_t{0}, 0x3F}));
  EXPECT_EQ(bitmap.count(), 70);
  Bitmap full(1, 128);
  full.set_word(0, 1, ~std::uint64_t{0});
  EXPECT_EQ(full.count(0, 64, 128), 64);
}

TEST(Sparse, every_format_gives_the_dense_matrix_back_whatever_its_strides) {
  for_matrices(10'001, [](const Sample& sample, SplitMix64& random) {
    const std::vector<std::uint32_t> expected = bits_without_zero_signs(sample.values);
    ASSERT_EQ(bits(to_dense(to_csr(sample.view()))), expected);
    in_every_format(sample.view(), random.between(1, 256), [&](const auto& matrix) {
      check(matrix);
      ASSERT_EQ(bits(to_dense(matrix)), expected);
    });
  });
}

TEST(Sparse, every_format_converts_to_every_other_and_back) {
  for_matrices(20'001, [](const Sample& sample, SplitMix64& random) {
    const Csr csr = to_csr(sample.view());
    check(csr);
    const std::int64_t m = random.between(1, 256);
    in_every_format(csr, m, [&](const auto& one) {
      expect_same(to_csr(one), csr);
      in_every_format(one, m, [&](const auto& other) { expect_same(to_csr(other), csr); });
    });
  });
}

TEST(Sparse, conversions_from_dense_store_exactly_what_is_not_zero) {
  for_matrices(30'001, [](const Sample& sample, SplitMix64&) {
    const Csr csr = to_csr(sample.view());
    const Bitmap present = pattern(sample.view());
    std::size_t stored = 0;
    for (std::int64_t i = 0; i < sample.rows * sample.columns; ++i) {
      const float value = sample.values[static_cast<std::size_t>(i)];
      ASSERT_EQ(present.test(i / sample.columns, i % sample.columns), value != 0);
      if (value == 0) continue;
      ASSERT_LT(stored, csr.value.size());
      ASSERT_EQ(csr.column[stored], i % sample.columns);
      ASSERT_EQ(bits({csr.value[stored++]}), bits({value}));
    }
    ASSERT_EQ(stored, csr.value.size());
    ASSERT_EQ(to_bitmap(csr).pattern, present);
    ASSERT_EQ(to_csr(present).column, csr.column);
    ASSERT_EQ(to_csr(present).value, std::vector<float>(stored, 1));
  });
}

TEST(Sparse, stored_zeros_survive_in_every_format_but_n_of_m) {
  const Csr csr{.rows = 2, .columns = 3, .begin = {0, 2, 3}, .column = {0, 2, 1}, .value = {0, 5, -0.0F}};
  expect_same(to_csr(to_csc(csr)), csr);
  expect_same(to_csr(to_coo(csr)), csr);
  expect_same(to_csr(to_bitmap(csr)), csr);
  const Csr values{.rows = 2, .columns = 3, .begin = {0, 1, 1}, .column = {2}, .value = {5}};
  expect_same(to_csr(to_n_of_m(csr, 1, 3)), values);
}

TEST(Sparse, formats_known_by_hand) {
  const std::vector<float> dense{0, 1, 2, 0, 0, 0, 0, 3};  // 2 x 4
  const DenseView view{dense.data(), 2, 4, 4, 1};
  EXPECT_EQ(to_csr(view), (Csr{2, 4, {0, 2, 3}, {1, 2, 3}, {1, 2, 3}}));
  EXPECT_EQ(to_csc(view), (Csc{2, 4, {0, 0, 1, 2, 3}, {0, 0, 1}, {1, 2, 3}}));
  EXPECT_EQ(to_coo(view), (Coo{2, 4, {0, 0, 1}, {1, 2, 3}, {1, 2, 3}}));
  EXPECT_EQ(to_bitmap(view).pattern.words(), (std::vector<std::uint64_t>{0b0110, 0b1000}));
  EXPECT_EQ(to_n_of_m(view, 2, 3), (NofM{2, 4, 2, 3, {1, 2, 0, 0, 0, 0, 0, 0}, {1, 2, 0, 0, 0, 0, 3, 0}}));
}

TEST(Sparse, a_single_element_is_kept_or_left_out) {
  for (const float value : {0.0F, -0.0F, 4.0F, kNan}) {
    const DenseView view{&value, 1, 1, 1, 1};
    const std::size_t stored = value == 0 ? 0 : 1;
    EXPECT_EQ(to_csr(view).value.size(), stored);
    EXPECT_EQ(to_csc(view).value.size(), stored);
    EXPECT_EQ(to_n_of_m(view, 1, 4).value.size(), 1U);
    EXPECT_EQ(bits(to_dense(to_coo(view))), bits({value == 0 ? 0.0F : value}));
  }
}

TEST(NofM, a_matrix_with_too_many_values_in_a_group_is_refused_with_the_place) {
  const std::vector<float> dense{1, 0, 0, 2, 1, 0, 1, 0, 0, 0, 0, 0, 7, 8, 9, 1};  // 2 x 8
  const DenseView view{dense.data(), 2, 8, 8, 1};
  expect_fault([&] { to_n_of_m(view, 2, 4); }, "E302", "row 1, group 1",
               "2:4 keeps at most 2 values of a group, here are 4 (1 groups have too many)",
               "prune the matrix to 2:4 first");
  EXPECT_EQ(faults([&] { to_n_of_m(view, 1, 4); })[0].place, "row 0, group 0");
  EXPECT_EQ(to_n_of_m(view, 4, 4).value.size(), 16U);
  for (const auto& [n, m] : {std::pair{0, 4}, {5, 4}, {2, 257}})
    EXPECT_EQ(places(faults([&] { to_n_of_m(view, n, m); })), std::vector<std::string>{"E301 N:M"}) << n << ":" << m;
}

TEST(Sparse, sizes_below_one_and_beyond_counting_are_refused) {
  const std::int64_t huge = std::int64_t{1} << 31;
  const float value = 1;
  EXPECT_EQ(names(faults([] { Bitmap(0, -1); })), (std::vector<std::string>{"E301", "E301"}));
  EXPECT_EQ(names(faults([&] { Bitmap(huge, 1); })), std::vector<std::string>{"U203"});
  EXPECT_EQ(names(faults([&] { Bitmap(huge - 1, huge - 1); })), std::vector<std::string>{"U203"});
  EXPECT_EQ(names(faults([&] { to_csr(DenseView{&value, 0, 1, 1, 1}); })), std::vector<std::string>{"E301"});
  EXPECT_EQ(names(faults([&] { to_csc(DenseView{&value, 1, 0, 1, 1}); })), std::vector<std::string>{"E301"});
  EXPECT_EQ(names(faults([] { check(Csr{}); })), (std::vector<std::string>{"E301", "E301"}));
  EXPECT_EQ(names(faults([&] { check(Csc{1, huge, {}, {}, {}}); })), std::vector<std::string>{"U203"});
  EXPECT_EQ(names(faults([] { random_pattern(1, 0, 0.5, 1); })), std::vector<std::string>{"E301"});
}

// What converting a malformed matrix says.
template <class Matrix>
std::vector<std::string> told(const Matrix& matrix) {
  return places(faults([&] { to_dense(matrix); }));
}

TEST(Sparse, matrices_that_break_the_rules_of_their_format_are_refused) {
  using Told = std::vector<std::string>;
  EXPECT_EQ(told(Csr{2, 3, {0, 1}, {0}, {1}}), Told{"E302 CSR"}) << "begin too short";
  EXPECT_EQ(told(Csr{2, 3, {0, 2, 1}, {0}, {1}}), Told{"E302 CSR"}) << "begin descends";
  EXPECT_EQ(told(Csr{2, 3, {0, 1, 2}, {0}, {1}}), Told{"E302 CSR"}) << "begin ends beyond";
  EXPECT_EQ(told(Csr{2, 3, {0, 1, 1}, {0, 1}, {1}}), Told{"E302 CSR"}) << "an index too many";
  EXPECT_EQ(told(Csr{2, 3, {0, 0, 1}, {3}, {1}}), Told{"E302 CSR row 1"}) << "beyond the last column";
  EXPECT_EQ(told(Csr{2, 3, {0, 0, 1}, {-1}, {1}}), Told{"E302 CSR row 1"}) << "before the first column";
  EXPECT_EQ(told(Csr{2, 3, {0, 2, 2}, {1, 1}, {1, 1}}), Told{"E302 CSR row 0"}) << "twice";
  EXPECT_EQ(told(Csc{2, 3, {0, 0, 1, 1}, {2}, {1}}), Told{"E302 CSC column 1"}) << "beyond the last row";
  EXPECT_EQ(told(Coo{2, 3, {0}, {0, 1}, {1}}), Told{"E302 COO"});
  EXPECT_EQ(told(Coo{2, 3, {1, 0}, {0, 0}, {1, 1}}), Told{"E302 COO value 1"}) << "not sorted";
  EXPECT_EQ(told(Coo{2, 3, {1, 1}, {2, 2}, {1, 1}}), Told{"E302 COO value 1"}) << "twice";
  EXPECT_EQ(told(Coo{2, 3, {2}, {0}, {1}}), Told{"E302 COO value 0"}) << "beyond the last row";
  EXPECT_EQ(told(Coo{2, 3, {1}, {-1}, {1}}), Told{"E302 COO value 0"}) << "before the first column";
  EXPECT_EQ(told(BitmapMatrix{Bitmap(2, 3), {1}}), Told{"E302 bitmap"});
  EXPECT_EQ(told(NofM{1, 5, 1, 4, {0}, {1}}), Told{"E302 N:M"}) << "a slot too few";
  EXPECT_EQ(told(NofM{1, 5, 1, 4, {0, 1}, {1, 1}}), Told{"E302 row 0, group 1"}) << "beyond a short group";
  EXPECT_EQ(told(NofM{1, 4, 2, 4, {2, 1}, {1, 1}}), Told{"E302 row 0, group 0"}) << "not ascending";
}

// The smallest weights by the definition: sorted by magnitude, NaNs last, equal ones by index.
std::vector<float> plainly_pruned(std::vector<float> weights, std::size_t count) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    if (std::isnan(weights[a]) || std::isnan(weights[b])) return !std::isnan(weights[a]) && std::isnan(weights[b]);
    return std::abs(weights[a]) < std::abs(weights[b]);
  });
  for (std::size_t i = 0; i < count; ++i) weights[order[i]] = 0;
  return weights;
}

// The same, piece after piece of a row; count(length) weights of each piece are pruned.
template <class Counting>
std::vector<float> plainly_pruned(const std::vector<float>& weights, std::size_t row, std::size_t piece,
                                  Counting count) {
  std::vector<float> all;
  while (all.size() < weights.size()) {
    const std::size_t length = std::min(piece, row - all.size() % row);
    const auto from = weights.begin() + static_cast<std::ptrdiff_t>(all.size());
    const std::vector<float> part =
        plainly_pruned(std::vector<float>(from, from + static_cast<std::ptrdiff_t>(length)), count(length));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::int64_t zeros(const std::vector<float>& values) { return std::ranges::count(values, 0.0F); }

TEST(Prune, zeroes_the_smallest_weights_of_the_tensor_or_of_each_row_exactly_to_the_ratio) {
  for_draws(40'001, [](SplitMix64& random) {
    const std::int64_t rows = random.between(1, 6);
    const std::int64_t length = random.between(1, 100);
    const std::vector<float> weights = any_values(random, rows * length);
    const double ratio = static_cast<double>(random.between(0, 20)) / 20;
    const auto share = [&](std::size_t count) {
      return static_cast<std::size_t>(std::floor(ratio * static_cast<double>(count)));
    };
    std::vector<float> whole = weights;
    prune(whole, ratio);
    ASSERT_EQ(bits(whole), bits(plainly_pruned(weights, share(weights.size()))));
    ASSERT_EQ(zeros(whole), std::max(zeros(weights), static_cast<std::int64_t>(share(weights.size()))));
    std::vector<float> by_rows = weights;
    prune_rows(by_rows, rows, ratio);
    const auto row = static_cast<std::size_t>(length);
    ASSERT_EQ(bits(by_rows), bits(plainly_pruned(weights, row, row, share)));
  });
}

TEST(Prune, n_of_m_keeps_the_largest_of_each_group) {
  for_draws(50'001, [](SplitMix64& random) {
    const std::int64_t rows = random.between(1, 6);
    const std::int64_t length = random.between(1, 100);
    const std::int64_t m = random.between(1, random.one_in(10) ? 256 : 8);
    const std::int64_t n = random.between(1, m);
    const std::vector<float> weights = any_values(random, rows * length);
    std::vector<float> pruned = weights;
    prune_n_of_m(pruned, rows, n, m);
    const auto keep = static_cast<std::size_t>(n);
    const auto excess = [&](std::size_t group) { return group > keep ? group - keep : 0; };
    ASSERT_EQ(bits(pruned),
              bits(plainly_pruned(weights, static_cast<std::size_t>(length), static_cast<std::size_t>(m), excess)));
    const NofM structured = to_n_of_m(DenseView{pruned.data(), rows, length, length, 1}, n, m);
    ASSERT_EQ(bits(to_dense(structured)), bits_without_zero_signs(pruned));
  });
}

TEST(Prune, of_equal_weights_the_first_go_and_zeros_go_before_them) {
  std::vector<float> weights{2, -1, 1, 0, 1, kNan};
  prune(weights, 0.5);
  EXPECT_EQ(bits(weights), bits({2, 0, 0, 0, 1, kNan}));
  prune(weights, 0.5);
  EXPECT_EQ(bits(weights), bits({2, 0, 0, 0, 1, kNan})) << "zeros count";
  prune(weights, 1);
  EXPECT_EQ(bits(weights), bits(std::vector<float>(6)));
  std::vector<float> nans{std::nanf("2"), kNan};
  prune(nans, 0.5);
  EXPECT_EQ(bits(nans), bits({0, kNan})) << "NaNs are all alike";
}

TEST(Prune, refuses_what_is_no_ratio_no_row_and_no_structure) {
  std::vector<float> weights(6, 1);
  for (const double ratio : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(places(faults([&] { prune(weights, ratio); })), std::vector<std::string>{"E105 ratio"});
  expect_fault([&] { prune(weights, 80); }, "E105", "ratio", "ratio = 80 is no fraction", "0 to 1, for instance 0.8");
  expect_fault([&] { prune_rows(weights, 4, 0.5); }, "E301", "weights", "4 rows do not divide 6 weights",
               "as many rows as the weights have filters");
  EXPECT_EQ(names(faults([&] { prune_rows(weights, 0, 0.5); })), std::vector<std::string>{"E301"});
  EXPECT_EQ(names(faults([] { prune({}, 0.5); })), std::vector<std::string>{"E301"});
  EXPECT_EQ(names(faults([&] { prune_n_of_m(weights, 2, 3, 2); })), std::vector<std::string>{"E301"});
  EXPECT_EQ(weights, std::vector<float>(6, 1));
}

TEST(RandomPattern, is_one_draw_an_element_row_after_row) {
  for_draws(60'001, [](SplitMix64& random) {
    const std::uint64_t seed = random.next();
    const double sparsity = static_cast<double>(random.between(0, 16)) / 16;
    const Bitmap bitmap = random_pattern(random.between(1, 5), random.between(1, 150), sparsity, seed);
    SplitMix64 draws(seed);
    for (std::int64_t row = 0; row < bitmap.rows(); ++row) {
      for (std::int64_t column = 0; column < bitmap.columns(); ++column) {
        const bool there = static_cast<double>(draws.next() >> 11U) * 0x1p-53 >= sparsity;
        ASSERT_EQ(bitmap.test(row, column), there) << row << ", " << column;
      }
    }
  });
}

TEST(RandomPattern, decides_at_the_very_draw_that_equals_the_sparsity) {
  SplitMix64 draws(7);
  const double draw = static_cast<double>(draws.next() >> 11U) * 0x1p-53;
  EXPECT_TRUE(random_pattern(1, 1, draw, 7).test(0, 0));
  EXPECT_FALSE(random_pattern(1, 1, std::nextafter(draw, 1.0), 7).test(0, 0));
}

TEST(RandomPattern, is_full_at_zero_and_empty_at_one) {
  EXPECT_EQ(random_pattern(3, 70, 0, 1).count(), 210);
  EXPECT_EQ(random_pattern(3, 70, 1, 1).count(), 0);
  EXPECT_EQ(places(faults([] { random_pattern(3, 70, 1.5, 1); })), std::vector<std::string>{"E105 sparsity"});
}

}  // namespace
}  // namespace cairn::testing
