// The mapping onto an array that holds an operand: folds cover it exactly once; groups are the same folds by what they
// cost.
#include "mapping/folds.h"

#include <gtest/gtest.h>

#include <map>

#include "harness/faults.h"
#include "harness/operations.h"
#include "harness/runs.h"

namespace cairn::mapping {
namespace {

using testing::cases;
using testing::SplitMix64;

template <class Check>
void for_folds(std::uint64_t first, Check check) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(500)); ++seed) {
    SplitMix64 random(seed);
    const Gemm gemm = testing::random_gemm(random, 30);
    const Tile tile{random.between(1, 12), random.between(1, 12)};
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + testing::text(gemm) + ", tile " + std::to_string(tile.rows) +
                 " x " + std::to_string(tile.columns));
    check(gemm.sizes(), Folds(gemm, tile), tile);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Folds, cover_the_second_operand_exactly_once_and_add_but_for_the_first_of_an_output) {
  for_folds(1, [](const Gemm::Sizes& s, const Folds& folds, const Tile& tile) {
    std::vector<int> covered(static_cast<std::size_t>(s.batch * s.k * s.n));
    std::vector<int> begun(static_cast<std::size_t>(s.batch * s.n));
    for (std::int64_t i = 0; i < folds.size(); ++i) {
      const Fold fold = folds.at(i);
      ASSERT_LE(fold.terms, tile.rows);
      ASSERT_LE(fold.columns, tile.columns);
      for (std::int64_t c = fold.column; c < fold.column + fold.columns; ++c) {
        ASSERT_EQ(fold.adds ? 1 : 0, begun.at(static_cast<std::size_t>(fold.batch * s.n + c)));
        begun.at(static_cast<std::size_t>(fold.batch * s.n + c)) = 1;
        for (std::int64_t k = fold.term; k < fold.term + fold.terms; ++k)
          ++covered.at(static_cast<std::size_t>((fold.batch * s.k + k) * s.n + c));
      }
    }
    ASSERT_EQ(covered, std::vector<int>(covered.size(), 1));
  });
}

TEST(Folds, grouped_by_cost_are_the_folds_enumerated) {
  for_folds(10'001, [](const Gemm::Sizes&, const Folds& folds, const Tile&) {
    using Cost = std::tuple<std::int64_t, std::int64_t, bool>;
    std::map<Cost, std::int64_t> enumerated;
    for (std::int64_t i = 0; i < folds.size(); ++i) {
      const Fold fold = folds.at(i);
      ++enumerated[{fold.terms, fold.columns, fold.adds}];
    }
    std::map<Cost, std::int64_t> grouped;
    const std::vector<Folds::Group> groups = folds.groups();
    for (const Folds::Group& g : groups) grouped[{g.terms, g.columns, g.adds}] += g.count;
    ASSERT_EQ(grouped, enumerated);
    ASSERT_EQ(groups.size(), grouped.size()) << "each cost once";
  });
}

// A column of the array makes a sum a step in every fold that uses it.
TEST(Folds, know_which_sum_of_a_column_is_part_of_which_output) {
  for_folds(20'001, [](const Gemm::Sizes& s, const Folds& folds, const Tile& tile) {
    const bool whole = tile.rows % 2 == 0;
    const std::int64_t used_last = whole ? tile.columns : folds.last_columns();
    for (std::int64_t column = 0; column < tile.columns; ++column) {
      std::int64_t made = 0;
      for (std::int64_t i = 0; i < folds.size(); ++i) {
        if (!whole && column >= folds.at(i).columns) continue;
        for (std::int64_t step = 0; step < s.m; ++step) {
          const auto [fold, row] = folds.sum(made++, column, used_last);
          ASSERT_EQ(fold, i);
          ASSERT_EQ(row, step);
        }
      }
    }
  });
}

TEST(ChooseTile, names_the_terms_and_the_columns_of_an_operand_that_stays) {
  arch::SystolicArray weights{4, 6, false};
  weights.holds = true;
  EXPECT_EQ(choose_tile(weights, {{"K", 3}, {"N", 5}}), (Tile{3, 5}));
  testing::expect_fault(
      [&] {
        choose_tile(weights, {{"M", 2}});
      },
      "E401", "tile", "a weight-stationary array does not tile 'M'", "K (rows of the array) and N (columns)");
  arch::SystolicArray inputs = weights;
  inputs.stationary_inputs = true;
  EXPECT_EQ(choose_tile(inputs, {{"M", 5}}), (Tile{4, 5}));
  testing::expect_fault(
      [&] {
        choose_tile(inputs, {{"N", 2}});
      },
      "E401", "tile", "an input-stationary array does not tile 'N'", "K (rows of the array) and M (columns)");
  testing::expect_fault(
      [&] {
        choose_tile(weights, {{"K", 5}});
      },
      "E401", "tile", "K = 5 on an array of 4 x 6", "K = 1 to 4");
}

}  // namespace
}  // namespace cairn::mapping
