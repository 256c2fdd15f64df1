// The mapping onto an output-stationary array: tiles cover the outputs exactly once; groups are the same tiles by
// shape.
#include "mapping/output_tiles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "harness/faults.h"
#include "harness/operations.h"
#include "harness/runs.h"

namespace cairn::mapping {
namespace {

using testing::cases;
using testing::SplitMix64;

const arch::SystolicArray kArray{4, 6, false};

template <class Check>
void for_tilings(std::uint64_t first, Check check) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(cases(500)); ++seed) {
    SplitMix64 random(seed);
    const Gemm gemm = testing::random_gemm(random, 30);
    const Tile tile{random.between(1, 12), random.between(1, 12)};
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + testing::text(gemm) + ", tile " + std::to_string(tile.rows) +
                 " x " + std::to_string(tile.columns));
    check(gemm.sizes(), OutputTiles(gemm, tile), tile);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(OutputTiles, cover_every_output_exactly_once_in_order) {
  for_tilings(1, [](const Gemm::Sizes& s, const OutputTiles& tiles, const Tile& tile) {
    std::vector<int> covered(static_cast<std::size_t>(s.batch * s.m * s.n));
    std::tuple<std::int64_t, std::int64_t, std::int64_t> before{-1, -1, -1};
    for (std::int64_t i = 0; i < tiles.size(); ++i) {
      const Block block = tiles.at(i);
      ASSERT_LE(block.rows, tile.rows);
      ASSERT_LE(block.columns, tile.columns);
      const std::tuple here{block.batch, block.row, block.column};
      ASSERT_LT(before, here) << "batch outermost, then rows, then columns";
      before = here;
      for (std::int64_t o = 0; o < block.rows * block.columns; ++o) {
        ++covered.at(static_cast<std::size_t>((block.batch * s.m + block.row + o / block.columns) * s.n + block.column +
                                              o % block.columns));
      }
    }
    ASSERT_EQ(covered, std::vector<int>(covered.size(), 1));
  });
}

TEST(OutputTiles, grouped_by_shape_are_the_tiles_enumerated) {
  for_tilings(10'001, [](const Gemm::Sizes&, const OutputTiles& tiles, const Tile&) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> enumerated;
    for (std::int64_t i = 0; i < tiles.size(); ++i) ++enumerated[{tiles.at(i).rows, tiles.at(i).columns}];
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> grouped;
    const std::vector<OutputTiles::Group> groups = tiles.groups();
    for (const OutputTiles::Group& g : groups) grouped[{g.rows, g.columns}] += g.count;
    ASSERT_EQ(grouped, enumerated);
    ASSERT_EQ(groups.size(), grouped.size()) << "each shape once";
    ASSERT_LE(groups.size(), 4U);
  });
}

TEST(ChooseTile, takes_the_whole_array_where_nothing_is_given) {
  EXPECT_EQ(choose_tile(kArray, {}), (Tile{4, 6}));
  EXPECT_EQ(choose_tile(kArray, {{"M", 2}}), (Tile{2, 6}));
  EXPECT_EQ(choose_tile(kArray, {{"M", 4}, {"N", 1}}), (Tile{4, 1}));
}

TEST(ChooseTile, refuses_a_tile_larger_than_the_array) {
  testing::expect_fault(
      [] {
        choose_tile(kArray, {{"M", 5}});
      },
      "E401", "tile", "M = 5 on an array of 4 x 6", "M = 1 to 4");
  testing::expect_fault(
      [] {
        choose_tile(kArray, {{"N", 7}});
      },
      "E401", "tile", "N = 7 on an array of 4 x 6", "N = 1 to 6");
}

TEST(ChooseTile, refuses_a_tile_of_nothing) {
  testing::expect_fault(
      [] {
        choose_tile(kArray, {{"N", 0}});
      },
      "E401", "tile", "N = 0 on an array of 4 x 6", "N = 1 to 6");
  testing::expect_fault(
      [] {
        choose_tile(kArray, {{"M", -3}});
      },
      "E401", "tile", "M = -3 on an array of 4 x 6", "M = 1 to 4");
}

TEST(ChooseTile, refuses_a_dimension_that_is_not_tiled) {
  testing::expect_fault(
      [] {
        choose_tile(kArray, {{"K", 4}});
      },
      "E401", "tile", "a systolic array does not tile 'K'", "M (rows of the array) and N (columns)");
  EXPECT_FALSE(testing::faults([] { choose_tile(kArray, {{"m", 4}}); }).empty());
}

TEST(ChooseTile, tells_all_faults_at_once) {
  EXPECT_EQ(testing::names(testing::faults([] {
              choose_tile(kArray, {{"K", 4}, {"M", 0}, {"N", 99}});
            })),
            std::vector<std::string>(3, "E401"));
}

}  // namespace
}  // namespace cairn::mapping
