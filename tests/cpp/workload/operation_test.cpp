// Operations: sizes that are refused, output sizes and lowering by their definitions.
#include "cairn/operation.h"

#include <gtest/gtest.h>

#include "harness/faults.h"
#include "harness/operations.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

constexpr std::int64_t kTwo40 = std::int64_t{1} << 40;

Conv::Sizes small_conv() { return {.channels = 4, .filters = 6, .input = {8, 8}, .kernel = {3, 3}}; }

template <class Change>
std::vector<std::string> conv_faults(Change change) {
  Conv::Sizes s = small_conv();
  change(s);
  return names(faults([&] { Conv{s}; }));
}

// Counts the positions of the kernel that lie in the padded input, one by one.
std::int64_t positions(const Conv::Sizes& s, std::size_t d) {
  std::int64_t count = 0;
  for (std::int64_t at = 0; at + (s.kernel[d] - 1) * s.dilation[d] < s.input[d] + s.pad_begin[d] + s.pad_end[d];
       at += s.stride[d])
    ++count;
  return count;
}

TEST(Gemm, of_valid_sizes_counts_its_multiplications) {
  EXPECT_EQ(Gemm({.m = 2, .n = 3, .k = 5, .batch = 7}).multiplications(), 210);
  EXPECT_EQ(Gemm({.m = kTwo40, .n = 1 << 20, .k = 1}).multiplications(), std::int64_t{1} << 60);
  const std::int64_t near32 = (std::int64_t{1} << 32) - 1;
  EXPECT_EQ(Gemm({.m = near32, .n = 1, .k = 1}).multiplications(), near32);
  EXPECT_EQ(Gemm({.m = near32 + 2, .n = 2, .k = 1}).multiplications(), 2 * (near32 + 2));
}

TEST(Gemm, with_a_size_below_one_is_refused) {
  expect_fault([] { Gemm({.m = 0}); }, "E301", "gemm", "m = 0 must be at least 1", "m >= 1");
  expect_fault([] { Gemm({.n = -5}); }, "E301", "gemm", "n = -5 must be at least 1", "n >= 1");
  EXPECT_EQ(names(faults([] { Gemm({.m = 0, .n = -1, .k = INT64_MIN, .batch = 0}); })),
            std::vector<std::string>(4, "E301"));
}

TEST(Gemm, too_large_to_count_is_refused) {
  EXPECT_EQ(names(faults([] { Gemm({.m = kTwo40 + 1}); })), (std::vector<std::string>{"U203"}));
  EXPECT_EQ(names(faults([] { Gemm({.m = INT64_MAX, .n = INT64_MAX, .k = 0}); })),
            (std::vector<std::string>{"U203", "U203", "E301"}));
  EXPECT_EQ(names(faults([] { Gemm({.m = kTwo40, .n = kTwo40, .k = kTwo40, .batch = kTwo40}); })),
            (std::vector<std::string>{"U203"}));
  EXPECT_EQ(names(faults([] { Gemm({.m = kTwo40, .n = (1 << 20) + 1}); })), (std::vector<std::string>{"U203"}));
}

TEST(Conv, fills_in_its_lists) {
  const Conv conv(small_conv());
  EXPECT_EQ(conv.sizes().stride, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(conv.sizes().dilation, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(conv.sizes().pad_begin, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(conv.sizes().pad_end, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(conv.output(), (std::vector<std::int64_t>{6, 6}));
}

TEST(Conv, has_an_output_for_each_position_of_the_kernel_and_lowers_to_one_product_a_group) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(2000)); ++seed) {
    SplitMix64 random(seed);
    const Conv conv = random_conv(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text(conv));
    const Conv::Sizes& s = conv.sizes();
    std::vector<std::int64_t> expected;
    for (std::size_t d = 0; d < s.input.size(); ++d) expected.push_back(positions(s, d));
    ASSERT_EQ(conv.output(), expected);
    const Gemm::Sizes lowered{.m = s.batch * product(expected),
                              .n = s.filters / s.groups,
                              .k = s.channels / s.groups * product(s.kernel),
                              .batch = s.groups};
    ASSERT_EQ(conv.lowered().sizes(), lowered);
    ASSERT_EQ(conv.multiplications(),
              s.batch * s.filters * product(expected) * (s.channels / s.groups) * product(s.kernel));
    ASSERT_EQ(multiplications(Operation(conv)), conv.multiplications());
  }
}

TEST(Conv, without_spatial_dimensions_or_with_four_is_refused) {
  EXPECT_FALSE(faults([] { Conv({.channels = 1, .filters = 1}); }).empty());
  EXPECT_FALSE(faults([] { Conv({.input = {4, 4, 4, 4}, .kernel = {1, 1, 1, 1}}); }).empty());
  EXPECT_TRUE(faults([] { Conv({.input = {4, 4, 4}, .kernel = {1, 1, 1}}); }).empty());
}

TEST(Conv, without_a_kernel_is_refused) {
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.kernel.clear(); }), std::vector<std::string>(2, "E301"));
}

