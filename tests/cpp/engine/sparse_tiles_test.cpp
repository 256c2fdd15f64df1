// Which tiles a sparse machine takes, how it refuses the others, and which one it finds itself.
#include <gtest/gtest.h>

#include <limits>

#include "engine/sparse.h"
#include "harness/cases.h"
#include "harness/draws.h"
#include "harness/faults.h"

namespace cairn::testing {
namespace {

using mapping::SparseTile;

cost::Meter meter_of(const arch::Machine& machine) {
  return cost::Meter(machine, cost::prices(cost::load_table("stonne"), {}, "", {}));
}

const Operation kProduct = Gemm({.m = 6, .n = 4, .k = 10});

// Timing of a product without values, whose operands have no zeros: rows of 10 entries.
void run(const std::string& preset, const arch::Overrides& overrides, const SparseTile& tile,
         const Operation& operation = kProduct) {
  const arch::Machine description = machine(preset, overrides);
  engine::Fabric fabric(description);
  engine::flow_sparse(fabric, description, operation, tile, {});
}

void expect_refused(const arch::Overrides& overrides, const SparseTile& tile, const std::string& code,
                    const std::string& message, const std::string& remedy) {
  SCOPED_TRACE(text(overrides));
  expect_fault([&] { run("magma-128", overrides, tile); }, code, "tile", message, remedy);
  // Under the other evaluator too.
  const Data data = [] {
    SplitMix64 random(1);
    Data made = random_data(random, kProduct);
    for (float& word : made.b) word = 1;
    return made;
  }();
  EXPECT_EQ(names(faults([&] { step(machine("magma-128", overrides), kProduct, tile, data); })),
            (std::vector<std::string>{code}));
}

TEST(SparseTile, of_a_machine_with_rows_is_given_by_the_streaming_dimension_and_K) {
  const arch::Machine weights = machine("magma-128");
  const arch::Machine inputs = machine("magma-128", {{"memory.stationary", "inputs"}});
  EXPECT_EQ(engine::sparse_tile(weights, {{"M", 4}, {"K", 8}}), (SparseTile{.columns = 4, .depth = 8}));
  EXPECT_EQ(engine::sparse_tile(inputs, {{"N", 4}, {"K", 8}}), (SparseTile{.columns = 4, .depth = 8}));
  EXPECT_EQ(engine::sparse_tile(weights, {}), (SparseTile{.columns = 1, .depth = 1}));
  EXPECT_EQ(engine::named_tile(weights, SparseTile{.columns = 4, .depth = 8}), (NamedTile{{"K", 8}, {"M", 4}}));
  EXPECT_EQ(engine::named_tile(inputs, SparseTile{.columns = 4, .depth = 8}), (NamedTile{{"K", 8}, {"N", 4}}));
}

TEST(SparseTile, of_other_letters_or_sizes_below_one_is_refused) {
  const arch::Machine rows = machine("magma-128");
  expect_fault(
      [&] {
        engine::sparse_tile(rows, {{"N", 4}});
      },
      "E401", "tile", "'N' is no dimension of the tile", "K and M");
  expect_fault(
      [&] {
        engine::sparse_tile(machine("magma-128", {{"memory.stationary", "inputs"}}), {{"M", 4}});
      },
      "E401", "tile", "'M' is no dimension of the tile", "K and N");
  expect_fault([&] { engine::sparse_tile(rows, {{"K", 0}}); }, "E401", "tile", "K = 0 is below 1", "K = 1 or more");
  EXPECT_EQ(names(faults([&] {
              engine::sparse_tile(rows, {{"K", -1}, {"M", 0}, {"X", 1}});
            })),
            std::vector<std::string>(3, "E401"))
      << "all at once";
}

TEST(SparseTile, is_not_asked_of_a_machine_with_bitmaps) {
  const arch::Machine bitmaps = machine("sigma-128");
  EXPECT_EQ(engine::sparse_tile(bitmaps, {}), SparseTile{});
  EXPECT_TRUE(engine::named_tile(bitmaps, SparseTile{}).empty());
  expect_fault(
      [&] {
        engine::sparse_tile(bitmaps, {{"K", 4}});
      },
      "E401", "tile", "'K': a machine with bitmaps forms its own tiles", "leave it out");
}

TEST(SparseTile, that_needs_more_multipliers_than_there_are_is_refused) {
  EXPECT_TRUE(faults([] { run("magma-128", {}, {.columns = 16, .depth = 8}); }).empty());
  expect_refused({}, {.columns = 13, .depth = 10}, "E401",
                 "13 virtual neurons of 10 need more than the 128 multipliers of the machine", "a smaller tile");
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(names(faults([&] { run("magma-128", {}, {.columns = huge, .depth = huge}); })),
            (std::vector<std::string>{"E401"}));
}

TEST(SparseTile, whose_folds_nothing_adds_up_is_refused) {
  const arch::Overrides no_accumulators{{"reduction.accumulators", "false"}};
  EXPECT_TRUE(faults([&] { run("magma-128", no_accumulators, {.columns = 4, .depth = 10}); }).empty()) << "one fold";
  expect_refused(no_accumulators, {.columns = 4, .depth = 9}, "U204",
                 "a row of 10 entries takes several folds of 9, which nothing adds up",
                 "K = 10 or more, or reduction.accumulators = true");
}

TEST(SparseTile, of_virtual_neurons_is_refused_by_a_reduction_over_time_only) {
  const arch::Overrides temporal{{"reduction.type", "temporal"}};
  EXPECT_TRUE(faults([&] { run("magma-128", temporal, {.columns = 6, .depth = 1}); }).empty());
  expect_refused(temporal, {.columns = 6, .depth = 2}, "U204",
                 "virtual neurons of 2 multipliers: temporal reduction adds up over time only, one multiplier each",
                 "K = 1, or reduction.type = art");
}

TEST(SparseTile, of_single_multipliers_is_refused_where_two_would_share_an_accumulator) {
  EXPECT_TRUE(faults([&] { run("magma-128", {}, {.columns = 1, .depth = 1}); }).empty()) << "there is one";
  const Operation one_fold = Gemm({.m = 6, .n = 4, .k = 1});
  EXPECT_TRUE(faults([&] { run("magma-128", {}, {.columns = 6, .depth = 1}, one_fold); }).empty());
  expect_refused({}, {.columns = 2, .depth = 1}, "U204",
                 "virtual neurons of one multiplier: two of them would share an accumulator at the first adder",
                 "K = 2 or more, or reduction.type = temporal or fan");
  const arch::Overrides fan{{"reduction.type", "fan"}};
  EXPECT_TRUE(faults([&] { run("magma-128", fan, {.columns = 2, .depth = 1}); }).empty())
      << "each has a folding adder of its own";
}

const MachineSpace kSparse{.sparse = true};

// A random sparse x dense machine with a random product; timing only.
struct RowCase {
  explicit RowCase(std::uint64_t seed) : random(seed), overrides(random_overrides(random, kSparse)) {
    while (overrides.front().second != "csr") overrides = random_overrides(random, kSparse);
    description = machine("sigma-tree-256", overrides);
    timing.sparsity = {.weights = 0.1 * static_cast<double>(random.between(0, 9)), .inputs = 0, .seed = random.next()};
    if (description.part("memory").word("stationary") == "inputs")
      std::swap(timing.sparsity.weights, timing.sparsity.inputs);
    product = random_gemm(random, 12);
    trace = "seed " + std::to_string(seed) + ": --arch sigma-tree-256 " + text(overrides) + ", " + text(product);
  }

