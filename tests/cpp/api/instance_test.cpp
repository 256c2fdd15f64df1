// Instances: the paper's calls, in their order and out of it.
#include "cairn/instance.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/faults.h"
#include "harness/operations.h"

namespace cairn::testing {
namespace {

std::vector<float> zeros(const Data& data) { return std::vector<float>(data.expected.size()); }

TEST(Instance, runs_each_kind_of_operation_as_a_session_does) {
  SplitMix64 random(1);
  const Conv conv({.channels = 4, .filters = 6, .groups = 2, .input = {7, 6}, .kernel = {3, 2}, .pad_begin = {1, 0}});
  const MaxPool pool({.batch = 2, .channels = 3, .input = {6, 6}, .kernel = {3, 3}, .stride = {2, 2}});
  for (const Evaluator evaluator : {Evaluator::flow, Evaluator::step}) {
    Instance instance = create_instance("maeri-64", evaluator);
    Session session(load_machine("maeri-64"), evaluator);
    const Data data = random_data(random, conv);
    std::vector<float> outputs = zeros(data);
    instance.configure_conv("conv", conv);
    instance.configure_data({.weights = data.b, .inputs = data.a, .outputs = outputs});
    EXPECT_EQ(instance.run_operation().cycles, session.run("conv", conv).cycles);
    EXPECT_EQ(outputs, data.expected);

    const Data pooled = random_data(random, pool);
    outputs = zeros(pooled);
    instance.configure_maxpool("pool", pool);
    instance.configure_data({.weights = {}, .inputs = pooled.a, .outputs = outputs});
    EXPECT_EQ(instance.run_operation().counters, session.run("pool", pool).counters);
    EXPECT_EQ(outputs, pooled.expected);
    EXPECT_EQ(instance.layers().size(), 2U);
  }
}

// A batch of 2 products of 3 x 5 by 5 x 4.
struct Products {
  Gemm gemm{{.m = 3, .n = 4, .k = 5, .batch = 2}};
  std::vector<float> inputs;
  std::vector<float> weights;
  std::vector<float> outputs;
  explicit Products(SplitMix64& random)
      : inputs(random_words(random, 2 * 3 * 5)), weights(random_words(random, 2 * 5 * 4)), outputs(2 * 3 * 4) {}
  std::vector<float> expected(std::int64_t batch_stride) const {
    return workload::reference_gemm(gemm, {inputs.data(), 15, 5, 1}, {weights.data(), batch_stride, 4, 1});
  }
};

TEST(Instance, multiplies_a_batch_by_weights_of_its_own_or_by_one_matrix) {
  SplitMix64 random(2);
  Products p(random);
  for (const char* machine : {"maeri-64", "sigma-64", "tpu-16x16"}) {
    Instance instance = create_instance(machine);
    instance.configure_dmm("own", p.gemm);
    instance.configure_data({p.weights, p.inputs, p.outputs});
    instance.run_operation();
    EXPECT_EQ(p.outputs, p.expected(20)) << machine;
    instance.configure_dmm("one", p.gemm);
    instance.configure_data({std::span(p.weights).first(20), p.inputs, p.outputs});
    instance.run_operation();
    EXPECT_EQ(p.outputs, p.expected(0)) << machine;
  }
}

TEST(Instance, takes_the_weights_of_a_linear_layer_as_frameworks_keep_them) {
  SplitMix64 random(3);
  const std::vector<float> inputs = random_words(random, 3 * 5);
  const std::vector<float> weights = random_words(random, 4 * 5);
  std::vector<float> outputs(3 * 4);
  Instance instance = create_instance("tpu-16x16");
  instance.configure_linear("fc", {.rows = 3, .inputs = 5, .outputs = 4});
  instance.configure_data({weights, inputs, outputs});
  instance.run_operation();
  EXPECT_EQ(outputs, workload::reference_gemm(Gemm({.m = 3, .n = 4, .k = 5}), {inputs.data(), 0, 5, 1},
                                              {weights.data(), 0, 1, 5}));
}

TEST(Instance, leaves_zeros_out_of_a_sparse_product_on_a_sparse_machine_only) {
  SplitMix64 random(4);
  Products p(random);
  Instance sparse = create_instance("sigma-64");
  sparse.configure_spmm("sparse", p.gemm, {.schedule = Schedule::largest});
  sparse.configure_data({p.weights, p.inputs, p.outputs});
  const LayerResult result = sparse.run_operation();
  EXPECT_EQ(p.outputs, p.expected(20));
  ASSERT_TRUE(result.sparse.has_value());
  EXPECT_LT(result.sparse->effective_multiplications, result.multiplications);
  for (const char* machine : {"maeri-64", "tpu-16x16"}) {
    Instance dense = create_instance(machine);
    expect_fault([&] { dense.configure_spmm("sparse", p.gemm); }, "U205", "layer sparse",
                 std::string(machine) + " multiplies zeros too: it has no sparse products",
                 "configure_dmm, or a sparse machine such as sigma-256");
  }
}

TEST(Instance, runs_again_on_what_its_memory_holds_then) {
  SplitMix64 random(5);
  Products p(random);
  Instance instance = create_instance("maeri-64");
  instance.configure_dmm("twice", p.gemm, {.tile = {{"M", 2}, {"N", 2}, {"K", 5}}});
  instance.configure_data({p.weights, p.inputs, p.outputs});
  const LayerResult first = instance.run_operation();
  std::ranges::fill(p.inputs, 2.0F);
  const LayerResult second = instance.run_operation();
  EXPECT_EQ(p.outputs, p.expected(20));
  EXPECT_EQ(first.cycles, second.cycles);
  EXPECT_EQ(second.chosen, "given");
}

TEST(Instance, refuses_each_call_whose_predecessor_is_missing) {
  SplitMix64 random(6);
  Products p(random);
  const InstanceData data{p.weights, p.inputs, p.outputs};
  Instance instance = create_instance("maeri-64");
  const auto codes = [&](auto call) { return names(faults(call)); };
  const std::vector<std::string> missing{"E304"};
  EXPECT_EQ(codes([&] { instance.run_operation(); }), missing);
  EXPECT_EQ(codes([&] { instance.configure_data(data); }), missing);
  instance.configure_dmm("a", p.gemm);
  EXPECT_EQ(codes([&] { instance.run_operation(); }), missing);
  instance.configure_data(data);
  instance.configure_dmm("b", p.gemm);  // whose data is not there yet
  expect_fault([&] { instance.run_operation(); }, "E304", "layer b", "it has no data yet",
               "configure_data with weights, inputs and outputs first");
  EXPECT_TRUE(instance.layers().empty());
}

TEST(Instance, tells_every_operand_of_another_size) {
  SplitMix64 random(7);
  Products p(random);
  Instance instance = create_instance("maeri-64");
  instance.configure_dmm("a", p.gemm);
  EXPECT_EQ(places(faults([&] {
              instance.configure_data({std::span(p.weights).first(19), std::span(p.inputs).first(1), {}});
            })),
            (std::vector<std::string>{"E302 layer a: weights", "E302 layer a: inputs", "E302 layer a: outputs"}));
  EXPECT_EQ(names(faults([&] { instance.run_operation(); })), std::vector<std::string>{"E304"});
  instance.configure_maxpool("pool", MaxPool({.channels = 2, .input = {3, 5}, .kernel = {1, 1}}));
  EXPECT_EQ(places(faults([&] {
              instance.configure_data({p.weights, p.inputs, std::span(p.outputs)});
            })),
            (std::vector<std::string>{"E302 layer pool: weights", "E302 layer pool: outputs"}));
}

}  // namespace
}  // namespace cairn::testing
