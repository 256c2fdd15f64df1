#include "engine/mapper.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "cost/energy.h"
#include "engine/flexible.h"
#include "fabric/tree_plan.h"

namespace cairn::engine {
namespace {

using mapping::Candidate;
using mapping::DenseTile;
using mapping::Loads;
using mapping::Loop;

cost::Units units(const arch::FlexibleArray& array) {
  const Count trees = array.only_over_time ? 0 : array.multipliers - 1;
  return {array.multipliers, trees, array.folding == arch::Folding::reduction ? array.multipliers - 1 : 0,
          array.multipliers - array.ports};
}

Loads loads_of(const arch::Machine& machine, const mapping::Nest& nest, const DenseTile& tile) {
  const arch::FlexibleArray array = arch::flexible_array(machine);
  fabric::Clusters clusters;
  clusters.count = static_cast<int>(tile.clusters());
  clusters.size = static_cast<int>(mapping::cluster_size(nest, tile, array));
  const arch::Part& reduction = machine.part("reduction");
  const bool doubled = reduction.type == "art" && reduction.word("switches") == "double";
  const fabric::Switches switches = doubled ? fabric::Switches::doubled : fabric::Switches::linked;
  const Count per_line = array.only_over_time
                             ? util::ceil_div(clusters.count, array.lines)
                             : fabric::results_per_line(array.multipliers, clusters, reduction.type == "fan", switches,
                                                        array.lines, machine.part("collection").flag("restart"));
  return mapping::loads(nest, tile, array, per_line);
}

class Search {
 public:
  Search(Fabric& fabric, const arch::Machine& machine, const Operation& operation, Objective objective, Count budget)
      : fabric_(fabric),
        machine_(machine),
        operation_(operation),
        objective_(objective),
        budget_(budget),
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

  Count sums_length() const { return nest_.sizes[Loop::r] * nest_.sizes[Loop::s] * nest_.sizes[Loop::c]; }

  // No run takes fewer cycles than its loads, nor less energy than its multiplications, its words and that time.
  double least(const Loads& loads) const {
    const auto cycles = static_cast<double>(loads.least());
    if (objective_ == Objective::cycles) return cycles;
    // Every word crosses at least one switch of each level of its port's tree.
    const Count levels = std::bit_width(static_cast<unsigned>(array_.multipliers / array_.ports)) - 1;
    const stats::CounterTree counters{
        {"memory", {}},
        {"distribution", {{"words", loads.words}, {"hops", loads.words * levels}, {"unicasts", loads.words * levels}}},
        {"multiplier", {{"multiplications", loads.products}}},
        {"reduction", {{"additions", loads.additions}, {"wire_writes", loads.products}}},
        {"collection", {{"results_out", loads.results}}},
        {"writeback", {{"output_writes", multiplications(operation_) / sums_length()}}}};
    const double energy = cost::energy(counters, loads.least(), units(array_));
    return objective_ == Objective::energy ? energy : energy * cycles;
  }

  // What has no stream form is clocked for a few rounds; a search has only so many cycles for that.
  bool affordable(const DenseTile& tile, const Loads& loads) {
    const mapping::Iterations iterations(nest_, tile);
    const bool psums = array_.folding == arch::Folding::multipliers && iterations.folds() > 1;
    if (!psums && !array_.row_barrier) return true;
    const Count alike = array_.row_barrier && !psums ? iterations.rounds() * iterations[Loop::x] : iterations.rounds();
    constexpr Count kClocked = 3;  // rounds, or rows
    const Cycle clocked = loads.least() / alike * std::min(alike, kClocked);
    if (best_ && clocked > clocked_left_) return false;
    clocked_left_ -= clocked;
    return true;
  }

  void consider(const DenseTile& tile, const Loads& loads) {
    if (std::ranges::any_of(tried_, [&](const Evaluated& e) { return e.tile == tile; })) return;
    Evaluated found = evaluate(fabric_, machine_, operation_, tile);
    found.loads = loads;
    ++mapping_.evaluated;
    if (!best_ || found.cost(objective_) < best_->cost(objective_)) best_ = found;
    tried_.push_back(found);
  }

  Fabric& fabric_;
  const arch::Machine& machine_;
  const Operation& operation_;
  Objective objective_;
  Count budget_;
  arch::FlexibleArray array_;
  mapping::Nest nest_;
  Mapping mapping_;
  std::vector<Bounded> bounded_;
  std::vector<Evaluated> tried_;
  std::optional<Evaluated> best_;
  Cycle clocked_left_ = 200'000;
};

}  // namespace

double Evaluated::cost(Objective objective) const {
  const auto time = static_cast<double>(cycles);
  if (objective == Objective::cycles) return time;
  return objective == Objective::energy ? energy : energy * time;
}

Mapping map_layer(Fabric& fabric, const arch::Machine& machine, const Operation& operation, Objective objective,
                  Count budget) {
  return Search(fabric, machine, operation, objective, budget).run();
}

Evaluated evaluate(Fabric& fabric, const arch::Machine& machine, const Operation& operation, const DenseTile& tile) {
  const arch::FlexibleArray array = arch::flexible_array(machine);
  const mapping::Nest nest = mapping::nest_of(operation);
  check_fit(array, nest, tile);
  const Outcome outcome = flow_flexible(fabric, machine, operation, tile, {});
  return {tile, outcome.cycles, cost::energy(outcome.counters, outcome.cycles, units(array)),
          loads_of(machine, nest, tile)};
}

}  // namespace cairn::engine
