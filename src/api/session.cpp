#include "cairn/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/plugin_faults.h"
#include "api/trace.h"
#include "arch/machine.h"
#include "cost/energy.h"
#include "engine/mapper.h"
#include "engine/run.h"
#include "engine/sparse.h"
#include "report/json.h"

namespace cairn {

struct Session::State {
  Machine machine;
  Evaluator evaluator;
  EnergyTable energy;
  cost::Meter meter;      // of the machine, by that table
  engine::Fabric fabric;  // the flow evaluator's; a clocked run builds its own
  engine::RoundCosts known;
  std::map<std::pair<mapping::Nest, Objective>, engine::Mapping> mapped;
  std::vector<SlotActivity> slots;  // and their units
  std::vector<LayerResult> layers;

  State(Machine m, Evaluator e, EnergyTable t)
      : machine(std::move(m)),
        evaluator(e),
        energy(std::move(t)),
        meter(machine.description(), energy.prices()),
        fabric(machine.description()) {
    const stats::BySlot<Count> units = fabric.units();
    for (std::size_t i = 0; i < stats::kSlots; ++i) {
      const std::string& slot = arch::slots()[i];
      const fabric::PartInfo& part = fabric::part(slot, machine.description().part(slot).type);
      slots.push_back({slot, part.info.unit, units[i]});
    }
  }

  LayerResult told_run(const std::string& name, const Operation& operation, const engine::Operands& operands,
                       const RunOptions& options) {
    return api::naming_plugins(machine.description(), [&] { return run(name, operation, operands, options); });
  }

  LayerResult run(const std::string& name, const Operation& operation, engine::Operands operands,
                  const RunOptions& options) {
    const arch::Machine& description = machine.description();
    engine::check_operation(description, operation);
    check_rectified(operation, options);
    operands.sparsity = sparsity(options, operands.present());
    operands.rectified = options.rectified;
    const engine::Tile tile = tile_of(operation, operands, options);
    Evaluator used = evaluator;
    const auto step = [&](kernel::Observer* observer) {
      used = Evaluator::step;
      return engine::run_step(description, operation, tile, operands, options.progress, std::nullopt, observer);
    };
    const auto flow = [&] {
      used = Evaluator::flow;
      return engine::run_flow(fabric, description, operation, tile, operands, known, options.progress);
    };
    engine::Outcome outcome = options.trace != nullptr       ? traced(options.trace->state(), name, step, flow)
                              : evaluator == Evaluator::step ? step(nullptr)
                                                             : flow();
    layers.push_back(result(name, operation, tile, std::move(outcome), used));
    layers.back().chosen = chosen(options);
    return layers.back();
  }

  // Clocked as far as it is recorded; what that leaves out costs what the other evaluator says.
  template <class Step, class Flow>
  static engine::Outcome traced(Trace::State& trace, const std::string& name, Step step, Flow flow) {
    const std::unique_ptr<trace::Recorder> recorder = trace.begin(name);
    engine::Outcome outcome;
    try {
      outcome = recorder ? step(recorder.get()) : flow();
    } catch (const trace::Ended&) {
      outcome = flow();
    }
    trace.end(name, recorder.get(), outcome.cycles);
    return outcome;
  }

  bool sparse() const {
    const arch::Control control = arch::control(machine.description());
    return control == arch::Control::bitmaps || control == arch::Control::rows;
  }

  static engine::Operands::Sparsity sparsity(const RunOptions& options, bool with_values) {
    for (const auto& [name, share] :
         {std::pair{"weights", options.sparsity.weights}, std::pair{"inputs", options.sparsity.inputs}}) {
      if (!(share >= 0 && share <= 1))
        throw Error(Code::out_of_range, fmt::format("sparsity of {}", name), fmt::format("{} is no share", share),
                    "a number from 0 to 1");
      if (share > 0 && with_values)
        throw Error(Code::operand_mismatch, fmt::format("sparsity of {}", name),
                    "the operands are given, and their zeros with them", "no sparsity, or no operands");
    }
    return {options.sparsity.weights, options.sparsity.inputs, options.seed};
  }

  static void check_rectified(const Operation& operation, const RunOptions& options) {
    if (!options.rectified) return;
    if (std::holds_alternative<MaxPool>(operation))
      throw Error(Code::operand_mismatch, "rectified", "max-pooling adds up no sum that could be left", "leave it out");
    const Conv* conv = std::get_if<Conv>(&operation);
    const std::int64_t filters = conv != nullptr ? conv->sizes().filters : std::get<Gemm>(operation).sizes().n;
    for (const auto& [name, words] :
         {std::pair{"scale", &options.rectified->scale}, std::pair{"shift", &options.rectified->shift}}) {
      const std::string place = fmt::format("rectified {}", name);
      if (!words->empty() && std::ssize(*words) != filters)
        throw Error(Code::operand_mismatch, place, fmt::format("{} words for {} filters", words->size(), filters),
                    "one a filter, or none");
      if (!std::ranges::all_of(*words, [](float word) { return std::isfinite(word); }))
        throw Error(Code::operand_mismatch, place, "a word is infinite or no number", "finite words");
    }
  }

