// The pre-pass of a machine that checks signs: which weight comes when, and below what a sum is left.
#include "mapping/filter_order.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cairn::testing {
namespace {

using Index = std::vector<std::int32_t>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(FilterOrder, takes_positive_weights_then_negative_ones_then_zeros_each_as_they_lie) {
  const std::vector<float> weights{-1, 2, 0, 3, -4, 1};
  const mapping::FilterOrder order = mapping::ordered(weights, {.prefix = 0}, mapping::sign_check(1, 0, 0));
  EXPECT_EQ(order.index, (Index{1, 3, 5, 0, 4, 2}));
  EXPECT_EQ(order.weights, (std::vector<float>{2, 3, 1, -1, -4, 0}));
  EXPECT_EQ(order.sinking, 3);
}

TEST(FilterOrder, is_mirrored_where_the_scale_is_negative) {
  const std::vector<float> weights{-1, 2, 0, 3, -4, 1};
  const mapping::FilterOrder order = mapping::ordered(weights, {.prefix = 0}, mapping::sign_check(-2, 0, 0));
  EXPECT_EQ(order.index, (Index{0, 4, 1, 3, 5, 2}));
  EXPECT_EQ(order.weights, (std::vector<float>{1, 4, -2, -3, -1, 0}));
}

TEST(FilterOrder, takes_the_largest_first_where_it_predicts) {
  const std::vector<float> weights{-1, 2, 0, 3, -4, 1, 3};
  const mapping::FilterOrder order = mapping::ordered(weights, {.prefix = 3}, mapping::sign_check(1, 0, 0.5));
  EXPECT_EQ(order.index, (Index{3, 4, 6, 1, 5, 0, 2}));
  EXPECT_EQ(order.prefix, 3);
  EXPECT_EQ(order.sinking, 5);
  EXPECT_EQ(mapping::ordered(weights, {.prefix = 100}, {}).prefix, 7) << "no longer than the filter";
}

TEST(FilterOrder, takes_the_largest_negative_weights_first_where_it_is_told_to) {
  const std::vector<float> weights{-1, 2, 0, 3, -4, 1, -2};
  const mapping::FilterOrder order = mapping::ordered(weights, {.largest_first = true}, mapping::sign_check(1, 0, 0));
  EXPECT_EQ(order.index, (Index{1, 3, 5, 4, 6, 0, 2}));
}

TEST(FilterOrder, checks_a_sum_from_the_last_positive_weight_on) {
  const std::vector<float> weights{-1, 2, 3};
  const mapping::FilterOrder order = mapping::ordered(weights, {.prefix = 0}, mapping::sign_check(1, 0, 0));
  EXPECT_EQ(order.limit(0), -kInfinity);
  EXPECT_EQ(order.limit(1), 0);
  EXPECT_EQ(order.limit(2), 0);
}

TEST(FilterOrder, checks_the_prediction_after_the_prefix_alone) {
  const std::vector<float> weights{-1, 2, 3, 4};
  const mapping::FilterOrder order = mapping::ordered(weights, {.prefix = 2}, mapping::sign_check(1, 0, 0.5));
  EXPECT_EQ(order.limit(0), -kInfinity);
  EXPECT_EQ(order.limit(1), 0.5F);
  EXPECT_EQ(order.limit(2), 0) << "the last positive one";
}

TEST(FilterOrder, checks_no_filter_whose_scale_is_zero_or_whose_weights_are_no_numbers) {
  const std::vector<float> weights{-1, 2};
  EXPECT_EQ(mapping::ordered(weights, {.prefix = 1}, mapping::sign_check(0, -5, 1)).limit(1), -kInfinity);
  const std::vector<float> strange{-1, NAN, 2};
  const mapping::FilterOrder order = mapping::ordered(strange, {.prefix = 1}, mapping::sign_check(1, 0, 1));
  EXPECT_EQ(order.index, (Index{0, 1, 2}));
  for (std::int64_t k = 0; k < 3; ++k) EXPECT_EQ(order.limit(k), -kInfinity);
}

// Below the level the scaled and shifted sum is negative in floats as well, and just above it no longer far from 0.
TEST(SignCheck, is_on_the_safe_side_of_where_the_rectifier_begins) {
  for (const float scale : {0.001F, 0.3F, -0.7F, -40.0F, 1.0F}) {
    for (const float shift : {-3.0F, -0.1F, 0.0F, 0.77F, 1000.0F}) {
      const mapping::SignCheck check = mapping::sign_check(scale, shift, 0);
      const float below = std::nextafter(check.level, -kInfinity) * check.sign;
      EXPECT_LE(scale * below + shift, 0) << scale << " " << shift;
      EXPECT_NEAR(scale * (check.level * check.sign) + shift, 0, 1e-6 * std::abs(shift)) << scale << " " << shift;
    }
  }
}

}  // namespace
}  // namespace cairn::testing
