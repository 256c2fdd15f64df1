// Speed of the sparse machines under both evaluators, one thread, on the sparse layers of the golden data: `cycles/s`
// is simulated cycles a second, `x_reference` how many times the 2,500 of the public reference on such machines.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "cairn/session.h"
#include "cairn/sparse.h"
#include "networks.h"

namespace {

using namespace cairn;

struct Case {
  const char* name;
  Gemm::Sizes sizes;
  const char* machine;
  Overrides overrides;
  double weight_sparsity;
  double input_sparsity;
  std::map<std::string, std::int64_t> tile;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases{{"resnet50_conv1",
                                         {.m = 256, .n = 196, .k = 512},
                                         "sigma-tree-256",
                                         {{"memory.stationary", "inputs"}},
                                         0.4,
                                         0.8,
                                         {}},
                                        {"bert_q",
                                         {.m = 768, .n = 128, .k = 768},
                                         "sigma-tree-256",
                                         {{"memory.stationary", "inputs"},
                                          {"multiplier.multipliers", "128"},
                                          {"distribution.bandwidth", "64"},
                                          {"collection.lines", "64"}},
                                         0,
                                         0.6,
                                         {}},
                                        {"resnet50_conv1_csr",
                                         {.m = 256, .n = 196, .k = 512},
                                         "magma-128",
                                         {{"memory.stationary", "inputs"}},
                                         0,
                                         0.8,
                                         {{"K", 32}, {"N", 4}}}};
  return kCases;
}

// A matrix with that share of zeros.
std::vector<float> matrix(std::int64_t rows, std::int64_t columns, double sparsity, std::uint64_t seed) {
  return to_dense(random_pattern(rows, columns, sparsity, seed));
}

void run(benchmark::State& state, Evaluator evaluator) {
  const Case& layer = cases()[static_cast<std::size_t>(state.range(0))];
  const Gemm gemm(layer.sizes);
  const Gemm::Sizes& s = gemm.sizes();
  const std::vector<float> a = matrix(s.m, s.k, layer.input_sparsity, 1);
  const std::vector<float> b = matrix(s.k, s.n, layer.weight_sparsity, 2);
  std::vector<float> c(static_cast<std::size_t>(s.m * s.n));
  const RunOptions options{
      .tile = layer.tile, .sparsity = {.weights = layer.weight_sparsity, .inputs = layer.input_sparsity}, .seed = 1};
  const RunOptions with_values{.tile = layer.tile};
  std::int64_t cycles = 0;
  const Machine machine = load_machine(layer.machine, layer.overrides);
  Session session(machine, evaluator);
  for (auto _ : state) {
    cycles +=
        evaluator == Evaluator::flow
            ? session.run("layer", gemm, options).cycles
            : session.run("layer", gemm, {{a.data(), 0, s.k, 1}, {b.data(), 0, s.n, 1}, c.data()}, with_values).cycles;
  }
  constexpr double kReferenceRate = 2'500;
  state.SetLabel(layer.name);
  state.counters["x_reference"] =
      benchmark::Counter(static_cast<double>(cycles) / kReferenceRate, benchmark::Counter::kIsRate);
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}

void flow(benchmark::State& state) { run(state, Evaluator::flow); }
BENCHMARK(flow)->Name("sparse_flow")->DenseRange(0, 2)->Unit(benchmark::kMicrosecond);
// With values through the datapath.
void step(benchmark::State& state) { run(state, Evaluator::step); }
BENCHMARK(step)->Name("sparse_step")->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

// What of sparse_flow is drawing the zeros.
void draw(benchmark::State& state) {
  const Case& layer = cases()[static_cast<std::size_t>(state.range(0))];
  for (auto _ : state) {
    benchmark::DoNotOptimize(to_csr(random_pattern(layer.sizes.m, layer.sizes.k, layer.input_sparsity, 1)));
    if (layer.weight_sparsity > 0)
      benchmark::DoNotOptimize(random_pattern(layer.sizes.n, layer.sizes.k, layer.weight_sparsity, 2));
  }
  state.SetLabel(layer.name);
}
BENCHMARK(draw)->Name("sparse_draw")->DenseRange(0, 2)->Unit(benchmark::kMicrosecond);

// Whole networks with random zeros, timing only; drawing the zeros included.
void network(benchmark::State& state, const char* machine, const bench::Network& network, double sparsity) {
  for (auto _ : state) {
    Session session(load_machine(machine));
    for (const Operation& operation : network) session.run("layer", operation, {.sparsity = {.weights = sparsity}});
    benchmark::DoNotOptimize(session.layers().back().cycles);
  }
}
void on_sigma(benchmark::State& state, const bench::Network& layers, double sparsity) {
  network(state, "sigma-256", layers, sparsity);
}
void on_tree(benchmark::State& state, const bench::Network& layers, double sparsity) {
  network(state, "sigma-tree-256", layers, sparsity);
}
BENCHMARK_CAPTURE(on_sigma, resnet50_89, bench::resnet50(), 0.89)
    ->Name("sparse_network/resnet50_89/sigma-256")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(on_tree, resnet50_89, bench::resnet50(), 0.89)
    ->Name("sparse_network/resnet50_89/sigma-tree-256")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(on_sigma, bert_base_60, bench::bert_base(), 0.6)
    ->Name("sparse_network/bert_base_60/sigma-256")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(on_tree, bert_base_60, bench::bert_base(), 0.6)
    ->Name("sparse_network/bert_base_60/sigma-tree-256")
    ->Unit(benchmark::kMillisecond);

}  // namespace
