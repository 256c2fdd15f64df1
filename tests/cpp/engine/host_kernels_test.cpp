// The values that flow computes on the host against the reference executor.
#include "engine/host_kernels.h"

#include <gtest/gtest.h>

#include <limits>

#include "harness/draws.h"
#include "harness/operations.h"

namespace cairn::testing {
namespace {

std::vector<float> on_host(const Operation& operation, const Data& data) {
  std::vector<float> output(data.expected.size(), std::numeric_limits<float>::quiet_NaN());
  engine::compute_on_host(operation, {data.a_view, data.b_view, output.data()});
  return output;
}

TEST(HostKernels, multiply_matrices_in_the_layouts_of_frameworks) {
  for_draws(1, [](SplitMix64& random) {
    const Gemm gemm = random_gemm(random, random.one_in(20) ? 150 : 20);
    const Data data = random_data(random, gemm);
    ASSERT_EQ(on_host(gemm, data), data.expected) << text(gemm);
  });
}

// Windows over a sequence, broadcast and reversed rows, gaps both ways: strides of any sign and size.
workload::MatrixView any_view(SplitMix64& random, std::int64_t largest, std::vector<float>& words) {
  const std::int64_t longest = 2 * largest;
  words = random_words(random, 6 * largest * longest);
  const auto stride = [&] { return random.one_in(3) ? random.between(-1, 1) : random.between(-longest, longest); };
  return {words.data() + 3 * largest * longest, stride(), stride(), stride()};
}

TEST(HostKernels, multiply_matrices_of_any_strides) {
  for_draws(10'001, [](SplitMix64& random) {
    constexpr std::int64_t kLargest = 12;
    const Gemm gemm = random_gemm(random, kLargest);
    Data data;
    data.a_view = any_view(random, kLargest, data.a);
    data.b_view = any_view(random, kLargest, data.b);
    data.expected = workload::reference_gemm(gemm, data.a_view, data.b_view);
    ASSERT_EQ(on_host(gemm, data), data.expected) << text(gemm);
  });
}

// Any stride, asymmetric padding, dilation, groups, batch and number of dimensions; channels that fill a register,
// several, or one in part; depth-wise ones.
Conv any_conv(SplitMix64& random) {
  Conv::Sizes s = random_conv(random).sizes();
  const std::int64_t widest = random.one_in(2) ? 40 : 4;
  if (random.one_in(4)) {
    s.channels = s.groups = random.between(1, widest);
    s.filters = s.groups * random.between(1, 2);
  } else {
    s.channels = s.groups * random.between(1, widest);
    s.filters = s.groups * random.between(1, widest);
  }
  if (random.one_in(4)) {
    const std::size_t rank = s.input.size();
    s.kernel.assign(rank, 1);
    if (random.one_in(2)) s.pad_begin = s.pad_end = std::vector<std::int64_t>(rank, 0);
    if (random.one_in(2)) s.stride.assign(rank, 1);
  }
  return Conv(s);
}

TEST(HostKernels, convolve_as_the_definition_says) {
  for_draws(20'001, [](SplitMix64& random) {
    if (!random.one_in(4)) return;  // the reference executor is slow
    const Conv conv = any_conv(random);
    const Data data = random_data(random, conv);
    ASSERT_EQ(on_host(conv, data), data.expected) << text(conv);
  });
}

TEST(HostKernels, convolve_larger_images) {
  for (const auto& [groups, kernel, stride, pad, dilation] : {std::array{1, 3, 1, 1, 1},
                                                              {1, 1, 1, 0, 1},
                                                              {1, 1, 2, 0, 1},
                                                              {64, 3, 1, 1, 1},
                                                              {64, 3, 2, 1, 1},
                                                              {4, 3, 1, 2, 2},
                                                              {1, 7, 2, 3, 1}}) {
    SplitMix64 random(30'001);
    const Conv conv({.batch = 2,
                     .channels = 64,
                     .filters = 128,
                     .groups = groups,
                     .input = {21, 30},
                     .kernel = {kernel, kernel},
                     .stride = {stride, stride},
                     .pad_begin = {pad, pad},
                     .pad_end = {pad, 0},
                     .dilation = {dilation, dilation}});
    const Data data = random_data(random, conv);
    EXPECT_EQ(on_host(conv, data), data.expected) << text(conv);
  }
}

// Lines are cut into strips: at their seams, where they end in padding, and where they lie in nothing else.
TEST(HostKernels, convolve_long_lines) {
  for (const Conv::Sizes& sizes :
       {Conv::Sizes{.input = {40'000}, .kernel = {3}, .pad_begin = {1}, .pad_end = {2}},
        {.batch = 2,
        .channels = 4,
        .filters = 6,
        .groups = 2,
        .input = {100'000},
        .kernel = {4},
        .stride = {3},
        .pad_begin = {7},
        .pad_end = {0},
        .dilation = {5}},
        {.channels = 2, .filters = 3, .input = {3, 33'000}, .kernel = {2, 2}},
        {.filters = 2, .input = {10}, .kernel = {2}, .pad_begin = {40'000}, .pad_end = {30'000}},
        {.input = {1}, .kernel = {2}, .stride = {20}, .pad_begin = {5}, .pad_end = {5}}}) {
    SplitMix64 random(35'001);
    const Conv conv(sizes);
    const Data data = random_data(random, conv);
    EXPECT_TRUE(on_host(conv, data) == data.expected) << text(conv);
  }
}

// Weights without a zero: an output that is NaN tells of a product that should not be.
TEST(HostKernels, multiply_no_infinity_by_the_padding_of_a_block) {
  for_draws(40'001, [](SplitMix64& random) {
    if (!random.one_in(8)) return;
    const Conv conv = any_conv(random);
    Data data = random_data(random, conv);
    for (float& weight : data.b) weight = random.operand();
    for (float& input : data.a) input = random.one_in(6) ? std::numeric_limits<float>::infinity() : random.operand();
    data.expected = workload::reference_conv(conv, data.a.data(), data.b.data());
    ASSERT_EQ(on_host(conv, data), data.expected) << text(conv);
  });
}

}  // namespace
}  // namespace cairn::testing
