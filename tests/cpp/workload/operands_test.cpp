// Lowered operands and the reference executor against each other and against the definitions.
#include "workload/operands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "harness/operations.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

// Numbers from 0 split into digits of the given sizes, the last fastest.
std::vector<std::int64_t> digits(std::int64_t number, const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> all(sizes.size());
  for (std::size_t d = sizes.size(); d-- > 0; number /= sizes[d]) all[d] = number % sizes[d];
  return all;
}

// x at (image, channel, position), 0 outside.
float element(const Conv::Sizes& s, const std::vector<float>& x, std::int64_t image, std::int64_t channel,
              const std::vector<std::int64_t>& position) {
  std::int64_t index = image * s.channels + channel;
  for (std::size_t d = 0; d < position.size(); ++d) {
    if (position[d] < 0 || position[d] >= s.input[d]) return 0;
    index = index * s.input[d] + position[d];
  }
  return x[static_cast<std::size_t>(index)];
}

// Row `row` of a group's im2col matrix by its definition.
std::vector<float> lowered_row(const Conv& conv, const std::vector<float>& x, std::int64_t group, std::int64_t row) {
  const Conv::Sizes& s = conv.sizes();
  const std::int64_t pixels = product(conv.output());
  const std::vector<std::int64_t> at = digits(row % pixels, conv.output());
  std::vector<float> words;
  for (std::int64_t c = 0; c < s.channels / s.groups; ++c) {
    for (std::int64_t tap = 0; tap < product(s.kernel); ++tap) {
      std::vector<std::int64_t> position = digits(tap, s.kernel);
      for (std::size_t d = 0; d < position.size(); ++d)
        position[d] = at[d] * s.stride[d] + position[d] * s.dilation[d] - s.pad_begin[d];
      words.push_back(element(s, x, row / pixels, group * (s.channels / s.groups) + c, position));
    }
  }
  return words;
}

template <class Check>
void for_convolutions(std::uint64_t first, int usual, Check check) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(usual)); ++seed) {
    SplitMix64 random(seed);
    const Conv conv = random_conv(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text(conv));
    check(conv, random_data(random, conv), random);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Im2col, gathers_the_words_under_the_kernel_and_zeros_beyond_the_edge) {
  for_convolutions(1, 300, [](const Conv& conv, const Data& data, SplitMix64& random) {
    const workload::Im2col im2col(conv);
    const Gemm::Sizes& g = conv.lowered().sizes();
    const std::int64_t stride = random.between(1, 4);
    for (std::int64_t group = 0; group < g.batch; ++group) {
      const std::int64_t row = random.between(0, g.m - 1);
      std::vector<float> spread(static_cast<std::size_t>(g.k * stride), -99);
      im2col.gather(data.a.data(), group, row, spread.data(), stride);
      std::vector<float> words;
      for (std::int64_t k = 0; k < g.k; ++k) words.push_back(spread[static_cast<std::size_t>(k * stride)]);
      ASSERT_EQ(words, lowered_row(conv, data.a, group, row)) << "group " << group << ", row " << row;
    }
  });
}

TEST(Im2col, places_every_output_exactly_once) {
  for_convolutions(10'001, 300, [](const Conv& conv, const Data& data, SplitMix64&) {
    const workload::Im2col im2col(conv);
    const Gemm::Sizes& g = conv.lowered().sizes();
    std::vector<int> written(data.expected.size());
    for (std::int64_t group = 0; group < g.batch; ++group) {
      for (std::int64_t row = 0; row < g.m; ++row) {
        for (std::int64_t column = 0; column < g.n; ++column)
          ++written.at(static_cast<std::size_t>(im2col.output_index(group, row, column)));
      }
    }
    ASSERT_EQ(written, std::vector<int>(written.size(), 1));
  });
}