  SplitMix64 random;
  arch::Overrides overrides;
  arch::Machine description;
  engine::Operands timing;
  Operation product = Gemm({.m = 1});
  std::string trace;
};

// The most entries that a stationary vector has.
std::int64_t longest_row(const RowCase& c) {
  const engine::SparseOperands operands(arch::sparse_array(c.description), c.product, c.timing, false);
  std::int64_t longest = 0;
  const std::vector<std::int64_t>& begin = operands.stationary().begin;
  for (std::size_t v = 1; v < begin.size(); ++v) longest = std::max(longest, begin[v] - begin[v - 1]);
  return longest;
}

// The code of the refusal as the specification has it (sparse 7.2, 7.4); "" if the tile is legal.
std::string refusal(const RowCase& c, const SparseTile& tile) {
  const arch::SparseArray array = arch::sparse_array(c.description);
  if (tile.columns * tile.depth > array.multipliers) return "E401";
  const bool folds = longest_row(c) > tile.depth;
  if (array.only_over_time) return tile.depth > 1 ? "U204" : "";
  if (!folds) return "";
  return !array.adds_folds || (!array.folds_singles && tile.depth == 1 && tile.columns > 1) ? "U204" : "";
}

Cycle cycles_of(const RowCase& c, const SparseTile& tile) {
  engine::Fabric fabric(c.description);
  return engine::flow_sparse(fabric, c.description, c.product, tile, c.timing).cycles;
}

TEST(SparseTile, is_taken_if_it_fits_and_refused_with_the_reason_if_not) {
  int refused = 0;
  for_draws(1, [&](SplitMix64& draw) {
    RowCase c(draw.next());
    SCOPED_TRACE(c.trace);
    const std::int64_t multipliers = c.description.part("multiplier").integer("multipliers");
    const SparseTile tile{.columns = c.random.between(1, c.random.one_in(4) ? 2 * multipliers : 6),
                          .depth = c.random.between(1, c.random.one_in(4) ? 2 * multipliers : 6)};
    std::vector<std::string> told = names(faults([&] { cycles_of(c, tile); }));
    told.resize(1);
    ASSERT_EQ(told[0], refusal(c, tile)) << tile.columns << " x " << tile.depth;
    refused += told[0].empty() ? 0 : 1;
  });
  EXPECT_GT(refused, 0);
}

TEST(SparseMapper, finds_a_tile_that_no_other_beats) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(60)); ++seed) {
    RowCase c(seed);
    const std::int64_t multipliers = c.description.part("multiplier").integer("multipliers");
    SCOPED_TRACE(c.trace);
    engine::Fabric fabric(c.description);
    Cycle fewest = std::numeric_limits<Cycle>::max();
    SparseTile best;
    for (std::int64_t depth = 1; depth <= multipliers; ++depth) {
      for (std::int64_t columns = 1; columns * depth <= multipliers; ++columns) {
        const SparseTile tile{.columns = columns, .depth = depth};
        if (!refusal(c, tile).empty()) continue;
        const Cycle taken = cycles_of(c, tile);
        if (taken < fewest) fewest = taken, best = tile;
      }
    }
    if (fewest == std::numeric_limits<Cycle>::max()) continue;  // no tile is legal
    const engine::RowMapping mapping =
        engine::map_rows(fabric, c.description, meter_of(c.description), c.product, c.timing, Objective::cycles);
    const auto& [found, cycles, energy, bound] = mapping.evaluated.front();
    ASSERT_EQ(cycles, cycles_of(c, found));
    ASSERT_LE(bound, cycles);
    ASSERT_EQ(cycles, fewest) << found.columns << " x " << found.depth << " instead of " << best.columns << " x "
                              << best.depth;
  }
}

TEST(SparseMapper, says_what_is_wrong_where_no_tile_fits) {
  const arch::Machine small = machine("magma-128", {{"multiplier.multipliers", "8"},
                                                    {"distribution.bandwidth", "8"},
                                                    {"collection.lines", "8"},
                                                    {"reduction.accumulators", "false"}});
  engine::Fabric fabric(small);
  EXPECT_EQ(names(faults([&] { engine::map_rows(fabric, small, meter_of(small), kProduct, {}, Objective::cycles); })),
            (std::vector<std::string>{"U204"}))
      << "rows of 10 entries, 8 multipliers, and nothing adds up folds";
}

}  // namespace
}  // namespace cairn::testing
