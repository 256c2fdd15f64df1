// Results as values, and the versioned JSON document made from them (docs/design/0003-result-document.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cairn/activity.h"
#include "cairn/energy.h"
#include "cairn/machine.h"
#include "cairn/operation.h"

namespace cairn {

struct LayerResult {
  std::string name;
  Operation operation;
  std::map<std::string, std::int64_t> tile{};  // letter -> how much of that dimension is in the machine at once
  std::string chosen{};                        // the tile: "given", "mapped for cycles", "the machine's own"
  std::int64_t rounds = 0;
  std::int64_t distinct_rounds = 0;   // that differ in what they cost by themselves
  std::int64_t evaluated_rounds = 0;  // the others repeat them
  std::string evaluator{};            // "flow", "step", or "flow, N rounds stepped"
  std::int64_t cycles = 0;
  std::int64_t multipliers = 0;      // of the machine
  std::int64_t multiplications = 0;  // that the operation needs
  std::int64_t comparisons = 0;      // of two values, that max-pooling needs
  // On a sparse machine.
  struct Sparse {
    std::int64_t effective_multiplications = 0;  // of two non-zeros
    double weight_zeros = 0;                     // share of each operand, 0 to 1
    double input_zeros = 0;
  };
  std::optional<Sparse> sparse{};
  // On a machine whose accumulators check signs.
  struct EarlyStop {
    bool checked = false;               // the layer is rectified, and its values are known
    std::int64_t outputs_stopped = 0;   // sums that were left before their end
    std::int64_t products_skipped = 0;  // multiplications that were not done
    std::int64_t products_wasted = 0;   // that were done after the sum had been left: they were on their way
    // Of a machine that predicts: what the outputs after the rectifier are off by.
    struct Loss {
      std::int64_t wrong_zeros = 0;  // outputs made 0 that are positive in truth
      double largest_error = 0;      // absolute, of an output
      double mean_error = 0;         // over all outputs of the layer
    };
    std::optional<Loss> loss{};
  };
  std::optional<EarlyStop> early_stop{};
  std::int64_t buffer_reads = 0;   // words, partial sums included
  std::int64_t buffer_writes = 0;  // words
  std::map<std::string, std::map<std::string, std::int64_t>> counters{};
  std::vector<SlotActivity> activity{};  // where the cycles went, in the order of the data path

  // Useful multiplications, or values that max-pooling passes on, over multipliers x cycles, 0 to 1.
  double utilisation() const;
};

std::string to_json(const LayerResult& layer);

// What the mapping of a flexible machine is chosen for: fewest cycles, least energy, least energy x delay.
enum class Objective { cycles, energy, edp };

// What a tile costs, and what keeps it from costing less.
struct TileCost {
  std::map<std::string, std::int64_t> tile{};
  std::int64_t cycles = 0;
  double energy = 0;  // in the unit of the session's table
  std::int64_t multipliers_used = 0;
  std::string bound_by{};  // "distribution", "multipliers", "collection": the resource that is busy longest
  std::int64_t bound = 0;  // for how many cycles at least
};

struct MappingResult {
  Objective objective = Objective::cycles;
  TileCost best{};
  std::vector<TileCost> alternatives{};  // the next best of those evaluated
  std::int64_t legal = 0;                // tiles that fit the machine
  std::int64_t evaluated = 0;            // by the flow evaluator; a bound rules the others out
  std::int64_t untried = 0;              // that it does not rule out: the search ended at its budget
};

// {"objective", "tile", "cycles", "energy", "edp", "multipliers_used", "candidates", "bound", "alternatives"}
std::string to_json(const MappingResult& mapping);

// The result document: {"schema": "cairn.result/1", "context", "units", "layers", "totals", "area"}. `context_json` is
// an object whose members join the context; version and machine are filled in. Throws Error: E104 if it is not a JSON
// object, U203 if the totals do not fit in 63 bits.
std::string document(const Machine& machine, const std::vector<LayerResult>& layers,
                     const std::string& context_json = "{}", const EnergyTable& energy = {});

const char* version();

}  // namespace cairn
