// Operations as the loop nest of a flexible machine, and tiles of it.
#include "mapping/nest.h"

#include <gtest/gtest.h>

namespace cairn::mapping {
namespace {

using Named = std::map<std::string, std::int64_t>;

Loops loops(const Named& named) {
  Loops all;
  for (int i = 0; i < kLoops; ++i) {
    const auto found = named.find(kLoopNames[static_cast<std::size_t>(i)]);
    if (found != named.end()) all[static_cast<Loop>(i)] = found->second;
  }
  return all;
}

TEST(Nest, of_a_matrix_product_sums_along_the_kernel_and_makes_its_batch_groups) {
  const Nest nest = nest_of(Gemm({.m = 3, .n = 4, .k = 5, .batch = 2}));
  EXPECT_TRUE(nest.matrix);
  EXPECT_EQ(nest.sizes, loops({{"X", 3}, {"K", 4}, {"S", 5}, {"G", 2}}));
}

TEST(Nest, of_a_convolution_has_channels_and_filters_of_one_group) {
  const Nest nest = nest_of(Conv({.batch = 2,
                                  .channels = 6,
                                  .filters = 9,
                                  .groups = 3,
                                  .input = {10, 20},
                                  .kernel = {3, 5},
                                  .stride = {1, 2},
                                  .pad_begin = {1, 0},
                                  .dilation = {2, 1}}));
  EXPECT_FALSE(nest.matrix);
  EXPECT_EQ(nest.sizes,
            loops({{"R", 3}, {"S", 5}, {"C", 2}, {"K", 3}, {"G", 3}, {"N", 2}, {"X", 10 + 1 - 4}, {"Y", 8}}));
  EXPECT_EQ(nest.stride, (std::array<std::int64_t, 2>{1, 2}));
  EXPECT_EQ(nest.dilation, (std::array<std::int64_t, 2>{2, 1}));
}

TEST(Nest, of_a_convolution_over_one_dimension_lies_along_the_axis_that_slides) {
  const Nest nest = nest_of(Conv({.channels = 2, .filters = 3, .input = {10}, .kernel = {4}, .stride = {3}}));
  EXPECT_EQ(nest.sizes, loops({{"S", 4}, {"C", 2}, {"K", 3}, {"Y", 3}}));
  EXPECT_EQ(nest.stride, (std::array<std::int64_t, 2>{1, 3}));
}

TEST(Nest, of_a_convolution_over_three_dimensions_is_its_lowered_product_image_by_image) {
  const Nest nest =
      nest_of(Conv({.batch = 2, .channels = 4, .filters = 6, .groups = 2, .input = {4, 4, 4}, .kernel = {2, 2, 2}}));
  EXPECT_TRUE(nest.matrix);
  EXPECT_EQ(nest.sizes, loops({{"S", 2 * 8}, {"K", 3}, {"G", 2}, {"N", 2}, {"X", 27}}));
}

TEST(DenseTile, is_one_of_everything_that_is_not_named) {
  const Nest conv = nest_of(Conv({.channels = 4, .filters = 4, .input = {8, 8}, .kernel = {3, 3}}));
  const DenseTile tile = dense_tile(conv, {{"R", 3}, {"S", 3}, {"K", 2}, {"X", 5}});
  EXPECT_EQ(tile.sizes, loops({{"R", 3}, {"S", 3}, {"K", 2}, {"X", 5}}));
  EXPECT_EQ(tile.cluster(), 9);
  EXPECT_EQ(tile.clusters(), 10);
  const Nest product = nest_of(Gemm({.m = 3, .n = 4, .k = 5}));
  EXPECT_EQ(dense_tile(product, {{"M", 2}, {"N", 3}, {"K", 4}}).sizes, loops({{"X", 2}, {"K", 3}, {"S", 4}}));
}

TEST(Iterations, round_up_where_the_tile_hangs_over) {
  const Nest conv = nest_of(Conv({.batch = 3, .channels = 5, .filters = 4, .input = {8, 8}, .kernel = {3, 3}}));
  const Iterations around(conv, dense_tile(conv, {{"C", 2}, {"S", 2}, {"K", 3}, {"N", 2}, {"X", 4}, {"Y", 9}}));
  EXPECT_EQ(around.folds(), 3 * 2 * 3) << "R, S, C";
  EXPECT_EQ(around.rounds(), 2 * 1 * 2) << "N, G, K";
  EXPECT_EQ(around.windows(), 2 * 1) << "X, Y";
}

}  // namespace
}  // namespace cairn::mapping
