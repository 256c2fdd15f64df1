// Speed of whole networks with values, flow, in tiles that are known: weights of which 80 % are zero, inputs of which
// half are. `x_products` is how many times what oneDNN takes for the same matrix products by themselves, on the same
// threads.
#include <benchmark/benchmark.h>
#include <dnnl.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "cairn/session.h"
#include "cairn/sparse.h"
#include "networks.h"

namespace {

using namespace cairn;

using Words = std::vector<float>;
using Clock = std::chrono::steady_clock;

// A layer, its operands, and its tile on a machine. Weights of a matrix product lie as frameworks hold them: a row an
// output.
struct ValuedLayer {
  Operation operation;
  Words inputs, weights, output;
  std::map<std::string, std::int64_t> tile{};

  explicit ValuedLayer(const Operation& shape) : operation(shape) {
    const Gemm::Sizes& s = lowered(shape).sizes();
    std::int64_t words = s.batch * s.m * s.k;
    if (const Conv* conv = std::get_if<Conv>(&shape))
      words = conv->sizes().channels * conv->sizes().input[0] * conv->sizes().input[1];
    inputs = to_dense(random_pattern(1, words, 0.5, 1));
    weights = to_dense(random_pattern(s.batch * s.n, s.k, 0.8, 2));
    output.resize(static_cast<std::size_t>(s.batch * s.m * s.n));
  }

  LayerResult run(Session& session) {
    const RunOptions options{.tile = tile};
    if (const Conv* conv = std::get_if<Conv>(&operation))
      return session.run("layer", *conv, {inputs.data(), weights.data(), output.data()}, options);
    const Gemm::Sizes& s = lowered(operation).sizes();
    return session.run("layer", std::get<Gemm>(operation),
                       {{inputs.data(), s.m * s.k, s.k, 1}, {weights.data(), s.n * s.k, 1, s.k}, output.data()},
                       options);
  }
};

// The products of a network, rows x filters, one after the other.
double seconds_of_products(const std::vector<ValuedLayer>& network) {
  Words rows;
  Words output;
  double seconds = 0;
  for (const ValuedLayer& layer : network) {
    const Gemm::Sizes& s = lowered(layer.operation).sizes();
    rows.assign(static_cast<std::size_t>(s.m * s.k), 1.0F);
    output.resize(static_cast<std::size_t>(s.m * s.n));
    const Clock::time_point begin = Clock::now();
    for (std::int64_t b = 0; b < s.batch; ++b) {
      dnnl_sgemm('N', 'T', s.m, s.n, s.k, 1, rows.data(), s.k, layer.weights.data() + b * s.n * s.k, s.k, 0,
                 output.data(), s.n);
    }
    seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return seconds;
}

void values(benchmark::State& state, const char* name, const bench::Network& shapes) {
  std::vector<ValuedLayer> network(shapes.begin(), shapes.end());
  const Machine machine = load_machine(name);
  Session first(machine);
  for (ValuedLayer& layer : network) {
    const LayerResult mapped = layer.run(first);
    if (mapped.chosen.starts_with("mapped")) layer.tile = mapped.tile;
  }
  double products = 0;
  double all = 0;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    Session session(machine);
    for (ValuedLayer& layer : network) layer.run(session);
    all += std::chrono::duration<double>(Clock::now() - begin).count();
    state.PauseTiming();
    products += seconds_of_products(network);
    state.ResumeTiming();
  }
  state.counters["x_products"] = all / products;
}

// Each on the systolic, the flexible and the sparse machine.
void on_machines(const char* name, const bench::Network& shapes) {
  for (const char* machine : {"tpu-16x16", "maeri-256", "sigma-256"}) {
    benchmark::RegisterBenchmark((std::string("values/") + name + "/" + machine).c_str(),
                                 [=](benchmark::State& state) { values(state, machine, shapes); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->Iterations(3);
  }
}

const bool kRegistered = [] {
  on_machines("alexnet", bench::alexnet());
  on_machines("mobilenet", bench::mobilenet());
  on_machines("squeezenet", bench::squeezenet());
  on_machines("resnet50", bench::resnet50());
  on_machines("vgg16", bench::vgg16());
  on_machines("ssd_mobilenet", bench::ssd_mobilenet());
  on_machines("bert_base", bench::bert_base());
  return true;
}();

}  // namespace
