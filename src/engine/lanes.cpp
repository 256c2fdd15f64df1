#include "engine/lanes.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/host_kernels.h"
#include "engine/lane_program.h"
#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

const std::vector<stats::Conservation>& laws() {
  static const std::vector<stats::Conservation> kLaws{
      {"every input that is sent was read or is padding",
       {"distribution.words"},
       {"memory.input_reads", "memory.padding_words"}},
      {"every input meets a weight", {"distribution.words"}, {"multiplier.multiplications"}},
      {"every product is accumulated or dropped",
       {"multiplier.multiplications"},
       {"reduction.register_writes", "reduction.dropped"}},
      {"every sum is read out", {"reduction.results"}, {"collection.results_in"}},
      {"every result read out is sent on", {"collection.results_in"}, {"collection.results_out"}},
      {"every result arrives", {"collection.results_out"}, {"writeback.results"}}};
  return kLaws;
}

void check_work(const Gemm& gemm, const LaneProgram& program, stats::CounterTree counters) {
  counters["reduction"].try_emplace("dropped", 0);
  stats::check_conservation(counters, laws());
  const Gemm::Sizes& s = gemm.sizes();
  util::require(counters.at("writeback").at("output_writes") == s.batch * s.m * s.n, "conservation",
                "every output is stored once");
  const Count products = counters.at("multiplier").at("multiplications");
  util::require(program.checked() ? products <= gemm.multiplications() : products == gemm.multiplications(),
                "conservation", "every multiplication is done once, or left");
}

// What both evaluators report.
void complete(const arch::Machine& machine, const Operation& operation, const LaneProgram& program, Outcome& outcome) {
  outcome.rounds = outcome.distinct_rounds = outcome.evaluated_rounds = 1;
  check_work(lowered(operation), program, outcome.counters);
  const arch::LaneArray array = arch::lane_array(machine);
  if (!array.checks) return;
  const auto& reduction = outcome.counters.at("reduction");
  LayerResult::EarlyStop stop{.checked = program.checked()};
  stop.outputs_stopped = reduction.at("stops");
  stop.products_skipped = multiplications(operation) - outcome.counters.at("multiplier").at("multiplications");
  stop.products_wasted = reduction.at("dropped");
  if (program.checked() && array.prefix > 0) stop.loss = program.loss();
  outcome.early_stop = stop;
}

// Every output is an event of its own.
void refuse_too_many(const Operation& operation) {
  constexpr Count kMost = Count{1} << 28;
  const Gemm::Sizes& s = lowered(operation).sizes();
  if (s.m > kMost || s.n > kMost || s.batch > kMost || s.m * s.n > kMost || s.m * s.n * s.batch > kMost ||
      s.k > std::numeric_limits<std::int32_t>::max())
    throw Error(Code::too_large, "operation",
                fmt::format("{} x {} x {} outputs are too many to be handed out one by one", s.batch, s.m, s.n),
                "simulate a smaller operation, or another machine");
}

}  // namespace

void refuse_tile(const std::map<std::string, std::int64_t>& named) {
  util::Diagnostics faults;
  for (const auto& [letter, size] : named)
    faults.add(Code::tile_does_not_fit, "tile", fmt::format("'{}': independent lanes take one output each", letter),
               "leave it out");
  faults.raise_if_any();
}

Outcome step_lanes(const arch::Machine& machine, const Operation& operation, const Operands& operands,
                   const Progress& progress, std::optional<std::uint64_t> shuffle, kernel::Observer* observer) {
  refuse_too_many(operation);
  Fabric fabric(machine, shuffle, observer);
  LaneProgram program(arch::lane_array(machine), fabric.array().lanes(), operation, operands, progress);
  Outcome outcome;
  outcome.cycles = fabric.step({.rounds = &program, .sums = &program});
  outcome.activity = fabric.activity(outcome.cycles);
  outcome.taking_part = fabric.taking_part();
  outcome.counters = fabric.counters();
  complete(machine, operation, program, outcome);
  outcome.complete(fabric);
  return outcome;
}

Outcome flow_lanes(Fabric& fabric, const arch::Machine& machine, const Operation& operation, const Operands& operands,
                   const Progress& progress) {
  refuse_too_many(operation);
  LaneProgram program(arch::lane_array(machine), fabric.array().lanes(), operation, operands, progress);
  if (program.checked()) {
    program.compute();
  } else if (operands.present()) {
    compute_on_host(operation, operands);
  }
  const stats::CounterTree before = fabric.counters();
  fabric.start({.rounds = &program, .sums = &program});
  Outcome outcome;
  outcome.cycles = std::max(fabric.flow_round(program.at(0), true), fabric.round().through);
  outcome.activity = fabric.activity(outcome.cycles);
  outcome.taking_part = fabric.taking_part();
  outcome.counters = stats::difference(fabric.counters(), before);
  complete(machine, operation, program, outcome);
  outcome.complete(fabric);
  return outcome;
}

}  // namespace cairn::engine