  // The tile that is given, or the best.
  engine::Tile tile_of(const Operation& operation, const engine::Operands& operands, const RunOptions& options) {
    const arch::Machine& description = machine.description();
    if (options.schedule != Schedule::none && !sparse())
      throw Error(Code::unsupported_mapping, "schedule", "the order of the filters changes nothing on a dense machine",
                  "schedule none, or a sparse machine such as sigma-128");
    const bool maps = options.tile.empty();
    if (maps && arch::control(description) == arch::Control::loops) return mapping_of(operation, options).best.tile;
    engine::Tile tile =
        maps && arch::control(description) == arch::Control::rows
            ? engine::map_rows(fabric, description, meter, operation, operands, options.objective, options.progress)
                  .evaluated.front()
                  .tile
            : engine::tile_of(description, operation, options.tile);
    if (auto* sparse_tile = std::get_if<mapping::SparseTile>(&tile)) {
      sparse_tile->policy = static_cast<mapping::Schedule>(options.schedule);
      sparse_tile->seed = options.seed;
    }
    return tile;
  }

  std::string chosen(const RunOptions& options) const {
    if (!options.tile.empty()) return "given";
    switch (arch::control(machine.description())) {
      case arch::Control::loops:
      case arch::Control::rows: return fmt::format("mapped for {}", report::objective(options.objective));
      default: return "the machine's own";
    }
  }

  // The same layer is mapped once.
  const engine::Mapping& mapping_of(const Operation& operation, const RunOptions& options) {
    const auto key = std::pair(mapping::nest_of(operation), options.objective);
    auto found = mapped.find(key);
    if (found == mapped.end()) {
      found = mapped
                  .emplace(key, engine::map_layer(fabric, machine.description(), meter, operation, options.objective,
                                                  options.progress))
                  .first;
    }
    return found->second;
  }

  MappingResult map(const Operation& operation, const RunOptions& options) {
    const arch::Machine& description = machine.description();
    engine::check_operation(description, operation);
    MappingResult result{.objective = options.objective};
    if (options.tile.empty() && arch::control(description) == arch::Control::rows) return map_rows(operation, options);
    if (arch::control(description) != arch::Control::loops) {
      const engine::Operands operands{.a = {}, .b = {}, .output = nullptr, .sparsity = sparsity(options, false)};
      const engine::Tile tile = tile_of(operation, operands, options);
      result.best.tile = engine::named_tile(description, operation, tile);
      result.best.cycles = engine::run_flow(fabric, description, operation, tile, operands, known).cycles;
      result.best.multipliers_used = fabric.array().lanes();
      result.best.bound_by = "array";
      result.best.bound = result.best.cycles;
      result.legal = result.evaluated = 1;
      return result;
    }
    engine::Mapping chosen;
    if (options.tile.empty()) {
      chosen = mapping_of(operation, options);
    } else {
      chosen.best = engine::evaluate(fabric, description, meter, operation,
                                     mapping::dense_tile(mapping::nest_of(operation), options.tile));
      chosen.legal = chosen.evaluated = 1;
    }
    result.best = cost(operation, chosen.best);
    for (const engine::Evaluated& other : chosen.alternatives) result.alternatives.push_back(cost(operation, other));
    result.legal = chosen.legal;
    result.evaluated = chosen.evaluated;
    result.untried = chosen.untried;
    return result;
  }

  MappingResult map_rows(const Operation& operation, const RunOptions& options) {
    const arch::Machine& description = machine.description();
    const engine::Operands operands{.a = {}, .b = {}, .output = nullptr, .sparsity = sparsity(options, false)};
    const engine::RowMapping mapping =
        engine::map_rows(fabric, description, meter, operation, operands, options.objective, options.progress);
    constexpr std::size_t kTold = 6;
    std::vector<TileCost> costs;
    for (const engine::RowMapping::Evaluated& tried : mapping.evaluated) {
      if (costs.size() == kTold) break;
      costs.push_back({.tile = engine::named_tile(description, operation, tried.tile),
                       .cycles = tried.cycles,
                       .energy = tried.energy,
                       .multipliers_used = tried.tile.columns * tried.tile.depth,
                       .bound_by = "distribution",
                       .bound = tried.bound});
    }
    return {.objective = options.objective,
            .best = costs.front(),
            .alternatives = {costs.begin() + 1, costs.end()},
            .legal = mapping.legal,
            .evaluated = std::ssize(mapping.evaluated)};
  }

