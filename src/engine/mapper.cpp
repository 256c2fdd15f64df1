#include "engine/mapper.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "engine/flexible.h"
#include "fabric/tree_plan.h"
#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

using mapping::Candidate;
using mapping::DenseTile;
using mapping::Loads;
using mapping::Loop;

// What a tile costs, by flow.
Evaluated cost_of(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                  const DenseTile& tile, const Loads& loads) {
  const Outcome outcome = flow_flexible(fabric, machine, operation, tile, {});
  return {tile, outcome.cycles, meter.total(outcome.counters, outcome.cycles), loads};
}

Loads loads_of(const arch::Machine& machine, const mapping::Nest& nest, const DenseTile& tile) {
  const arch::FlexibleArray array = arch::flexible_array(machine);
  fabric::Clusters clusters;
  clusters.count = static_cast<int>(tile.clusters());
  clusters.size = static_cast<int>(mapping::cluster_size(nest, tile, array));
  const arch::Part& reduction = machine.part("reduction");
  const bool doubled = reduction.type == "art" && reduction.word("switches") == "double";
  const fabric::Switches switches = doubled ? fabric::Switches::doubled : fabric::Switches::linked;
  const arch::Part& bus = machine.part("collection");
  // Where neighbouring adders share an input of the bus, some lines serve more virtual neurons than others.
  const bool dealt_out = array.only_over_time || reduction.type == "synchronous-fan" || !bus.flag("pairs");
  const Count per_line = dealt_out ? util::ceil_div(clusters.count, array.lines)
                                   : fabric::results_per_line(array.multipliers, clusters, reduction.type == "fan",
                                                              switches, array.lines, bus.flag("restart"));
  return mapping::loads(nest, tile, array, per_line);
}

class Search {
 public:
  Search(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
         Objective objective, Count budget, const Progress& progress)
      : fabric_(fabric),
        machine_(machine),
        meter_(meter),
        operation_(operation),
        objective_(objective),
        budget_(budget),
        progress_(progress),
        array_(arch::flexible_array(machine)),
        nest_(mapping::nest_of(operation)) {}

  Mapping run() {
    const std::vector<Candidate> all = mapping::candidates(nest_, array_);
    mapping_.legal = static_cast<Count>(all.size());
    bound(all);
    for (const Bounded& each : bounded_) {
      if (best_ && each.least >= best_->cost(objective_)) break;
      if (mapping_.evaluated < budget_ && affordable(each.tile, each.loads))
        consider(each.tile, each.loads);
      else
        ++mapping_.untried;
    }
    if (tried_.empty()) consider(bounded_.front().tile, bounded_.front().loads);
    std::ranges::stable_sort(tried_, {}, [&](const Evaluated& e) { return e.cost(objective_); });
    mapping_.best = tried_.front();
    mapping_.alternatives.assign(tried_.begin() + 1, tried_.begin() + std::min<std::ptrdiff_t>(6, std::ssize(tried_)));
    return std::move(mapping_);
  }

 private:
  struct Bounded {
    DenseTile tile;
    Loads loads;
    double least;  // no run of the tile costs less
  };

  // The candidates that the cheap bound does not rule out, with their real loads, the most promising first. A few are
  // evaluated at once, so that there is something to rule out by.
  void bound(const std::vector<Candidate>& all) {
    constexpr Count kFirst = 4;
    for (const Candidate& candidate : all) {
      if (objective_ == Objective::cycles && best_ && static_cast<double>(candidate.bound) >= best_->cost(objective_))
        break;
      Bounded next{candidate.tile, loads_of(machine_, nest_, candidate.tile), 0};
      next.least = least(next.loads);
      if (mapping_.evaluated < kFirst && affordable(next.tile, next.loads)) consider(next.tile, next.loads);
      if (best_ && next.least >= best_->cost(objective_)) continue;
      bounded_.push_back(next);
    }
    std::ranges::stable_sort(bounded_, {}, &Bounded::least);
  }

  // No run takes fewer cycles than its loads.
  double least(const Loads& loads) const {
    const auto cycles = static_cast<double>(loads.least());
    if (objective_ == Objective::cycles) return cycles;
    const double energy = least_energy(machine_, meter_, operation_, loads);
    return objective_ == Objective::energy ? energy : energy * cycles;
  }

