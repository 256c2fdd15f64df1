// Machines of independent lanes: both evaluators agree in all they tell, sums are left where that changes nothing
// behind the rectifier, and what a prediction loses is told.
#include <gtest/gtest.h>

#include <cmath>

#include "harness/cases.h"
#include "harness/faults.h"
#include "harness/runs.h"

namespace cairn::testing {
namespace {

const MachineSpace kSpace{.lanes = true};

float word(const std::vector<float>& words, std::size_t filter, float none) {
  return words.empty() ? none : words.at(filter);
}

// A case whose inputs are not negative, and what happens to its output.
struct RectifiedCase : Case {
  explicit RectifiedCase(std::uint64_t seed) : Case(seed, kSpace) {
    const bool integers = random.one_in(2);
    for (float& input : data.a) input = std::abs(input) * (integers ? 1.0F : noise());
    if (!integers) {
      for (float& weight : data.b) weight *= noise();
    }
    const Conv* conv = std::get_if<Conv>(&operation);
    const std::int64_t filters = conv != nullptr ? conv->sizes().filters : std::get<Gemm>(operation).sizes().n;
    data.expected = conv != nullptr ? workload::reference_conv(*conv, data.a.data(), data.b.data())
                                    : workload::reference_gemm(std::get<Gemm>(operation), data.a_view, data.b_view);
    if (random.one_in(2)) {
      for (std::int64_t f = 0; f < filters; ++f)
        rectified.scale.push_back(static_cast<float>(random.between(-2, 3)) * noise());
    }
    if (random.one_in(2)) {
      for (std::int64_t f = 0; f < filters; ++f)
        rectified.shift.push_back(static_cast<float>(random.between(-20, 20)) * noise());
    }
    outputs_of_filter = 1;
    if (conv != nullptr) outputs_of_filter = product(conv->output());
    filters_ = static_cast<std::size_t>(filters);
  }

  float noise() { return static_cast<float>(random.between(1, 1000)) / 700.0F; }

  float scale_of(std::size_t output) const { return word(rectified.scale, filter_of(output), 1); }
  // The output after the rectifier.
  float after(const std::vector<float>& values, std::size_t output) const {
    return std::max(0.0F, scale_of(output) * values[output] + word(rectified.shift, filter_of(output), 0));
  }
  std::size_t filter_of(std::size_t output) const {
    return output / static_cast<std::size_t>(outputs_of_filter) % filters_;
  }
  bool predicts() const { return arch::lane_array(description).prefix > 0; }

  Rectified rectified;
  std::int64_t outputs_of_filter;
  std::size_t filters_;
};

TEST(IndependentLanes, agree_in_cycles_counters_and_values_where_nothing_is_checked) {
  for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cases(1000)); ++seed) {
    const Case c(seed, kSpace);
    SCOPED_TRACE(c.trace);
    const Evaluation stepped = step(c.description, c.operation, c.tile, c.data);
    ASSERT_EQ(difference(stepped, flow(c.description, c.operation, c.tile, c.data)), "");
    ASSERT_EQ(stepped.values, c.data.expected);
  }
}

TEST(IndependentLanes, agree_bit_by_bit_where_sums_are_left) {
  Count left = 0;
  for (std::uint64_t seed = 100'001; seed <= 100'000 + static_cast<std::uint64_t>(cases(1500)); ++seed) {
    const RectifiedCase c(seed);
    SCOPED_TRACE(c.trace);
    const Evaluation stepped = step(c.description, c.operation, c.data, c.rectified);
    const Evaluation flowed = flow(c.description, c.operation, c.data, c.rectified);
    const bool checks = arch::lane_array(c.description).checks;
    if (checks) {
      ASSERT_EQ(difference(stepped, flowed), "");
    } else {  // whose values come from a library, in another order of summation
      ASSERT_EQ(stepped.outcome.counters, flowed.outcome.counters);
      ASSERT_EQ(stepped.outcome.cycles, flowed.outcome.cycles);
    }
    ASSERT_EQ(stepped.outcome.early_stop.has_value(), checks);
    if (checks) left += stepped.outcome.early_stop->outputs_stopped;
  }
  EXPECT_GT(left, 0);
}

// Within what a float rounds in another order of summation.
TEST(IndependentLanes, give_the_same_behind_the_rectifier_as_a_machine_that_finishes_every_sum) {
  for (std::uint64_t seed = 200'001; seed <= 200'000 + static_cast<std::uint64_t>(cases(1500)); ++seed) {
    const RectifiedCase c(seed);
    if (c.predicts()) continue;
    SCOPED_TRACE(c.trace);
    const Evaluation flowed = flow(c.description, c.operation, c.data, c.rectified);
    for (std::size_t i = 0; i < c.data.expected.size(); ++i) {
      const double tolerance = 1e-3 * (1 + std::abs(static_cast<double>(c.scale_of(i))));
      ASSERT_NEAR(c.after(flowed.values, i), c.after(c.data.expected, i), tolerance) << "output " << i;
    }
  }
}