  TileCost cost(const Operation& operation, const engine::Evaluated& evaluated) const {
    const mapping::Loads& loads = evaluated.loads;
    TileCost cost{.tile = engine::named_tile(machine.description(), operation, evaluated.tile),
                  .cycles = evaluated.cycles,
                  .energy = evaluated.energy,
                  .multipliers_used = evaluated.tile.cluster() * evaluated.tile.clusters()};
    for (const auto& [name, cycles] :
         {std::pair{"distribution", loads.distribution}, std::pair{"multipliers", loads.multipliers},
          std::pair{"collection", loads.collection}}) {
      if (cycles > cost.bound) cost.bound = cycles, cost.bound_by = name;
    }
    return cost;
  }

  static Count psum_reads(const stats::CounterTree& counters) {
    Count reads = 0;
    for (const char* slot : {"memory", "writeback"}) {
      const auto found = counters.at(slot).find("psum_reads");
      if (found != counters.at(slot).end()) reads += found->second;
    }
    return reads;
  }

  LayerResult result(const std::string& name, const Operation& operation, const engine::Tile& tile,
                     engine::Outcome outcome, Evaluator used) const {
    LayerResult layer{
        .name = name, .operation = operation, .tile = engine::named_tile(machine.description(), operation, tile)};
    layer.rounds = outcome.rounds;
    layer.distinct_rounds = outcome.distinct_rounds;
    layer.evaluated_rounds = outcome.evaluated_rounds;
    layer.evaluator = used == Evaluator::step ? "step" : "flow";
    if (outcome.stepped_rounds > 0)
      layer.evaluator +=
          fmt::format(", {} round{} stepped", outcome.stepped_rounds, outcome.stepped_rounds == 1 ? "" : "s");
    layer.cycles = outcome.cycles;
    layer.multipliers = fabric.array().lanes();
    layer.multiplications = multiplications(operation);
    if (const auto* pool = std::get_if<MaxPool>(&operation)) layer.comparisons = pool->comparisons();
    const auto& memory = outcome.counters.at("memory");
    layer.buffer_reads = memory.at("weight_reads") + memory.at("input_reads") + psum_reads(outcome.counters);
    if (memory.contains("index_reads")) layer.buffer_reads += memory.at("index_reads");
    layer.early_stop = outcome.early_stop;
    if (outcome.sparse) layer.sparse = {outcome.sparse->effective, outcome.sparse->weights, outcome.sparse->inputs};
    layer.buffer_writes = outcome.counters.at("writeback").at("output_writes");
    layer.counters = std::move(outcome.counters);
    layer.activity = slots;
    for (std::size_t i = 0; i < stats::kSlots; ++i) layer.activity[i].cycles = outcome.activity[i];
    return layer;
  }
};

Session::Session(Machine machine, Evaluator evaluator, EnergyTable energy)
    : state_(std::make_unique<State>(std::move(machine), evaluator, std::move(energy))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

LayerResult Session::run(const std::string& name, const Operation& operation, const RunOptions& options) {
  return state_->told_run(name, operation, {}, options);
}

LayerResult Session::run(const std::string& name, const Gemm& gemm, const GemmOperands& operands,
                         const RunOptions& options) {
  const auto view = [](const GemmOperands::Matrix& m) {
    return workload::MatrixView{m.data, m.batch_stride, m.row_stride, m.column_stride};
  };
  return state_->told_run(name, gemm, {view(operands.a), view(operands.b), operands.output, {}}, options);
}

LayerResult Session::run(const std::string& name, const Conv& conv, const ConvOperands& operands,
                         const RunOptions& options) {
  return state_->told_run(name, conv, {{operands.x}, workload::filter_columns(conv, operands.w), operands.output, {}},
                          options);
}

LayerResult Session::run(const std::string& name, const MaxPool& pool, const MaxPoolOperands& operands,
                         const RunOptions& options) {
  return state_->run(name, pool, {.a = {operands.x}, .b = {}, .output = operands.output, .sparsity = {}}, options);
}

MappingResult Session::map(const Operation& operation, const RunOptions& options) {
  return api::naming_plugins(state_->machine.description(), [&] { return state_->map(operation, options); });
}

const Machine& Session::machine() const { return state_->machine; }
const EnergyTable& Session::energy() const { return state_->energy; }
const std::vector<LayerResult>& Session::layers() const { return state_->layers; }
std::string Session::document(const std::string& context_json) const {
  return cairn::document(state_->machine, state_->layers, context_json, state_->energy);
}

}  // namespace cairn