TEST(Conv, with_a_list_of_the_wrong_length_is_refused) {
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.kernel = {3}; }), (std::vector<std::string>{"E301"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.stride = {1, 1, 1}; }), (std::vector<std::string>{"E301"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.pad_end = {1}; }), (std::vector<std::string>{"E301"}));
}

TEST(Conv, with_sizes_below_their_minimum_tells_each) {
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.stride = {0, -1}; }), std::vector<std::string>(2, "E301"));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.pad_begin = {-1, 0}; }), (std::vector<std::string>{"E301"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.dilation = {1, 0}; }), (std::vector<std::string>{"E301"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.input = {0, -8}; }), std::vector<std::string>(2, "E301"));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.batch = s.channels = s.filters = s.groups = 0; }),
            std::vector<std::string>(4, "E301"));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.groups = -2; }), (std::vector<std::string>{"E301"}));
}

TEST(Conv, with_groups_that_do_not_divide_is_refused) {
  const std::vector<Diagnostic> found =
      faults([] { Conv({.channels = 4, .filters = 6, .groups = 3, .input = {8}, .kernel = {3}}); });
  ASSERT_EQ(names(found), (std::vector<std::string>{"E301"}));
  EXPECT_EQ(found[0].message, "3 groups do not divide 4 channels");
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.groups = 5; }), std::vector<std::string>(2, "E301"));
}

TEST(Conv, with_a_kernel_larger_than_its_padded_input_is_refused) {
  const std::vector<Diagnostic> found = faults([] {
    Conv({.input = {4, 4}, .kernel = {7, 3}, .pad_begin = {1, 0}, .pad_end = {1, 0}, .dilation = {1, 2}});
  });
  ASSERT_EQ(names(found), std::vector<std::string>(2, "E301"));
  EXPECT_EQ(found[0].message, "in dimension 0 the kernel of 7 (dilation 1) is larger than the padded input of 6");
  EXPECT_EQ(found[1].message, "in dimension 1 the kernel of 3 (dilation 2) is larger than the padded input of 4");
  EXPECT_TRUE(faults([] { Conv({.input = {4}, .kernel = {6}, .pad_begin = {1}, .pad_end = {1}}); }).empty());
}

TEST(Conv, too_large_to_count_is_refused) {
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.batch = kTwo40 + 1; }), (std::vector<std::string>{"U203"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.batch = s.channels = kTwo40; }), (std::vector<std::string>{"U203"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) {
              s.pad_begin = s.pad_end = {kTwo40, kTwo40};
            }),
            (std::vector<std::string>{"U203"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) { s.dilation = {kTwo40, 1}; }), (std::vector<std::string>{"E301"}));
  EXPECT_EQ(conv_faults([](Conv::Sizes& s) {
              s.channels = 1;
              s.batch = kTwo40;
              s.kernel = {1, 1};
            }),
            (std::vector<std::string>{"U203"}));
}

TEST(Operation, names_its_kind) {
  EXPECT_EQ(kind(Gemm({})), "gemm");
  EXPECT_EQ(kind(Conv(small_conv())), "conv");
}

}  // namespace
}  // namespace cairn::testing