TEST(IndependentLanes, tell_what_a_prediction_loses) {
  Count wrong = 0;
  for (std::uint64_t seed = 300'001; seed <= 300'000 + static_cast<std::uint64_t>(cases(1000)); ++seed) {
    const RectifiedCase c(seed);
    if (!c.predicts()) continue;
    SCOPED_TRACE(c.trace);
    const Evaluation stepped = step(c.description, c.operation, c.data, c.rectified);
    const Evaluation flowed = flow(c.description, c.operation, c.data, c.rectified);
    const auto& loss = flowed.outcome.early_stop->loss;
    ASSERT_TRUE(loss.has_value());
    ASSERT_EQ(loss->wrong_zeros, stepped.outcome.early_stop->loss->wrong_zeros);
    ASSERT_EQ(loss->largest_error, stepped.outcome.early_stop->loss->largest_error);
    double largest = 0;
    double all = 0;
    for (std::size_t i = 0; i < c.data.expected.size(); ++i) {
      const double error = std::abs(c.after(flowed.values, i) - c.after(c.data.expected, i));
      largest = std::max(largest, error);
      all += error;
    }
    ASSERT_NEAR(loss->largest_error, largest, 1e-2);
    ASSERT_NEAR(loss->mean_error, all / static_cast<double>(c.data.expected.size()), 1e-2);
    wrong += loss->wrong_zeros;
  }
  EXPECT_GT(wrong, 0);
}

TEST(IndependentLanes, give_the_same_run_in_every_order_of_ticking) {
  for (std::uint64_t seed = 400'001; seed <= 400'000 + static_cast<std::uint64_t>(cases(200)); ++seed) {
    const RectifiedCase c(seed);
    SCOPED_TRACE(c.trace);
    const Evaluation usual = step(c.description, c.operation, c.data, c.rectified);
    for (std::uint64_t shuffle = 0; shuffle < 5; ++shuffle)
      ASSERT_EQ(difference(usual, step(c.description, c.operation, c.data, c.rectified, shuffle)), "");
  }
}

// By hand: two lanes, one filter, two windows. Loaded in 1, fetched from 2 on, in the accumulators two cycles later.
// The sum of the first window is below 0 after its second product, in 5: the lane is told in 6, when it has fetched
// the fourth term in 5.
TEST(IndependentLanes, leave_a_sum_by_hand) {
  const arch::Machine two = machine("snapea-64", {{"multiplier.multipliers", "2"}});
  const Gemm gemm({.m = 2, .n = 1, .k = 6});
  Data data;
  data.a = {1, 0, 5, 1, 1, 1, 1, 1, 0, 0, 0, 0};
  data.b = {2, 1, -3, -1, -1, -1};
  data.a_view = {data.a.data(), 0, 6, 1};
  data.b_view = {data.b.data(), 0, 1, 1};
  data.expected = {-16, 3};
  const Evaluation run = flow(two, gemm, data, {});
  EXPECT_EQ(run.values, (std::vector<float>{-13, 3}));
  EXPECT_EQ(difference(run, step(two, gemm, data, {})), "");
  const auto& stop = *run.outcome.early_stop;
  EXPECT_TRUE(stop.checked);
  EXPECT_EQ(stop.outputs_stopped, 1);
  EXPECT_EQ(stop.products_wasted, 2);
  EXPECT_EQ(stop.products_skipped, 1);
  EXPECT_EQ(run.outcome.cycles, 11) << "the sixth term is fetched in 7, added in 9, read out in 10, stored in 11";
}

TEST(IndependentLanes, refuse_a_negative_input_by_name) {
  const arch::Machine snapea = machine("snapea-64");
  const Gemm gemm({.m = 1, .n = 1, .k = 2});
  Data data;
  for (const float bad : {-1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    data.a = {1, bad};
    data.b = {1, 1};
    data.a_view = {data.a.data(), 0, 2, 1};
    data.b_view = {data.b.data(), 0, 1, 1};
    data.expected = {0};
    for (const bool clocked : {false, true}) {
      const auto found = faults([&] { clocked ? step(snapea, gemm, data, {}) : flow(snapea, gemm, data, {}); });
      ASSERT_EQ(found.size(), 1U);
      EXPECT_EQ(found[0].code, Code::operand_mismatch);
      EXPECT_EQ(found[0].place, "rectified");
    }
    EXPECT_NO_THROW(flow(machine("snapea-baseline-64"), gemm, data, {}));
  }
}

TEST(IndependentLanes, refuse_more_outputs_than_can_be_handed_out_and_any_tile) {
  const arch::Machine snapea = machine("snapea-64");
  engine::Fabric fabric(snapea);
  engine::RoundCosts known;
  const Gemm huge({.m = 1'000'000, .n = 1'000'000, .k = 1});
  expect_fault([&] { engine::run_flow(fabric, snapea, huge, engine::tile_of(snapea, huge, {}), {}, known); }, "U203",
               "operation", "1 x 1000000 x 1000000 outputs are too many to be handed out one by one",
               "simulate a smaller operation, or another machine");
  expect_fault(
      [&] {
        engine::tile_of(snapea, huge, {{"M", 2}});
      },
      "E401", "tile", "'M': independent lanes take one output each", "leave it out");
}

}  // namespace
}  // namespace cairn::testing
