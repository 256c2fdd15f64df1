// Sessions: layers one after the other on one machine, with or without values, tiles and progress.
#include "cairn/session.h"

#include <gtest/gtest.h>

#include "harness/faults.h"
#include "harness/operations.h"

namespace cairn::testing {
namespace {

constexpr Evaluator kEvaluators[] = {Evaluator::flow, Evaluator::step};

GemmOperands operands(const Data& data, std::vector<float>& output) {
  const auto matrix = [](const workload::MatrixView& v) {
    return GemmOperands::Matrix{v.data, v.batch_stride, v.row_stride, v.column_stride};
  };
  return {matrix(data.a_view), matrix(data.b_view), output.data()};
}

RunOptions tiled(std::map<std::string, std::int64_t> tile) { return {.tile = std::move(tile), .progress = {}}; }

void expect_same_costs(const LayerResult& a, const LayerResult& b) {
  EXPECT_EQ(a.cycles, b.cycles);
  EXPECT_EQ(a.counters, b.counters);
  EXPECT_EQ(a.rounds, b.rounds);
  EXPECT_EQ(a.distinct_rounds, b.distinct_rounds);
  EXPECT_EQ(a.buffer_reads, b.buffer_reads);
  EXPECT_EQ(a.buffer_writes, b.buffer_writes);
}

TEST(Session, runs_a_layer_and_tells_what_it_cost) {
  Session session(load_machine("tpu-16x16"));
  const LayerResult layer = session.run("g", Gemm({.m = 32, .n = 32, .k = 16}));
  EXPECT_EQ(layer.name, "g");
  EXPECT_EQ(layer.evaluator, "flow");
  EXPECT_EQ(layer.cycles, 204);
  EXPECT_EQ(layer.rounds, 4);
  EXPECT_EQ(layer.distinct_rounds, 1);
  EXPECT_EQ(layer.multipliers, 256);
  EXPECT_EQ(layer.multiplications, 32 * 32 * 16);
  EXPECT_EQ(layer.buffer_reads, 4 * 16 * 32);
  EXPECT_EQ(layer.buffer_writes, 32 * 32);
  EXPECT_EQ(layer.tile, (std::map<std::string, std::int64_t>{{"M", 16}, {"N", 16}}));
  EXPECT_DOUBLE_EQ(layer.utilisation(), 32.0 * 32 * 16 / (256.0 * 204));
}

TEST(Session, gives_equal_results_for_a_layer_run_twice_and_after_others) {
  for (const Evaluator evaluator : kEvaluators) {
    Session session(load_machine("tpu-16x16", {{"distribution.bandwidth", "7"}}), evaluator);
    const Gemm gemm({.m = 20, .n = 35, .k = 9, .batch = 2});
    const LayerResult first = session.run("a", gemm);
    const LayerResult other = session.run("b", Gemm({.m = 5, .n = 3, .k = 40}));
    const LayerResult again = session.run("c", gemm);
    expect_same_costs(first, again);
    EXPECT_NE(first.cycles, other.cycles);
    EXPECT_EQ(session.layers().size(), 3U);
    EXPECT_EQ(session.layers()[2].name, "c");
  }
}

TEST(Session, gives_the_same_costs_under_both_evaluators_with_and_without_values) {
  SplitMix64 random(7);
  for (int i = 0; i < 20; ++i) {
    const Conv conv = random_conv(random);
    const Gemm gemm = random_gemm(random);
    const Data conv_data = random_data(random, conv);
    const Data gemm_data = random_data(random, gemm);
    const LayerResult timing = Session(load_machine("os-mesh-rtl")).run("t", Operation(conv));
    for (const Evaluator evaluator : kEvaluators) {
      Session session(load_machine("os-mesh-rtl"), evaluator);
      std::vector<float> conv_output(conv_data.expected.size());
      std::vector<float> gemm_output(gemm_data.expected.size());
      expect_same_costs(
          session.run("c", conv, ConvOperands{conv_data.a.data(), conv_data.b.data(), conv_output.data()}), timing);
      session.run("g", gemm, operands(gemm_data, gemm_output));
      EXPECT_EQ(conv_output, conv_data.expected);
      EXPECT_EQ(gemm_output, gemm_data.expected);
    }
  }
}

TEST(Session, takes_a_tile_and_refuses_one_that_does_not_fit) {
  Session session(load_machine("tpu-16x16"));
  EXPECT_EQ(session.run("g", Gemm({.m = 16, .n = 16, .k = 4}), tiled({{"M", 4}})).rounds, 4);
  EXPECT_EQ(names(faults([&] {
              session.run("g", Gemm({.m = 16}), tiled({{"M", 17}, {"K", 1}}));
            })),
            std::vector<std::string>(2, "E401"));
  EXPECT_EQ(session.layers().size(), 1U) << "a refused layer leaves no trace";
}

TEST(Session, tells_its_progress_on_a_flexible_machine_and_while_it_searches) {
  std::int64_t told = 0;
  const auto progress = [&](std::int64_t done, std::int64_t all) {
    EXPECT_LE(done, all);
    ++told;
  };
  const Gemm gemm({.m = 16, .n = 16, .k = 16});
  Session(load_machine("maeri-64"), Evaluator::step)
      .run("g", gemm, RunOptions{.tile = {{"K", 16}, {"N", 4}}, .progress = progress});
  EXPECT_GT(told, 4);
  told = 0;
  Session(load_machine("maeri-64")).map(gemm, RunOptions{.progress = progress});
  EXPECT_GT(told, 1);
}

TEST(Session, tells_its_progress_while_it_steps) {
  Session session(load_machine("tpu-16x16"), Evaluator::step);
  std::vector<std::int64_t> done;
  const auto progress = [&](std::int64_t rounds, std::int64_t all) {
    done.push_back(rounds);
    EXPECT_EQ(all, 4);
  };
  EXPECT_EQ(session.run("g", Gemm({.m = 32, .n = 32, .k = 4}), {.tile = {}, .progress = progress}).evaluator, "step");
  EXPECT_EQ(done, (std::vector<std::int64_t>{0, 1, 2, 3}));
}

TEST(Session, says_how_many_rounds_flow_had_to_step) {
  Session session(load_machine("tpu-16x16", {{"multiplier.queue_depth", "2"}}));
  EXPECT_EQ(session.run("g", Gemm({.m = 20, .n = 20, .k = 4})).evaluator, "flow, 4 rounds stepped");
}

TEST(Session, refuses_to_clock_more_steps_than_it_can_hold) {
  const Gemm long_sum({.k = std::int64_t{1} << 40});
  const Overrides bounded{{"multiplier.queue_depth", "2"}};
  EXPECT_EQ(names(faults([&] { Session(load_machine("tpu-16x16"), Evaluator::step).run("g", long_sum); })),
            (std::vector<std::string>{"U203"}));
  EXPECT_EQ(names(faults([&] { Session(load_machine("tpu-16x16", bounded)).run("g", long_sum); })),
            (std::vector<std::string>{"U203"}));
  EXPECT_EQ(Session(load_machine("tpu-16x16")).run("g", long_sum).cycles, (std::int64_t{1} << 40) + 4);
}

TEST(Session, can_be_moved_with_its_layers) {
  Session session(load_machine("tpu-16x16"));
  session.run("g", Gemm({.m = 4}));
  Session moved = std::move(session);
  moved.run("h", Gemm({.m = 4}));
  EXPECT_EQ(moved.layers().size(), 2U);
  EXPECT_EQ(moved.machine().name(), "tpu-16x16");
}

TEST(Session, refuses_a_layer_whose_cycles_do_not_fit_in_63_bits) {
  Session session(load_machine("tpu-16x16", {{"memory.setup_cycles", "1048576"}}));
  const Gemm huge({.m = std::int64_t{1} << 30, .n = std::int64_t{1} << 30});
  EXPECT_EQ(names(faults([&] {
              session.run("g", huge, tiled({{"M", 1}, {"N", 1}}));
            })),
            (std::vector<std::string>{"U203"}));
}

}  // namespace
}  // namespace cairn::testing
