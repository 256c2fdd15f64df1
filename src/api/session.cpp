#include "cairn/session.h"

#include <fmt/format.h>

#include <utility>

#include "arch/machine.h"
#include "engine/run.h"

namespace cairn {

struct Session::State {
  Machine machine;
  Evaluator evaluator;
  engine::Fabric fabric;  // the flow evaluator's; a clocked run builds its own
  engine::RoundCosts known;
  std::vector<LayerResult> layers;

  State(Machine m, Evaluator e) : machine(std::move(m)), evaluator(e), fabric(machine.description()) {}

  LayerResult run(const std::string& name, const Operation& operation, const engine::Operands& operands,
                  const RunOptions& options) {
    const arch::Machine& description = machine.description();
    const mapping::Tile tile = mapping::choose_tile(arch::systolic_array(description), options.tile);
    const engine::Outcome outcome = evaluator == Evaluator::step
                                        ? engine::run_step(description, operation, tile, operands, options.progress)
                                        : engine::run_flow(fabric, description, operation, tile, operands, known);
    layers.push_back(result(name, operation, tile, outcome));
    return layers.back();
  }

  LayerResult result(const std::string& name, const Operation& operation, const mapping::Tile& tile,
                     const engine::Outcome& outcome) const {
    LayerResult layer{.name = name, .operation = operation, .tile = {{"M", tile.m}, {"N", tile.n}}};
    layer.rounds = outcome.rounds;
    layer.distinct_rounds = outcome.distinct_rounds;
    layer.evaluator = evaluator == Evaluator::step ? "step" : "flow";
    if (outcome.stepped_rounds > 0)
      layer.evaluator +=
          fmt::format(", {} round{} stepped", outcome.stepped_rounds, outcome.stepped_rounds == 1 ? "" : "s");
    layer.cycles = outcome.cycles;
    layer.multipliers = fabric.array().lanes();
    layer.multiplications = multiplications(operation);
    const auto& memory = outcome.counters.at("memory");
    layer.buffer_reads = memory.at("weight_reads") + memory.at("input_reads");
    layer.buffer_writes = outcome.counters.at("writeback").at("output_writes");
    layer.counters = outcome.counters;
    return layer;
  }
};

Session::Session(Machine machine, Evaluator evaluator)
    : state_(std::make_unique<State>(std::move(machine), evaluator)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

LayerResult Session::run(const std::string& name, const Operation& operation, const RunOptions& options) {
  return state_->run(name, operation, {}, options);
}

LayerResult Session::run(const std::string& name, const Gemm& gemm, const GemmOperands& operands,
                         const RunOptions& options) {
  const auto view = [](const GemmOperands::Matrix& m) {
    return workload::MatrixView{m.data, m.batch_stride, m.row_stride, m.column_stride};
  };
  return state_->run(name, gemm, {view(operands.a), view(operands.b), operands.output}, options);
}

LayerResult Session::run(const std::string& name, const Conv& conv, const ConvOperands& operands,
                         const RunOptions& options) {
  return state_->run(name, conv, {{operands.x}, workload::filter_columns(conv, operands.w), operands.output}, options);
}

const Machine& Session::machine() const { return state_->machine; }
const std::vector<LayerResult>& Session::layers() const { return state_->layers; }
std::string Session::document(const std::string& context_json) const {
  return cairn::document(state_->machine, state_->layers, context_json);
}

}  // namespace cairn
