// Speed of the systolic machine under both evaluators, one thread. `cycles/s` is simulated cycles a second.
#include <benchmark/benchmark.h>

#include <vector>

#include "cairn/session.h"

namespace {

using namespace cairn;

// The GEMMs of ResNet-50 at batch 1 after lowering: M (pixels), N (filters), K, and how often each occurs.
struct Shape {
  std::int64_t m, n, k, times;
};
constexpr Shape kResNet50[] = {{12544, 64, 147, 1}, {3136, 64, 64, 1},   {3136, 64, 576, 3},  {3136, 256, 64, 4},
                               {3136, 64, 256, 2},  {3136, 128, 256, 1}, {784, 128, 1152, 4}, {784, 512, 128, 4},
                               {784, 512, 256, 1},  {784, 128, 512, 3},  {784, 256, 512, 1},  {196, 256, 2304, 6},
                               {196, 1024, 256, 6}, {196, 1024, 512, 1}, {196, 256, 1024, 5}, {196, 512, 1024, 1},
                               {49, 512, 4608, 3},  {49, 2048, 512, 3},  {49, 2048, 1024, 1}, {49, 512, 2048, 2},
                               {1, 1000, 2048, 1}};

void resnet50_flow(benchmark::State& state) {
  for (auto _ : state) {
    Session session(load_machine("tpu-16x16"));
    for (const Shape& s : kResNet50) {
      for (std::int64_t i = 0; i < s.times; ++i) session.run("layer", Gemm({.m = s.m, .n = s.n, .k = s.k}));
    }
    benchmark::DoNotOptimize(session.layers().back().cycles);
  }
}
BENCHMARK(resnet50_flow)->Unit(benchmark::kMillisecond);

// One GEMM grown in all sizes: the time must not grow with it.
void growing_gemm_flow(benchmark::State& state) {
  const std::int64_t size = state.range(0);
  for (auto _ : state) {
    Session session(load_machine("tpu-16x16"));
    benchmark::DoNotOptimize(session.run("layer", Gemm({.m = size + 5, .n = size + 7, .k = size})).cycles);
  }
}
BENCHMARK(growing_gemm_flow)->Arg(100)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void step(benchmark::State& state) {
  const Gemm gemm({.m = state.range(0), .n = state.range(1), .k = state.range(2)});
  const Gemm::Sizes& s = gemm.sizes();
  const std::vector<float> a(static_cast<std::size_t>(s.m * s.k), 1.5F);
  const std::vector<float> b(static_cast<std::size_t>(s.k * s.n), 0.5F);
  std::vector<float> c(static_cast<std::size_t>(s.m * s.n));
  std::int64_t cycles = 0;
  for (auto _ : state) {
    Session session(load_machine("tpu-16x16"), Evaluator::step);
    cycles += session.run("layer", gemm, GemmOperands{{a.data(), 0, s.k, 1}, {b.data(), 0, s.n, 1}, c.data()}).cycles;
  }
  // The public reference clocks this array at about 16,000 cycles a second (one thread, idle machine).
  constexpr double kReferenceRate = 16'000;
  state.counters["x_reference"] =
      benchmark::Counter(static_cast<double>(cycles) / kReferenceRate, benchmark::Counter::kIsRate);
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
// The two systolic layers of the golden data: a BERT projection and a ResNet-50 convolution.
BENCHMARK(step)->Name("step_bert_base_q")->Args({128, 768, 768})->Unit(benchmark::kMillisecond);
BENCHMARK(step)->Name("step_resnet50_layer1_conv2")->Args({3136, 64, 576})->Unit(benchmark::kMillisecond);

}  // namespace
