// The folds of a sparse machine with bitmaps, worked by hand.
#include "engine/bitmap_program.h"

#include <gtest/gtest.h>

#include <map>

#include "harness/draws.h"
#include "harness/patterns.h"

namespace cairn::testing {
namespace {

using engine::BitmapProgram;
using fabric::Multicast;
using fabric::Multicasts;
using fabric::Position;
using fabric::StepKind;
using fabric::Stored;
using mapping::Schedule;
using mapping::SparseTile;

arch::SparseArray machine_of(int multipliers, bool psums_streamed = true, int minimum_ones = 1) {
  return {.multipliers = multipliers,
          .stationary_inputs = false,
          .only_over_time = false,
          .adds_folds = true,
          .folds_singles = false,
          .minimum_ones = minimum_ones,
          .psums_streamed = psums_streamed};
}

struct Folds : Sparse {
  Folds(const arch::SparseArray& machine, const std::vector<std::string>& vectors,
        const std::vector<std::string>& streaming, std::int64_t batch = 1, SparseTile tile = {})
      : Sparse(machine, vectors, streaming, batch), program(array, operands, tile) {}

  const std::vector<int>& ends(Count fold) {
    program.enter(fold);
    return program.clusters().ends;
  }
  std::vector<float> words(StepKind kind, Count fold, Count window = 0) {
    program.enter(fold);
    std::vector<int> all(program.packets(kind).size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    std::vector<float> found(all.size());
    program.words({.round = fold, .window = window, .kind = kind}, all, found.data());
    return found;
  }
  const Multicasts& inputs(Count fold) {
    program.enter(fold);
    return program.packets(StepKind::window);
  }

  BitmapProgram program;
};

TEST(BitmapProgram, fills_a_fold_with_consecutive_vectors_while_they_fit) {
  Folds folds(machine_of(8), {"111000", "000111", "110000", "100000"}, {"111111"});
  ASSERT_EQ(folds.program.size(), 2);
  EXPECT_EQ(folds.ends(0), (std::vector<int>{3, 6, 8}));
  EXPECT_EQ(folds.ends(1), (std::vector<int>{1}));
}

TEST(BitmapProgram, ends_a_fold_at_the_first_vector_that_does_not_fit_and_skips_none) {
  Folds folds(machine_of(6), {"111000", "111100", "111000"}, {"111111"});
  ASSERT_EQ(folds.program.size(), 3) << "the third would fit beside the first";
  EXPECT_EQ(folds.ends(1), (std::vector<int>{4}));
}

TEST(BitmapProgram, sends_each_weight_to_its_multiplier_and_a_streaming_element_to_all_that_hold_its_column) {
  Folds folds(machine_of(8), {"11010", "01110"}, {"11111", "01010"});
  folds.program.enter(0);
  EXPECT_EQ(folds.program.packets(StepKind::weights),
            (Multicasts{Multicast{0}, Multicast{1}, Multicast{2}, Multicast{3}, Multicast{4}, Multicast{5}}));
  EXPECT_EQ(folds.words(StepKind::weights, 0), (std::vector<float>{1, 2, 4, 12, 13, 14}));
  // Columns 0, 1, 2 and 3; nobody holds 4.
  EXPECT_EQ(folds.inputs(0), (Multicasts{Multicast{0}, Multicast{1, 3}, Multicast{4}, Multicast{2, 5}}));
  EXPECT_EQ(folds.words(StepKind::window, 0, 0), (std::vector<float>{100, 101, 102, 103}));
  EXPECT_EQ(folds.words(StepKind::window, 0, 1), (std::vector<float>{0, 201, 0, 203})) << "zeros stream as well";
  EXPECT_EQ(folds.program.windows(), 2);
  EXPECT_EQ(folds.program.rows(), 1);
}

TEST(BitmapProgram, reads_every_streaming_non_zero_of_the_window_even_if_nobody_holds_its_column) {
  Folds folds(machine_of(8), {"11010"}, {"11111", "01010"});
  EXPECT_EQ(folds.program.reads({.kind = StepKind::weights}), 3);
  EXPECT_EQ(folds.program.reads({.window = 0, .kind = StepKind::window}), 5);
  EXPECT_EQ(folds.program.reads({.window = 1, .kind = StepKind::window}), 2);
  EXPECT_EQ(folds.program.at(0).weight_reads, 3);
  EXPECT_EQ(folds.program.at(0).input_reads, 7);
}

// 9 entries and 4 multipliers: 4, then 3 and 2 beside the multiplier of the partial sums.
TEST(BitmapProgram, cuts_a_vector_that_does_not_fit_and_streams_its_partial_sums) {
  Folds folds(machine_of(4), {"1101111011100"}, {"1111111111111", "1000000000001"});
  ASSERT_EQ(folds.program.size(), 3);
  EXPECT_EQ(folds.ends(0), (std::vector<int>{4}));
  EXPECT_FALSE(folds.program.clusters().psums_streamed);
  EXPECT_EQ(folds.words(StepKind::window, 0), (std::vector<float>{100, 101, 103, 104}));
  EXPECT_EQ(folds.ends(1), (std::vector<int>{4}));
  EXPECT_TRUE(folds.program.clusters().psums_streamed);
  EXPECT_TRUE(folds.program.clusters().psum_multiplier);
  EXPECT_EQ(folds.program.packets(StepKind::weights), (Multicasts{Multicast{1}, Multicast{2}, Multicast{3}}));
  EXPECT_EQ(folds.inputs(1), (Multicasts{Multicast{0}, Multicast{1}, Multicast{2}, Multicast{3}}));
  folds.output[1] = 77;
  EXPECT_EQ(folds.words(StepKind::window, 1, 1), (std::vector<float>{77, 0, 0, 0})) << "what the fold before stored";
  EXPECT_EQ(folds.ends(2), (std::vector<int>{3}));
  EXPECT_EQ(folds.words(StepKind::weights, 2), (std::vector<float>{10, 11}));
  // Columns 0 to 4, 5 to 8, and the rest: of the first vector all, of the second the first and the last.
  for (const auto& [fold, inputs] : std::map<Count, Count>{{0, 5 + 1}, {1, 4}, {2, 4 + 1}}) {
    EXPECT_EQ(folds.program.at(fold).input_reads, inputs) << "fold " << fold;
    EXPECT_FALSE(folds.program.at(fold).adds);
  }
}

TEST(BitmapProgram, cuts_a_vector_into_full_folds_where_the_buffer_adds_up_partial_sums) {
  Folds folds(machine_of(4, false), {"111111111"}, {"111111111"});
  ASSERT_EQ(folds.program.size(), 3);
  for (const auto& [fold, end] : std::map<Count, int>{{0, 4}, {1, 4}, {2, 1}}) {
    EXPECT_EQ(folds.ends(fold), (std::vector<int>{end}));
    EXPECT_FALSE(folds.program.clusters().psum_multiplier);
    EXPECT_EQ(folds.program.at(fold).adds, fold > 0);
  }
  EXPECT_EQ(folds.program.store(0, 0, 5), Stored::written);
  EXPECT_EQ(folds.program.store(1, 0, 6), Stored::added);
  EXPECT_EQ(folds.program.store(2, 0, 7), Stored::added);
  EXPECT_EQ(folds.output, (std::vector<float>{18}));
}

TEST(BitmapProgram, gives_the_folds_of_a_cut_vector_to_nobody_else) {
  Folds folds(machine_of(4), {"1000000", "1111100", "1000000"}, {"1111111"});
  ASSERT_EQ(folds.program.size(), 4);
  EXPECT_EQ(folds.ends(2), (std::vector<int>{2})) << "a partial sum and one entry";
  EXPECT_EQ(folds.ends(3), (std::vector<int>{1}));
}

TEST(BitmapProgram, lets_a_vector_that_just_fits_take_one_fold) {
  Folds folds(machine_of(4), {"1111"}, {"1111"});
  ASSERT_EQ(folds.program.size(), 1);
  EXPECT_FALSE(folds.program.clusters().psums_streamed);
}

TEST(BitmapProgram, of_short_vectors_holds_all_that_they_have) {
  Folds one(machine_of(4, true, 3), {"0", "1", "1", "0", "1"}, {"1"});
  ASSERT_EQ(one.program.size(), 2);
  EXPECT_EQ(one.ends(0), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(one.inputs(0), (Multicasts{Multicast{0, 1, 2, 3}}));
  Folds two(machine_of(4, true, 3), {"00", "01", "11"}, {"11"});
  ASSERT_EQ(two.program.size(), 2);
  EXPECT_EQ(two.ends(0), (std::vector<int>{2, 4}));
}

TEST(BitmapProgram, holds_padding_for_vectors_without_non_zeros) {
  Folds zeros(machine_of(8, true, 3), {"00000", "00011"}, {"11111"});
  EXPECT_EQ(zeros.ends(0), (std::vector<int>{3, 6}));
  const std::vector<float> weights = zeros.words(StepKind::weights, 0);
  for (const std::size_t i : {0, 1, 2, 3}) EXPECT_TRUE(fabric::is_padding(weights[i])) << i;
  EXPECT_EQ(weights[4], 14);
  EXPECT_EQ(zeros.inputs(0), (Multicasts{Multicast{0, 3}, Multicast{1}, Multicast{2}, Multicast{4}, Multicast{5}}));
}

TEST(BitmapProgram, packs_every_product_of_a_batch_by_itself) {
  Folds batch(machine_of(8), {"1100", "0011", "1000", "0001"}, {"1111", "1110", "0001", "0000"}, 2);
  ASSERT_EQ(batch.program.size(), 2);
  EXPECT_EQ(batch.ends(0), (std::vector<int>{2, 4}));
  EXPECT_EQ(batch.ends(1), (std::vector<int>{1, 2}));
  EXPECT_EQ(batch.words(StepKind::window, 1, 0), (std::vector<float>{0, 303}));
  EXPECT_EQ(batch.program.at(0).input_reads, 7);
  EXPECT_EQ(batch.program.at(1).input_reads, 1 + 1) << "a vector of zeros has a bit set, too";
  EXPECT_EQ(batch.program.at(1).before, 4);
  EXPECT_EQ(batch.program.at(1).dropped, 4) << "the weights of the fold before";
}

TEST(BitmapProgram, waits_for_the_results_of_each_fold_or_at_the_end_only) {
  arch::SparseArray free = machine_of(3, false);
  for (const bool barrier : {true, false}) {
    free.fold_barrier = barrier;
    Folds folds(free, {"111", "111", "111"}, {"111", "111"});
    EXPECT_EQ(folds.program.at(0).awaited, barrier ? 2 : 0);
    EXPECT_EQ(folds.program.at(1).awaited, barrier ? 4 : 0);
    EXPECT_EQ(folds.program.at(2).awaited, 6);
  }
}

TEST(BitmapProgram, stores_the_results_of_a_lane_where_its_vectors_go_fold_after_fold) {
  // Folds of vectors 0 1, of 2 alone, and of 3 4; two streaming vectors. Lane 1 has no part in the second fold.
  Folds folds(machine_of(4), {"1100", "0011", "1111", "1000", "0111"}, {"1111", "1111"});
  ASSERT_EQ(folds.program.size(), 3);
  for (Count i = 0; i < 6; ++i) folds.program.store(i, 0, static_cast<float>(10 + i));
  for (Count i = 0; i < 4; ++i) folds.program.store(i, 1, static_cast<float>(20 + i));
  EXPECT_EQ(folds.output, (std::vector<float>{10, 20, 12, 14, 22, 11, 21, 13, 15, 23}))
      << "rows of the output: streaming vectors; columns: stationary ones";
}

TEST(BitmapProgram, takes_the_vectors_in_the_order_of_the_schedule_and_stores_in_theirs) {
  const std::vector<std::string> vectors{"1000", "1110", "1100", "0011"};
  // Largest first into 4 multipliers: 1 and 0, then 2 and 3.
  Folds folds(machine_of(4), vectors, {"1111"}, 1, {.policy = Schedule::largest});
  ASSERT_EQ(folds.program.size(), 2);
  EXPECT_EQ(folds.ends(0), (std::vector<int>{3, 4}));
  EXPECT_EQ(folds.words(StepKind::weights, 0), (std::vector<float>{11, 12, 13, 1}));
  for (Count i = 0; i < 2; ++i) {
    folds.program.store(i, 0, static_cast<float>(10 + i));
    folds.program.store(i, 1, static_cast<float>(20 + i));
  }
  EXPECT_EQ(folds.output, (std::vector<float>{20, 10, 11, 21}));
  EXPECT_EQ(Folds(machine_of(4), vectors, {"1111"}).program.size(), 2);
  EXPECT_EQ(Folds(machine_of(4), vectors, {"1111"}, 1, {.policy = Schedule::fullest}).program.size(), 2);
}

// What the machine makes of the folds: every virtual neuron adds up the products of its multipliers.
void multiply(Folds& folds) {
  std::vector<Count> results(static_cast<std::size_t>(folds.array.multipliers), 0);
  for (Count fold = 0; fold < folds.program.size(); ++fold) {
    const std::vector<float> weights = folds.words(StepKind::weights, fold);
    for (Count window = 0; window < folds.program.windows(); ++window) {
      const std::vector<float> words = folds.words(StepKind::window, fold, window);
      const fabric::Clusters& clusters = folds.program.clusters();
      std::vector<float> input(static_cast<std::size_t>(clusters.used()));
      for (std::size_t p = 0; p < words.size(); ++p) {
        for (const int m : folds.program.packets(StepKind::window)[p]) input.at(static_cast<std::size_t>(m)) = words[p];
      }
      for (int v = 0; v < clusters.count; ++v) {
        float sum = 0;
        for (int m = clusters.begin(v); m < clusters.end(v); ++m) {
          const bool psum = clusters.psums_streamed && m == 0;
          const float factor = psum ? 1 : weights.at(static_cast<std::size_t>(m - (clusters.psums_streamed ? 1 : 0)));
          if (!fabric::is_padding(factor)) sum += input[static_cast<std::size_t>(m)] * factor;
        }
        folds.program.store(results[static_cast<std::size_t>(v)]++, v, sum);
      }
    }
  }
}

std::vector<std::string> random_vectors(SplitMix64& random, std::int64_t count, std::int64_t length) {
  std::vector<std::string> texts(static_cast<std::size_t>(count), std::string(static_cast<std::size_t>(length), '0'));
  for (std::string& text : texts) {
    for (char& bit : text) bit = random.one_in(2) ? '1' : '0';
  }
  return texts;
}

TEST(BitmapProgram, computes_the_product_in_as_many_folds_as_the_schedule_says) {
  for_draws(1, [](SplitMix64& random) {
    arch::SparseArray array =
        machine_of(1 << random.between(1, 4), random.one_in(2), static_cast<int>(random.between(1, 3)));
    array.stationary_inputs = random.one_in(2);
    const std::int64_t batch = random.between(1, 2);
    const std::int64_t length = random.between(1, 40);
    const SparseTile tile{.policy = static_cast<Schedule>(random.between(0, 3)), .seed = random.next()};
    const std::vector<std::string> vectors = random_vectors(random, batch * random.between(1, 6), length);
    const std::vector<std::string> streaming = random_vectors(random, batch * random.between(1, 3), length);
    Folds folds(array, vectors, streaming, batch, tile);
    multiply(folds);
    Count packed = 0;
    for (std::int64_t b = 0; b < batch; ++b) {
      std::vector<std::int64_t> sizes;
      const std::int64_t count = folds.operands.vectors();
      for (std::int64_t v = b * count; v < (b + 1) * count; ++v) {
        const auto at = static_cast<std::size_t>(v);
        sizes.push_back(folds.operands.stationary().begin[at + 1] - folds.operands.stationary().begin[at]);
        for (std::int64_t s = 0; s < folds.operands.steps(); ++s) {
          float expected = 0;
          for (std::int64_t k = 0; k < length; ++k)
            expected += folds.held[static_cast<std::size_t>(v * length + k)] * folds.operands.streaming(b, s, k);
          ASSERT_EQ(folds.operands.output(b, v % count, s), expected) << "vector " << v << ", step " << s;
        }
      }
      const auto order = mapping::schedule(tile.policy, sizes, array.multipliers, tile.seed);
      packed += mapping::pack(order, sizes, array.multipliers).folds;
    }
    Count results = 0;
    for (Count fold = 0; fold < folds.program.size(); ++fold) {
      const fabric::Round round = folds.program.at(fold);
      ASSERT_LE(folds.ends(fold).back(), array.multipliers);
      ASSERT_EQ(round.before, results);
      results += round.results;
      Count reads = 0;
      for (Count window = 0; window < folds.program.windows(); ++window)
        reads += folds.program.reads({.round = fold, .window = window, .kind = StepKind::window});
      ASSERT_EQ(reads, round.input_reads);
    }
    if (array.psums_streamed) {
      ASSERT_EQ(folds.program.size(), packed);
    }
  });
}

}  // namespace
}  // namespace cairn::testing
