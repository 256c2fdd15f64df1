// Runs one operation on one machine, with either evaluator, and computes its values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "arch/machine.h"
#include "cairn/operation.h"
#include "cairn/result.h"
#include "engine/fabric.h"
#include "mapping/nest.h"
#include "mapping/output_tiles.h"
#include "mapping/schedule.h"
#include "workload/operands.h"

namespace cairn::engine {

// The operands and the place for the output (dense, row-major); without an output the run is timing only. Of a
// convolution `a` is x, dense (its strides are not used), and `b` the workload::filter_columns.
struct Operands {
  workload::MatrixView a;
  workload::MatrixView b;
  float* output = nullptr;
  // Of timing only on a sparse machine: the share of zeros in random operands.
  struct Sparsity {
    double weights = 0;
    double inputs = 0;
    std::uint64_t seed = 0;
  };
  Sparsity sparsity{};
  std::optional<Rectified> rectified{};
  bool present() const { return output != nullptr; }
};

struct Outcome {
  Cycle cycles = 0;
  Count rounds = 0;
  Count distinct_rounds = 0;   // that differ in what they cost by themselves
  Count evaluated_rounds = 0;  // the others repeat them
  Count stepped_rounds = 0;    // distinct rounds that flow had to step, since a part has no flow form
  stats::CounterTree counters;
  // Where the cycles went. Evaluators tell it of memory, distribution and multipliers, complete() of what serves these.
  stats::Activity activity;
  stats::BySlot<Count> units{};
  stats::BySlot<Count> taking_part{};  // units that a round of the run used, of what serves
  void complete(const Fabric& fabric);
  // On a sparse machine: products of two non-zeros, and the share of zeros in each operand.
  struct Sparse {
    Count effective = 0;
    double weights = 0;
    double inputs = 0;
  };
  std::optional<Sparse> sparse{};
  std::optional<LayerResult::EarlyStop> early_stop{};  // where accumulators check signs
};

// Costs of rounds that were evaluated before: the cost of a round depends on nothing but the round.
using RoundCosts = std::map<fabric::Round, RoundCost>;

using Progress = std::function<void(Count done, Count all)>;

// How an operation is cut for a machine: of the machine's family. Independent lanes take one output each.
using Tile = std::variant<mapping::Tile, mapping::DenseTile, mapping::SparseTile, std::monostate>;

// Throws Error U205 for max-pooling on a machine whose adders do not compare.
void check_operation(const arch::Machine& machine, const Operation& operation);

// A tile given by its letters. Throws Error E401 for what does not fit the machine, U204 for what it cannot do.
Tile tile_of(const arch::Machine& machine, const Operation& operation,
             const std::map<std::string, std::int64_t>& named);
std::map<std::string, std::int64_t> named_tile(const arch::Machine& machine, const Operation& operation,
                                               const Tile& tile);

// Every round clocked, values through the simulated datapath. The observer, if there is one, is shown every cycle.
Outcome run_step(const arch::Machine& machine, const Operation& operation, const Tile& tile, const Operands& operands,
                 const Progress& progress = {}, std::optional<std::uint64_t> shuffle = std::nullopt,
                 kernel::Observer* observer = nullptr);

// Each distinct round evaluated once, values by a host kernel.
Outcome run_flow(Fabric& fabric, const arch::Machine& machine, const Operation& operation, const Tile& tile,
                 const Operands& operands, RoundCosts& known, const Progress& progress = {});

}  // namespace cairn::engine
