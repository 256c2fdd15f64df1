// Which tiles a flexible machine takes, and how it refuses the others.
#include <gtest/gtest.h>

#include "harness/cases.h"
#include "harness/faults.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

using mapping::Loop;

// The code of the refusal as the specification has it; "" if the tile is legal.
std::string refusal(const arch::Machine& machine, const mapping::Nest& nest, const mapping::DenseTile& tile) {
  const std::int64_t products = tile.cluster() * tile.clusters();
  const std::int64_t folds = mapping::Iterations(nest, tile).folds();
  const std::string& network = machine.part("reduction").type;
  const bool adds_up = network == "art" ? machine.part("reduction").flag("accumulators") : network != "synchronous-fan";
  const bool psums = folds > 1 && !adds_up && machine.part("memory").word("folds") == "inner";
  const std::int64_t needed = products + (psums ? tile.clusters() : 0);
  if (needed > machine.part("multiplier").integer("multipliers")) return "E401";
  if (network == "temporal") return tile.cluster() > 1 ? "U204" : "";
  // A leaf adder has one accumulator for its two multipliers.
  return network == "art" && tile.cluster() == 1 && folds > 1 && tile.clusters() > 1 && adds_up ? "U204" : "";
}

TEST(FlexibleTile, is_taken_if_it_fits_and_refused_with_the_reason_if_not) {
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(3000)); ++seed) {
    SplitMix64 random(seed);
    const arch::Overrides overrides = random_overrides(random, {.flexible = true});
    const arch::Machine description = machine("maeri-64", overrides);
    const Operation operation = random_sliding_operation(random);
    const NamedTile named =
        random_named_tile(random, operation, 2 * description.part("multiplier").integer("multipliers"));
    SCOPED_TRACE("seed " + std::to_string(seed) + ": --arch maeri-64 " + text(overrides) + text(named) + ", " +
                 text(operation));
    const mapping::Nest nest = mapping::nest_of(operation);
    const std::string expected = refusal(description, nest, mapping::dense_tile(nest, named));
    std::vector<std::string> told = names(faults([&] { engine::tile_of(description, operation, named); }));
    told.resize(1);
    ASSERT_EQ(told[0], expected);
    refused += expected.empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

const Operation kProduct = Gemm({.m = 8, .n = 8, .k = 16});
const Operation kConv = Conv({.channels = 4, .filters = 4, .input = {8, 8}, .kernel = {3, 3}});

void expect_refused(const arch::Overrides& overrides, const Operation& operation, const NamedTile& tile,
                    const std::string& code, const std::string& place, const std::string& message,
                    const std::string& remedy) {
  expect_fault([&] { engine::tile_of(machine("maeri-64", overrides), operation, tile); }, code, place, message, remedy);
}

TEST(FlexibleTile, that_needs_more_multipliers_than_there_are_is_refused) {
  EXPECT_TRUE(faults([] { engine::tile_of(machine("maeri-64"), kProduct, {{"K", 16}, {"N", 4}}); }).empty());
  expect_refused({}, kProduct, {{"K", 16}, {"N", 5}}, "E401", "tile",
                 "the tile needs more than the 64 multipliers of the machine", "a smaller tile");
  const std::int64_t huge = std::int64_t{1} << 62;
  expect_refused({}, kConv, {{"R", huge}, {"S", huge}, {"C", huge}, {"X", huge}}, "E401", "tile",
                 "the tile needs more than the 64 multipliers of the machine", "a smaller tile");
}

TEST(FlexibleTile, on_a_machine_without_accumulators_needs_a_multiplier_to_add_up_the_folds_of_a_virtual_neuron) {
  const arch::Overrides no_accumulators{{"reduction.accumulators", "false"}};
  EXPECT_TRUE(faults([&] {
                engine::tile_of(machine("maeri-64", no_accumulators), kProduct, {{"K", 16}, {"N", 4}});
              }).empty())
      << "one fold";
  expect_refused(no_accumulators, kProduct, {{"K", 8}, {"N", 8}}, "E401", "tile",
                 "the tile needs more than the 64 multipliers of the machine: a product each, and one multiplier a "
                 "virtual neuron to add up folds",
                 "a smaller tile, or reduction.accumulators = true");
}

TEST(FlexibleTile, of_virtual_neurons_is_refused_by_a_reduction_over_time_only) {
  const arch::Overrides temporal{{"reduction.type", "temporal"}};
  expect_refused(temporal, kProduct, {{"K", 2}}, "U204", "tile",
                 "virtual neurons of 2 multipliers: temporal reduction adds up over time only, one multiplier each",
                 "K = 1, or reduction.type = art");
  expect_refused(temporal, kConv, {{"S", 3}}, "U204", "tile",
                 "virtual neurons of 3 multipliers: temporal reduction adds up over time only, one multiplier each",
                 "R = S = C = 1, or reduction.type = art");
}

TEST(FlexibleTile, of_single_multipliers_is_refused_where_two_would_share_an_accumulator) {
  const std::string why =
      "virtual neurons of one multiplier: two of them would share an accumulator at the first adder";
  expect_refused({}, kProduct, {{"N", 2}}, "U204", "tile", why, "K = 2 or more, or reduction.type = temporal or fan");
  expect_refused({}, kConv, {{"K", 2}}, "U204", "tile", why,
                 "R, S or C of 2 or more, or reduction.type = temporal or fan");
  for (const char* network : {"art", "fan"}) {
    const arch::Machine description = machine("maeri-64", {{"reduction.type", network}});
    EXPECT_TRUE(faults([&] { engine::tile_of(description, kProduct, {}); }).empty()) << "there is one";
  }
  const arch::Machine fan = machine("maeri-64", {{"reduction.type", "fan"}});
  EXPECT_TRUE(faults([&] { engine::tile_of(fan, kProduct, {{"N", 2}}); }).empty()) << "a folding adder each";
}

TEST(FlexibleTile, is_given_in_the_letters_of_the_operation) {
  expect_refused({}, kProduct, {{"X", 2}}, "E401", "tile.X", "a matrix product has no tile size 'X'", "use M, N, K");
  expect_refused({}, kConv, {{"M", 2}}, "E401", "tile.M", "a convolution has no tile size 'M'",
                 "use R, S, C, K, G, N, X, Y");
  expect_refused({}, kConv, {{"K", 0}}, "E401", "tile.K", "tile size 0 is not positive", "1 or more");
  EXPECT_EQ(places(faults([] {
              engine::tile_of(machine("maeri-64"), kConv, {{"K", -1}, {"Q", 1}, {"k", 1}});
            })),
            (std::vector<std::string>{"E401 tile.K", "E401 tile.Q", "E401 tile.k"}));
}

TEST(FlexibleTile, is_told_again_with_all_its_letters) {
  const arch::Machine description = machine("maeri-64");
  EXPECT_EQ(engine::named_tile(description, kProduct, engine::tile_of(description, kProduct, {{"K", 4}})),
            (NamedTile{{"K", 4}, {"M", 1}, {"N", 1}}));
  EXPECT_EQ(engine::named_tile(description, kConv, engine::tile_of(description, kConv, {{"S", 3}, {"X", 2}})),
            (NamedTile{{"C", 1}, {"G", 1}, {"K", 1}, {"N", 1}, {"R", 1}, {"S", 3}, {"X", 2}, {"Y", 1}}));
}

}  // namespace
}  // namespace cairn::testing
