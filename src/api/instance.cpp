#include "cairn/instance.h"

#include <fmt/format.h>

#include <utility>

#include "arch/machine.h"
#include "engine/run.h"
#include "util/diagnostics.h"

namespace cairn {
namespace {

std::int64_t words(const std::vector<std::int64_t>& sizes) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) product *= size;
  return product;
}

// How many words each operand has: weights may be those of one product, for a whole batch.
struct Words {
  std::int64_t weights;
  std::int64_t weights_of_all;
  std::int64_t inputs;
  std::int64_t outputs;
};

Words words_of(const Operation& operation) {
  const Gemm::Sizes& g = lowered(operation).sizes();
  const std::int64_t outputs = g.batch * g.m * g.n;
  if (const auto* pool = std::get_if<MaxPool>(&operation)) {
    const MaxPool::Sizes& s = pool->sizes();
    return {0, 0, s.batch * s.channels * words(s.input), outputs};
  }
  if (const auto* conv = std::get_if<Conv>(&operation)) {
    const Conv::Sizes& s = conv->sizes();
    return {g.batch * g.k * g.n, g.batch * g.k * g.n, s.batch * s.channels * words(s.input), outputs};
  }
  return {g.k * g.n, g.batch * g.k * g.n, g.batch * g.m * g.k, outputs};
}

}  // namespace

Instance::Instance(Machine machine, Evaluator evaluator, EnergyTable energy)
    : session_(std::move(machine), evaluator, std::move(energy)) {}

Instance create_instance(const std::string& name_or_path, Evaluator evaluator) {
  return Instance(load_machine(name_or_path), evaluator);
}

void Instance::configure(Configured next) {
  engine::check_operation(machine().description(), next.operation);
  next_ = std::move(next);
}

void Instance::configure_conv(const std::string& layer, const Conv& conv, const RunOptions& options) {
  configure({layer, conv, options});
}

void Instance::configure_linear(const std::string& layer, const Linear& linear, const RunOptions& options) {
  configure({layer, Gemm({.m = linear.rows, .n = linear.outputs, .k = linear.inputs}), options, true});
}

void Instance::configure_dmm(const std::string& layer, const Gemm& gemm, const RunOptions& options) {
  configure({layer, gemm, options});
}

void Instance::configure_spmm(const std::string& layer, const Gemm& gemm, const RunOptions& options) {
  const arch::Control control = arch::control(machine().description());
  if (control != arch::Control::bitmaps && control != arch::Control::rows) {
    throw Error(Code::machine_cannot, fmt::format("layer {}", layer),
                fmt::format("{} multiplies zeros too: it has no sparse products", machine().name()),
                "configure_dmm, or a sparse machine such as sigma-256");
  }
  configure({layer, gemm, options});
}

void Instance::configure_maxpool(const std::string& layer, const MaxPool& pool, const RunOptions& options) {
  configure({layer, pool, options});
}

const Instance::Configured& Instance::configured() const {
  if (next_) return *next_;
  throw Error(Code::not_configured, "instance", "no operation is configured",
              "configure_conv, configure_linear, configure_dmm, configure_spmm or configure_maxpool first");
}

void Instance::configure_data(const InstanceData& data) {
  const Words needed = words_of(configured().operation);
  const auto given = std::ssize(data.weights);
  util::Diagnostics faults;
  const auto expect = [&](const char* what, std::int64_t has, std::int64_t needs) {
    if (has == needs) return;
    faults.add(Code::operand_mismatch, fmt::format("layer {}: {}", next_->layer, what),
               fmt::format("{} words are given", has), fmt::format("the operation needs {}", needs));
  };
  expect("weights", given, given == needed.weights ? needed.weights : needed.weights_of_all);
  expect("inputs", std::ssize(data.inputs), needed.inputs);
  expect("outputs", std::ssize(data.outputs), needed.outputs);
  faults.raise_if_any();
  next_->data = data;
}

LayerResult Instance::run_operation() {
  const Configured& next = configured();
  if (!next.data) {
    throw Error(Code::not_configured, fmt::format("layer {}", next.layer), "it has no data yet",
                "configure_data with weights, inputs and outputs first");
  }
  const InstanceData& data = *next.data;
  if (const auto* pool = std::get_if<MaxPool>(&next.operation))
    return session_.run(next.layer, *pool, {data.inputs.data(), data.outputs.data()}, next.options);
  if (const auto* conv = std::get_if<Conv>(&next.operation))
    return session_.run(next.layer, *conv, {data.inputs.data(), data.weights.data(), data.outputs.data()},
                        next.options);
  const Gemm& gemm = std::get<Gemm>(next.operation);
  const Gemm::Sizes& s = gemm.sizes();
  const std::int64_t each = std::ssize(data.weights) == s.k * s.n ? 0 : s.k * s.n;
  const GemmOperands operands{.a = {data.inputs.data(), s.m * s.k, s.k, 1},
                              .b = {data.weights.data(), each, next.transposed ? 1 : s.n, next.transposed ? s.k : 1},
                              .output = data.outputs.data()};
  return session_.run(next.layer, gemm, operands, next.options);
}

}  // namespace cairn