  // What has no stream form is clocked for a few rounds, and rounds that overlap are evaluated in order unless they
  // come to repeat each other. A search has only so much time for either.
  bool affordable(const DenseTile& tile, const Loads& loads) {
    const mapping::Iterations iterations(nest_, tile);
    const bool psums = array_.folding == arch::Folding::multipliers && iterations.folds() > 1;
    constexpr Count kClocked = 3;  // rounds, or rows
    Cycle clocked = 0;
    Count in_order = 0;
    if (psums || array_.row_barrier) {
      const Count alike = psums ? iterations.rounds() : iterations.rounds() * iterations[Loop::x];
      clocked = loads.least() / alike * std::min(alike, kClocked);
    } else if (!mapping::rounds_wait(nest_, tile)) {
      in_order = iterations.rounds();
    }
    const bool fits = clocked <= clocked_left_ && in_order <= in_order_left_;
    if (!fits && (best_ || in_order > 0)) return false;
    clocked_left_ -= clocked;
    in_order_left_ -= in_order;
    return true;
  }

  void consider(const DenseTile& tile, const Loads& loads) {
    if (std::ranges::any_of(tried_, [&](const Evaluated& e) { return e.tile == tile; })) return;
    const Evaluated found = cost_of(fabric_, machine_, meter_, operation_, tile, loads);
    ++mapping_.evaluated;
    if (progress_) progress_(mapping_.evaluated, budget_);
    if (!best_ || found.cost(objective_) < best_->cost(objective_)) best_ = found;
    tried_.push_back(found);
  }

  Fabric& fabric_;
  const arch::Machine& machine_;
  const cost::Meter& meter_;
  const Operation& operation_;
  Objective objective_;
  Count budget_;
  const Progress& progress_;
  arch::FlexibleArray array_;
  mapping::Nest nest_;
  Mapping mapping_;
  std::vector<Bounded> bounded_;
  std::vector<Evaluated> tried_;
  std::optional<Evaluated> best_;
  Cycle clocked_left_ = 200'000;
  Count in_order_left_ = 100'000;
};

}  // namespace

double Evaluated::cost(Objective objective) const {
  const auto time = static_cast<double>(cycles);
  if (objective == Objective::cycles) return time;
  return objective == Objective::energy ? energy : energy * time;
}

Mapping map_layer(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                  Objective objective, const Progress& progress, Count budget) {
  constexpr std::int64_t kMost = std::int64_t{1} << 57;
  if (products(operation) > kMost) {
    throw Error(Code::too_large, "operation",
                "too large to search for a tile: the loads of tiles may not fit in 63 bits",
                "give a tile, or a smaller operation");
  }
  return Search(fabric, machine, meter, operation, objective, budget, progress).run();
}

Evaluated evaluate(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                   const DenseTile& tile) {
  const mapping::Nest nest = mapping::nest_of(operation);
  check_fit(arch::flexible_array(machine), nest, tile);
  return cost_of(fabric, machine, meter, operation, tile, loads_of(machine, nest, tile));
}

// Its words, its multiplications, its sums, and the time of its loads.
double least_energy(const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                    const mapping::Loads& loads) {
  const arch::FlexibleArray array = arch::flexible_array(machine);
  const mapping::Nest nest = mapping::nest_of(operation);
  const Count terms = nest.sizes[Loop::r] * nest.sizes[Loop::s] * nest.sizes[Loop::c];
  // Every word crosses at least one switch of each level of its port's tree.
  const Count levels = std::bit_width(static_cast<unsigned>(array.multipliers / array.ports)) - 1;
  const stats::CounterTree counters{
      {"memory", {{"input_reads", loads.reads}}},
      {"distribution", {{"words", loads.words}, {"hops", loads.words * levels}, {"unicasts", loads.words * levels}}},
      {"multiplier", {{nest.compares ? "input_forwards" : "multiplications", loads.products}}},
      {"reduction", {{"wire_writes", loads.products / 2}}},  // two that cross together are one
      {"collection", {{"results_out", loads.results}}},
      {"writeback", {{"output_writes", products(operation) / terms}}}};
  // A sum of three operands is two additions at once.
  const auto price = [&](const char* component, const char* action) {
    return meter.prices().energy(component, action, cost::Width::sum);
  };
  const double addition = std::min({price("accumulator", "add"), price("adder", "add2"), price("adder", "add3") / 2});
  return meter.total(counters, loads.least()) + addition * static_cast<double>(loads.additions);
}

}  // namespace cairn::engine
