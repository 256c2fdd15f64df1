// Machines whose cycles have a closed form: the reference's arithmetic, the two RTL designs, the paper's table.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/machines.h"
#include "harness/runs.h"
#include "mapping/folds.h"
#include "util/units.h"

namespace cairn::testing {
namespace {

struct Shape {
  std::int64_t rows, columns;
};

std::vector<Shape> tiles_of(const Gemm::Sizes& s, const arch::SystolicArray& array) {
  std::vector<Shape> tiles;
  const mapping::OutputTiles all(Gemm(s), {array.rows, array.columns});
  for (std::int64_t i = 0; i < all.size(); ++i) tiles.push_back({all.at(i).rows, all.at(i).columns});
  return tiles;
}

// A tile of the reference: k steps, the way across the mesh, and the fixed latencies; half of a queue of one is all of
// it.
std::int64_t tpu_tile(std::int64_t k, const Shape& t) {
  return k + t.rows + t.columns + 3 - (t.rows == 1 || t.columns == 1 ? 1 : 0);
}

Gemm::Sizes random_sizes(SplitMix64& random, const arch::SystolicArray& array) {
  return {.m = random.between(1, 4 * array.rows),
          .n = random.between(1, 4 * array.columns),
          .k = random.between(1, 200),
          .batch = random.between(1, 3)};
}

TEST(TpuPresets, take_the_cycles_of_the_reference_formula) {
  SplitMix64 random(1);
  for (const char* preset : {"tpu-16x16", "tpu-32x32", "tpu-128x128", "tpu-256x256"}) {
    const arch::Machine description = machine(preset);
    const arch::SystolicArray array = arch::systolic_array(description);
    for (int i = 0; i < (array.rows > 100 ? 3 : 20); ++i) {
      const Gemm::Sizes s = random_sizes(random, array);
      Cycle expected = 0;
      for (const Shape& tile : tiles_of(s, array)) expected += tpu_tile(s.k, tile);
      EXPECT_EQ(cycles(description, s), expected) << preset << ", " << text(Gemm(s));
    }
  }
}

TEST(TpuPresets, take_the_cycles_of_the_papers_third_table) {
  const arch::Machine description = machine("tpu-16x16");
  EXPECT_EQ(cycles(description, {.m = 16, .n = 16, .k = 32}), 67);
  EXPECT_EQ(cycles(description, {.m = 16, .n = 16, .k = 16}), 51);
  EXPECT_EQ(cycles(description, {.m = 32, .n = 32, .k = 16}), 204);
  EXPECT_EQ(cycles(description, {.m = 64, .n = 64, .k = 32}), 1072);
}

// A fold of a weight-stationary array with the latencies of the reference: set-up, its terms, its rows of A, the way
// across and down, two registers and the bus. In each of the last cycles half of what is left is stored.
std::int64_t tpu_fold(const mapping::Fold& fold, std::int64_t steps) {
  std::int64_t queued = 0;
  std::int64_t last = 1 + fold.terms + fold.terms + 3;  // the first sum of the first column
  for (std::int64_t t = 0;; ++t) {
    // Column c has a sum in cycles c to c + steps - 1 of this count.
    queued += std::max<std::int64_t>(0, std::min(t, fold.columns - 1) - std::max<std::int64_t>(0, t - steps + 1) + 1);
    queued -= (queued + 1) / 2;
    if (t >= steps + fold.columns - 2 && queued == 0) return last + t;
  }
}

TEST(TpuWsPreset, takes_the_cycles_of_its_formula) {
  SplitMix64 random(5);
  const arch::Machine description = machine("tpu-ws-16x16");
  const arch::SystolicArray array = arch::systolic_array(description);
  for (int i = 0; i < 30; ++i) {
    const Gemm::Sizes s = random_sizes(random, array);
    const mapping::Folds folds(Gemm(s), {array.rows, array.columns});
    Cycle expected = 0;
    for (std::int64_t f = 0; f < folds.size(); ++f) expected += tpu_fold(folds.at(f), s.m);
    EXPECT_EQ(cycles(description, s), expected) << text(Gemm(s));
  }
}

// Folds by the rows and columns of the array, whatever of it they use. In an array whose outputs stay nothing is
// counted for the way out of them; where an operand stays it is loaded first and a sum goes down all rows.
TEST(ScaleSimPresets, take_the_cycles_of_its_folds) {
  SplitMix64 random(6);
  for (int i = 0; i < 60; ++i) {
    const std::int64_t rows = random.between(1, 16);
    const std::int64_t columns = random.between(1, 16);
    const arch::Overrides sides{{"multiplier.rows", std::to_string(rows)},
                                {"multiplier.columns", std::to_string(columns)}};
    const auto folds = [&](std::int64_t down, std::int64_t across) {
      return util::ceil_div(down, rows) * util::ceil_div(across, columns);
    };
    const Gemm::Sizes s = random_sizes(random, arch::systolic_array(machine("scale-sim-os", sides)));
    SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(columns) + ", " + text(Gemm(s)));
    const auto taken = [&](const char* preset) { return cycles(machine(preset, sides), s); };
    EXPECT_EQ(taken("scale-sim-os"), s.batch * folds(s.m, s.n) * (s.k + rows + columns - 2));
    EXPECT_EQ(taken("scale-sim-ws"), s.batch * folds(s.k, s.n) * (s.m + 2 * rows + columns - 2));
    EXPECT_EQ(taken("scale-sim-is"), s.batch * folds(s.k, s.m) * (s.n + 2 * rows + columns - 2));
  }
}

TEST(OsMeshRtl, clears_one_cycle_between_tiles_and_counts_from_the_first_operand) {
  SplitMix64 random(2);
  for (int i = 0; i < 60; ++i) {
    const arch::Machine description =
        machine("os-mesh-rtl", {{"multiplier.rows", std::to_string(random.between(1, 16))},
                                {"multiplier.columns", std::to_string(random.between(1, 16))}});
    const arch::SystolicArray array = arch::systolic_array(description);
    const Gemm::Sizes s = random_sizes(random, array);
    const std::vector<Shape> tiles = tiles_of(s, array);
    Cycle expected = static_cast<Cycle>(tiles.size()) - 1;
    for (const Shape& tile : tiles) expected += s.k + tile.rows + tile.columns - 2;
    EXPECT_EQ(cycles(description, s), expected) << array.rows << " x " << array.columns << ", " << text(Gemm(s));
  }
}

TEST(AxisSaRtl, overlaps_tiles_as_far_as_the_second_registers_allow) {
  SplitMix64 random(3);
  for (int i = 0; i < 60; ++i) {
    const std::int64_t rows = random.between(1, 16);
    const std::int64_t columns = random.between(1, 16);
    const arch::Machine description = machine(
        "axis-sa-rtl", {{"multiplier.rows", std::to_string(rows)}, {"multiplier.columns", std::to_string(columns)}});
    const Gemm::Sizes s = random_sizes(random, arch::systolic_array(description));
    const auto tiles = static_cast<std::int64_t>(tiles_of(s, arch::systolic_array(description)).size());
    const Cycle expected = s.k + rows + 2 * columns + (tiles - 1) * std::max(s.k, rows + 2 * columns - 2);
    EXPECT_EQ(cycles(description, s), expected) << rows << " x " << columns << ", " << text(Gemm(s));
  }
}

TEST(Presets, agree_under_both_evaluators_and_compute_the_values_of_the_reference) {
  SplitMix64 random(4);
  for (const arch::Preset& preset : arch::presets()) {
    const arch::Machine description = machine(std::string(preset.name));
    SCOPED_TRACE(preset.name);
    for (const Operation& operation : {Operation(Gemm({.m = 19, .n = 35, .k = 21})), Operation(random_conv(random))}) {
      const Data data = random_data(random, operation);
      const engine::Tile tile = random_tile(random, description, operation);
      const Evaluation stepped = step(description, operation, tile, data);
      EXPECT_EQ(difference(stepped, flow(description, operation, tile, data)), "");
      EXPECT_EQ(stepped.values, data.expected);
    }
  }
}

}  // namespace
}  // namespace cairn::testing
