// Tiled layers as rounds and packets, worked by hand.
#include "engine/dense_program.h"

#include <gtest/gtest.h>

#include "harness/draws.h"

namespace cairn::engine {
namespace {

using fabric::Multicast;
using fabric::StepKind;

DenseProgram program(const Operation& operation, const std::map<std::string, std::int64_t>& tile,
                     bool adds_folds = true) {
  const mapping::Nest nest = mapping::nest_of(operation);
  arch::FlexibleArray array{};
  array.folding = adds_folds ? arch::Folding::reduction : arch::Folding::multipliers;
  return {nest, mapping::dense_tile(nest, tile), array};
}

// One channel and filter, a kernel of 2 x 2.
Conv square(std::int64_t size, std::int64_t stride = 1, std::int64_t batch = 1) {
  return Conv({.batch = batch, .input = {size, size}, .kernel = {2, 2}, .stride = {stride, stride}});
}

using Packets = std::vector<Multicast>;

TEST(DenseProgram, sends_a_weight_to_all_windows_of_the_tile_and_an_input_to_all_that_lie_over_it) {
  // Two windows side by side: multipliers 0 1 / 2 3 and 4 5 / 6 7 over inputs of 2 rows and 3 columns.
  const DenseProgram two = program(square(4), {{"R", 2}, {"S", 2}, {"Y", 2}});
  EXPECT_EQ(two.clusters(), (fabric::Clusters{.count = 2, .size = 4}));
  EXPECT_EQ(two.packets(StepKind::weights), (Packets{{0, 4}, {1, 5}, {2, 6}, {3, 7}}));
  EXPECT_EQ(two.packets(StepKind::window), (Packets{{0}, {1, 4}, {5}, {2}, {3, 6}, {7}}));
  EXPECT_EQ(two.rows(), 3);
  EXPECT_EQ(two.windows(), 2) << "the second hangs over";
}

TEST(DenseProgram, sends_an_input_to_the_virtual_neurons_of_all_filters) {
  const DenseProgram filters =
      program(Conv({.channels = 2, .filters = 2, .input = {3}, .kernel = {1}}), {{"C", 2}, {"K", 2}});
  EXPECT_EQ(filters.packets(StepKind::weights), (Packets{{0}, {1}, {2}, {3}}));
  EXPECT_EQ(filters.packets(StepKind::window), (Packets{{0, 2}, {1, 3}}));
}

TEST(DenseProgram, sends_only_the_last_column_of_windows_that_slide) {
  const DenseProgram row = program(square(4), {{"R", 2}, {"S", 2}});
  EXPECT_EQ(row.clusters().slide, 2);
  EXPECT_EQ(row.packets(StepKind::slide), (Packets{{1}, {3}}));
  EXPECT_EQ(program(square(4, 2), {{"R", 2}, {"S", 2}}).clusters().slide, 0) << "windows two apart";
  EXPECT_EQ(program(square(4), {{"R", 2}}).clusters().slide, 0) << "one multiplier a kernel row";
  EXPECT_EQ(program(square(4), {{"S", 3}}).clusters().slide, 0) << "the tile hangs over the kernel";
}

TEST(DenseProgram, leaves_inputs_between_windows_that_no_multiplier_needs_out) {
  const DenseProgram apart = program(square(6, 3), {{"S", 2}, {"Y", 2}});
  EXPECT_EQ(apart.packets(StepKind::window), (Packets{{0}, {1}, {2}, {3}})) << "columns 0 1 and 3 4";
}

TEST(DenseProgram, puts_a_multiplier_for_partial_sums_in_front_where_nothing_else_adds_up_folds) {
  const DenseProgram folding = program(Gemm({.m = 3, .n = 2, .k = 5}), {{"K", 2}, {"N", 2}}, false);
  EXPECT_EQ(folding.clusters(), (fabric::Clusters{.count = 2, .size = 3, .folds = 3, .psum_multiplier = true}));
  EXPECT_EQ(folding.packets(StepKind::weights), (Packets{{1}, {2}, {4}, {5}}));
  EXPECT_EQ(folding.packets(StepKind::window), (Packets{{1, 4}, {2, 5}}));
  EXPECT_EQ(folding.at(0).results, 3 * 2 * 3) << "each fold is a result";
  EXPECT_EQ(program(Gemm({.k = 2}), {{"K", 2}}, false).clusters().size, 2) << "one fold";
}

TEST(DenseProgram, waits_between_rounds_for_all_results_where_tiles_divide_the_layer) {
  const DenseProgram even = program(Gemm({.m = 4, .n = 6, .k = 2}), {{"M", 2}, {"N", 2}, {"K", 2}});
  ASSERT_EQ(even.size(), 3);
  for (Count i = 0; i < 3; ++i) EXPECT_EQ(even.at(i).awaited, 8 * (i + 1));
  EXPECT_EQ(even.first_overlapping(), even.size());
}

TEST(DenseProgram, counts_the_outputs_of_the_layer_only_so_that_rounds_of_tiles_that_hang_over_overlap) {
  const DenseProgram uneven = program(Gemm({.m = 3, .n = 6, .k = 2}), {{"M", 2}, {"N", 2}, {"K", 2}});
  EXPECT_EQ(uneven.at(0).results, 8);
  EXPECT_EQ(uneven.at(0).outputs, 6);
  EXPECT_EQ(uneven.at(0).awaited, 6);
  EXPECT_EQ(uneven.at(2).awaited, 24) << "the end of the run waits for all";
  EXPECT_EQ(uneven.first_overlapping(), 1);
}

TEST(DenseProgram, lets_images_after_the_first_follow_freely) {
  const DenseProgram images = program(square(4, 1, 3), {{"R", 2}, {"S", 2}});
  EXPECT_EQ(images.at(0).awaited, 0);
  EXPECT_EQ(images.at(1).awaited, 0);
  EXPECT_EQ(images.at(2).awaited, 3 * 9);
}

TEST(DenseProgram, reads_no_words_of_padding) {
  const DenseProgram over = program(Gemm({.m = 2, .n = 3, .k = 5}), {{"K", 4}, {"N", 2}});
  EXPECT_EQ(over.at(0).weight_reads, 5 * 2);
  EXPECT_EQ(over.at(1).weight_reads, 5 * 1) << "the second filter of the tile is none";
  EXPECT_EQ(over.at(0).input_reads, 2 * 5);
  for (Count round = 0; round < 2; ++round) {
    Count weights = 0;
    Count inputs = 0;
    for (fabric::Position at{.round = round}; at.round == round; over.advance(at))
      (at.kind == StepKind::weights ? weights : inputs) += over.reads(at);
    EXPECT_EQ(weights, over.at(round).weight_reads);
    EXPECT_EQ(inputs, over.at(round).input_reads);
  }
}

// Counted one by one, and found one by one.
DenseProgram::Kinds counted(const DenseProgram& rounds, Count end) {
  DenseProgram::Kinds kinds;
  for (Count i = 0; i < end; ++i) {
    fabric::Round round = rounds.at(i);
    round.before = 0;
    round.awaited = round.results;
    ++kinds[round];
  }
  return kinds;
}

Count overlapping(const DenseProgram& rounds) {
  for (Count i = 0; i + 1 < rounds.size(); ++i) {
    const fabric::Round round = rounds.at(i);
    if (round.awaited != round.before + round.results) return i + 1;
  }
  return rounds.size();
}

TEST(DenseProgram, knows_without_a_loop_how_many_rounds_are_of_each_kind_and_where_they_begin_to_overlap) {
  testing::for_draws(1, [](testing::SplitMix64& random) {
    const std::int64_t groups = random.between(1, 3);
    const Conv conv({.batch = random.between(1, 3),
                     .channels = groups * random.between(1, 4),
                     .filters = groups * random.between(1, 5),
                     .groups = groups,
                     .input = {random.between(3, 6), random.between(3, 6)},
                     .kernel = {random.between(1, 3), random.between(1, 3)}});
    std::map<std::string, std::int64_t> tile;
    for (const char* letter : mapping::kLoopNames) tile[letter] = random.between(1, 3);
    const mapping::Nest nest = mapping::nest_of(conv);
    arch::FlexibleArray array{};
    array.folding = std::array{arch::Folding::reduction, arch::Folding::multipliers, arch::Folding::buffer}.at(
        static_cast<std::size_t>(random.between(0, 2)));
    const DenseProgram rounds(nest, mapping::dense_tile(nest, tile), array);
    ASSERT_EQ(rounds.first_overlapping(), overlapping(rounds));
    for (const Count end : {rounds.size(), rounds.first_overlapping() - 1, random.between(0, rounds.size())})
      ASSERT_EQ(rounds.kinds(end), counted(rounds, end));
  });
}

}  // namespace
}  // namespace cairn::engine