TEST(Im2col, counts_the_non_zeros_of_the_lowered_operand) {
  for_convolutions(30'001, 300, [](const Conv& conv, const Data& data, SplitMix64& random) {
    const Gemm::Sizes& g = conv.lowered().sizes();
    const std::int64_t group = random.between(0, g.batch - 1);
    const workload::Ones ones = workload::Im2col(conv).count_ones(data.a.data(), group);
    std::vector<std::int64_t> of_column(static_cast<std::size_t>(g.k));
    for (std::int64_t row = 0; row < g.m; ++row) {
      const std::vector<float> words = lowered_row(conv, data.a, group, row);
      ASSERT_EQ(ones.of_row[static_cast<std::size_t>(row)], g.k - std::ranges::count(words, 0.0F)) << "row " << row;
      for (std::size_t k = 0; k < words.size(); ++k) of_column[k] += words[k] != 0 ? 1 : 0;
    }
    ASSERT_EQ(ones.of_column, of_column);
  });
}

TEST(Ones, are_what_does_not_equal_zero_however_a_matrix_lies) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> words{0, -0.0F, 1, nan, 1e-45F, 0, 9, 9, 9, 0, 0, 2};
  const workload::Ones rows = workload::count_ones({words.data(), 6, 3, 1}, 0, 2, 3);
  EXPECT_EQ(rows.of_row, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(rows.of_column, (std::vector<std::int64_t>{1, 1, 1}));
  const workload::Ones turned = workload::count_ones({words.data(), 6, 1, 3}, 0, 3, 2);
  EXPECT_EQ(turned.of_row, (std::vector<std::int32_t>{1, 1, 1}));
  EXPECT_EQ(turned.of_column, (std::vector<std::int64_t>{1, 2}));
  const workload::Ones spread = workload::count_ones({words.data(), 6, 3, 2}, 1, 2, 2);
  EXPECT_EQ(spread.of_row, (std::vector<std::int32_t>{2, 1})) << "9 9, 0 2";
  EXPECT_EQ(spread.of_column, (std::vector<std::int64_t>{1, 2}));
}

TEST(ReferenceConv, equals_the_reference_product_of_the_lowered_operands) {
  for_convolutions(20'001, 150, [](const Conv& conv, const Data& data, SplitMix64&) {
    const workload::Im2col im2col(conv);
    const Gemm::Sizes& g = conv.lowered().sizes();
    std::vector<float> rows(static_cast<std::size_t>(g.batch * g.m * g.k));
    for (std::int64_t row = 0; row < g.batch * g.m; ++row)
      im2col.gather(data.a.data(), row / g.m, row % g.m, rows.data() + row * g.k, 1);
    const std::vector<float> products =
        workload::reference_gemm(conv.lowered(), {rows.data(), g.m * g.k, g.k, 1}, {data.b.data(), g.n * g.k, 1, g.k});
    for (std::int64_t i = 0; i < g.batch * g.m * g.n; ++i) {
      const std::int64_t at = im2col.output_index(i / (g.m * g.n), i / g.n % g.m, i % g.n);
      ASSERT_EQ(data.expected[static_cast<std::size_t>(at)], products[static_cast<std::size_t>(i)]);
    }
  });
}

TEST(ReferenceGemm, multiplies_a_product_known_by_hand) {
  const std::vector<float> a{1, 2, 3, 4, 5, 6};     // 2 x 3
  const std::vector<float> b{7, 8, 9, 10, 11, 12};  // 3 x 2
  const Gemm gemm({.m = 2, .n = 2, .k = 3});
  EXPECT_EQ(workload::reference_gemm(gemm, {a.data(), 0, 3, 1}, {b.data(), 0, 2, 1}),
            (std::vector<float>{58, 64, 139, 154}));
  EXPECT_EQ(workload::reference_gemm(gemm, {a.data(), 0, 3, 1}, {b.data(), 0, 1, 3}),
            (std::vector<float>{50, 68, 122, 167}))
      << "b read as its transpose";
}

TEST(ReferenceConv, slides_a_kernel_known_by_hand) {
  const std::vector<float> x{1, 2, 3, 4, 5};
  const std::vector<float> w{1, 10};
  const Conv conv({.input = {5}, .kernel = {2}, .stride = {2}, .pad_begin = {1}, .pad_end = {0}});
  EXPECT_EQ(workload::reference_conv(conv, x.data(), w.data()), (std::vector<float>{10, 32, 54}));
}

}  // namespace
}  // namespace cairn::testing
