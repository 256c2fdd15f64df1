// Speed of the flexible dense machine under both evaluators, one thread, on the dense layers of the golden data:
// `cycles/s` is simulated cycles a second, `x_reference` how many times what the public reference does with 256
// multipliers.
#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

#include "cairn/session.h"
#include "networks.h"

namespace {

using namespace cairn;

using Named = std::map<std::string, std::int64_t>;

struct Case {
  const char* name;
  Operation operation;
  Named tile;
};

Conv conv(std::int64_t channels, std::int64_t filters, std::int64_t side, std::int64_t kernel, std::int64_t groups) {
  return Conv(
      {.channels = channels, .filters = filters, .groups = groups, .input = {side, side}, .kernel = {kernel, kernel}});
}

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases{
      {"resnet50_1x1", conv(64, 64, 56, 1, 1), {{"C", 64}, {"K", 4}}},
      {"squeezenet_3x3", conv(16, 64, 57, 3, 1), {{"R", 3}, {"S", 3}, {"C", 7}, {"K", 4}}},
      {"mobilenet_dw3x3", conv(256, 256, 16, 3, 256), {{"R", 3}, {"S", 3}, {"X", 4}, {"Y", 7}}},
      {"resnet50_3x3", conv(512, 512, 9, 3, 1), {{"R", 3}, {"S", 3}, {"C", 28}}},
      {"alexnet_3x3", conv(192, 384, 15, 3, 1), {{"R", 3}, {"S", 3}, {"C", 28}}},
      {"bert_q", Gemm({.m = 128, .n = 768, .k = 768}), {{"M", 4}, {"K", 64}}},
      {"alexnet_fc7", Gemm({.m = 1, .n = 4096, .k = 4096}), {{"N", 4}, {"K", 64}}}};
  return kCases;
}

Machine machine() { return load_machine("maeri-256", {{"distribution.bandwidth", "64"}, {"collection.lines", "64"}}); }

void rates(benchmark::State& state, std::int64_t cycles) {
  constexpr double kReferenceRate = 8'000;
  state.counters["x_reference"] =
      benchmark::Counter(static_cast<double>(cycles) / kReferenceRate, benchmark::Counter::kIsRate);
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}

void flow(benchmark::State& state) {
  const Case& layer = cases()[static_cast<std::size_t>(state.range(0))];
  Session session(machine());
  std::int64_t cycles = 0;
  for (auto _ : state) cycles += session.run("layer", layer.operation, {.tile = layer.tile}).cycles;
  state.SetLabel(layer.name);
  rates(state, cycles);
}
BENCHMARK(flow)->Name("dense_flow")->DenseRange(0, 6)->Unit(benchmark::kMicrosecond);

// With values through the datapath.
void step(benchmark::State& state) {
  const Case& layer = cases()[static_cast<std::size_t>(state.range(0))];
  std::int64_t cycles = 0;
  for (auto _ : state) {
    Session session(machine(), Evaluator::step);
    const RunOptions options{.tile = layer.tile};
    if (const Gemm* gemm = std::get_if<Gemm>(&layer.operation)) {
      const Gemm::Sizes& s = gemm->sizes();
      const std::vector<float> a(static_cast<std::size_t>(s.m * s.k), 1.5F);
      const std::vector<float> b(static_cast<std::size_t>(s.k * s.n), 0.5F);
      std::vector<float> c(static_cast<std::size_t>(s.m * s.n));
      cycles += session.run("layer", *gemm, {{a.data(), 0, s.k, 1}, {b.data(), 0, s.n, 1}, c.data()}, options).cycles;
    } else {
      const Conv& layer_conv = std::get<Conv>(layer.operation);
      const Conv::Sizes& s = layer_conv.sizes();
      const std::vector<float> x(static_cast<std::size_t>(s.channels * s.input[0] * s.input[1]), 1.5F);
      const std::vector<float> w(
          static_cast<std::size_t>(s.filters * s.channels / s.groups * s.kernel[0] * s.kernel[1]), 0.5F);
      std::vector<float> y(static_cast<std::size_t>(s.filters * layer_conv.output()[0] * layer_conv.output()[1]));
      cycles += session.run("layer", layer_conv, {x.data(), w.data(), y.data()}, options).cycles;
    }
  }
  state.SetLabel(layer.name);
  rates(state, cycles);
}
BENCHMARK(step)->Name("dense_step")->DenseRange(0, 6)->Unit(benchmark::kMillisecond);

// In the tiles that the mapper finds; mapping is measured by itself.
void network_flow(benchmark::State& state, const bench::Network& network) {
  Session mapper(load_machine("maeri-256"));
  std::vector<Named> tiles;
  for (const Operation& operation : network) tiles.push_back(mapper.map(operation).best.tile);
  for (auto _ : state) {
    Session session(load_machine("maeri-256"));
    for (std::size_t i = 0; i < network.size(); ++i) session.run("layer", network[i], {.tile = tiles[i]});
    benchmark::DoNotOptimize(session.layers().back().cycles);
  }
}
BENCHMARK_CAPTURE(network_flow, resnet50, bench::resnet50())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(network_flow, vgg16, bench::vgg16())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(network_flow, bert_base, bench::bert_base())->Unit(benchmark::kMillisecond);

void network_map(benchmark::State& state, const bench::Network& network) {
  for (auto _ : state) {
    Session session(load_machine("maeri-256"));
    for (const Operation& operation : network) benchmark::DoNotOptimize(session.map(operation).best.cycles);
  }
}
BENCHMARK_CAPTURE(network_map, resnet50, bench::resnet50())->Unit(benchmark::kMillisecond);

}  // namespace
