#include "engine/sparse.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "engine/bitmap_program.h"
#include "engine/flexible.h"
#include "engine/host_kernels.h"
#include "engine/row_program.h"
#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

using arch::Control;

// The letter of the dimension that streams.
const char* streaming_letter(const arch::Machine& machine) {
  return arch::sparse_array(machine).stationary_inputs ? "N" : "M";
}

const std::vector<stats::Conservation>& laws() {
  static const std::vector<stats::Conservation> kLaws{
      {"every result is collected", {"reduction.results"}, {"collection.results_in"}},
      {"every result collected is sent on", {"collection.results_in"}, {"collection.results_out"}},
      {"every result arrives", {"collection.results_out"}, {"writeback.results"}},
      {"every partial sum read is passed on or added to", {"memory.psum_reads"}, {"multiplier.psum_forwards"}}};
  return kLaws;
}

void check_work(const arch::Machine& machine, const SparseOperands& operands, const stats::CounterTree& counters) {
  stats::CounterTree all = counters;
  all["memory"].try_emplace("psum_reads", 0);
  stats::check_conservation(all, laws());
  const Count outputs = operands.batch() * operands.vectors() * operands.steps();
  const Count writes = counters.at("writeback").at("output_writes");
  const Count again = counters.at("memory").contains("psum_reads")
                          ? counters.at("memory").at("psum_reads") + counters.at("writeback").at("psum_reads")
                          : 0;
  util::require(writes == outputs + again, "conservation", "every output is stored once for each time it is made");
  const Count products = counters.at("multiplier").at("multiplications");
  const Count entries = std::ssize(operands.stationary().column);
  const bool exact = arch::control(machine) == Control::bitmaps;
  util::require(exact ? products == entries * operands.steps() : products >= entries * operands.steps(), "conservation",
                "every entry of the stationary operand meets every streaming vector");
}

void check_fit(const arch::SparseArray& array, const SparseOperands& operands, const mapping::SparseTile& tile) {
  const bool fits = tile.columns <= array.multipliers && tile.depth <= array.multipliers &&
                    tile.columns * tile.depth <= array.multipliers;
  const std::vector<std::int64_t>& begin = operands.stationary().begin;
  std::int64_t longest = 0;
  for (std::size_t v = 1; v < begin.size(); ++v) longest = std::max(longest, begin[v] - begin[v - 1]);
  const bool folds = longest > tile.depth;
  if (!fits) {
    throw Error(Code::tile_does_not_fit, "tile",
                fmt::format("{} virtual neurons of {} need more than the {} multipliers of the machine", tile.columns,
                            tile.depth, array.multipliers),
                "a smaller tile");
  }
  if (array.only_over_time && tile.depth > 1) {
    throw Error(Code::unsupported_mapping, "tile",
                fmt::format("virtual neurons of {} multipliers: temporal reduction adds up over time only, one "
                            "multiplier each",
                            tile.depth),
                "K = 1, or reduction.type = art");
  }
  if (folds && !array.adds_folds) {
    throw Error(
        Code::unsupported_mapping, "tile",
        fmt::format("a row of {} entries takes several folds of {}, which nothing adds up", longest, tile.depth),
        fmt::format("K = {} or more, or reduction.accumulators = true", longest));
  }
  if (folds && tile.depth == 1 && tile.columns > 1 && !array.folds_singles) {
    throw Error(Code::unsupported_mapping, "tile",
                "virtual neurons of one multiplier: two of them would share an accumulator at the first adder",
                "K = 2 or more, or reduction.type = temporal or fan");
  }
}

// What a run could count at most must fit in 63 bits with room to add up.
void refuse_too_long(const arch::Machine& machine, const SparseOperands& operands, const mapping::SparseTile& tile) {
  constexpr double kMost = 8e18;
  const auto number = [](Count count) { return static_cast<double>(count); };
  const double padding = tile.depth > 0 ? number(tile.depth) * number(tile.columns) : 1;  // of a tile that hangs over
  const double entries =
      number(std::ssize(operands.stationary().column)) + number(std::ssize(operands.stationary().begin)) * padding;
  const Count idle = machine.part("memory").integer("configure_cycles") +
                     (arch::control(machine) == Control::bitmaps ? machine.part("memory").integer("drain_cycles") : 0);
  const double most =
      entries * ((number(operands.steps()) + padding) * number(most_of_product(machine)) + number(idle) + 64);
  if (most > kMost) {
    throw Error(Code::too_large, "operation", "its cycles and counters may not fit in 63 bits", "a smaller operation");
  }
}

// The rounds of either kind of machine.
struct Program {
  std::unique_ptr<BitmapProgram> bitmaps;
  std::unique_ptr<RowProgram> rows;

  Program(const arch::Machine& machine, const SparseOperands& operands, const mapping::SparseTile& tile,
          const Progress& progress) {
    const arch::SparseArray array = arch::sparse_array(machine);
    if (arch::control(machine) == Control::rows) check_fit(array, operands, tile);
    refuse_too_long(machine, operands, tile);
    if (arch::control(machine) == Control::bitmaps) {
      bitmaps = std::make_unique<BitmapProgram>(array, operands, tile, progress);
    } else {
      rows = std::make_unique<RowProgram>(operands, tile, progress);
    }
  }

  // What tells all that a round costs in a machine at rest, if it is so simple: the steps of a row; a fold of one
  // vector.
  using Kind = BitmapProgram::Single;
  std::optional<Kind> kind(Count round) const {
    if (bitmaps) return bitmaps->single(round);
    return Kind{rows->folds_of(round), false, false};
  }

  fabric::Packets& packets() const { return bitmaps ? static_cast<fabric::Packets&>(*bitmaps) : *rows; }
  fabric::Rounds& rounds() const { return bitmaps ? static_cast<fabric::Rounds&>(*bitmaps) : *rows; }
  fabric::Program program() const { return {.rounds = &rounds(), .packets = &packets()}; }
};

// Words that rounds of one kind do not have in common.
struct Words {
  Count weights = 0;
  Count inputs = 0;
  Count dropped = 0;

  // Takes them out of a round.
  fabric::Round without(fabric::Round round) {
    weights += std::exchange(round.weight_reads, 0);
    inputs += std::exchange(round.input_reads, 0);
    dropped += std::exchange(round.dropped, 0);
    return round;
  }

  void add_to(stats::CounterTree& counters) const {
    counters["memory"]["weight_reads"] += weights;
    counters["memory"]["input_reads"] += inputs;
    counters["multiplier"]["operand_pops"] += dropped;
  }
};

// The rounds in their order. One that follows a barrier begins in a machine at rest, unless a slow port or the
// controller still pauses; it is evaluated once for each kind.
class Flow {
 public:
  Flow(Fabric& fabric, Program& program, bool barrier) : fabric_(fabric), program_(program), barrier_(barrier) {}

  Outcome run(const Progress& progress) {
    const stats::CounterTree before = fabric_.counters();
    const Count rounds = program_.rounds().size();
    for (Count i = 0; i < rounds; ++i) {
      if (progress && i % 256 == 0) progress(i, rounds);
      const fabric::Round round = words_.without(program_.rounds().at(i));
      if (at_rest_) end_of_rounds();
      if (!known(i)) evaluate(i, round);
    }
    end_of_rounds();
    outcome_.counters = stats::difference(fabric_.counters(), before);
    for (const auto& [kind, cost] : known_) {
      stats::accumulate(outcome_.counters, cost.counters, cost.again);
      stats::accumulate(outcome_.activity, cost.activity, cost.again);
    }
    outcome_.taking_part = fabric_.taking_part();
    words_.add_to(outcome_.counters);
    return std::move(outcome_);
  }

 private:
  struct Cost {
    Cycle finish = 0;
    stats::CounterTree counters;
    stats::Activity activity;
    Count again = 0;  // rounds after the first of the kind
  };

  // The rounds since the machine was at rest are through.
  void end_of_rounds() {
    outcome_.cycles += finish_;
    if (evaluated_) stats::accumulate(outcome_.activity, fabric_.activity(finish_), 1);
    evaluated_ = false;
    finish_ = 0;
  }

  bool known(Count index) {
    const auto kind = program_.kind(index);
    if (!kind || !at_rest_) return false;
    const auto found = known_.find(*kind);
    if (found == known_.end()) return false;
    finish_ = found->second.finish;
    ++found->second.again;
    return true;
  }

  void evaluate(Count index, const fabric::Round& round) {
    const auto kind = barrier_ && at_rest_ ? program_.kind(index) : std::nullopt;
    stats::CounterTree before;
    if (kind) before = fabric_.counters();
    program_.packets().enter(index);
    finish_ = fabric_.flow_round(round, at_rest_);
    evaluated_ = true;
    ++outcome_.evaluated_rounds;
    at_rest_ = barrier_ && fabric_.round().ports_free <= finish_ + 1 && fabric_.round().controller_free <= finish_ + 1;
    if (kind && at_rest_) {
      known_.emplace(*kind, Cost{finish_, stats::difference(fabric_.counters(), before), fabric_.activity(finish_), 0});
    }
  }

  Fabric& fabric_;
  Program& program_;
  bool barrier_;
  bool at_rest_ = true;
  bool evaluated_ = false;  // the rounds since the machine was at rest last, not known before
  Cycle finish_ = 0;        // of the round before, from when the machine was at rest last
  Words words_;
  std::map<Program::Kind, Cost> known_;
  Outcome outcome_;
};

// What both evaluators report, and what must hold.
void complete(const arch::Machine& machine, const SparseOperands& operands, const Program& program, Outcome& outcome) {
  outcome.sparse = Outcome::Sparse{operands.effective(), operands.weight_zeros(), operands.input_zeros()};
  outcome.rounds = program.bitmaps ? program.bitmaps->size() : program.rows->size();
  outcome.distinct_rounds = outcome.rounds;
  if (program.rows) {
    std::set<Count> folds;
    for (Count i = 0; i < outcome.rounds; ++i) folds.insert(program.rows->folds_of(i));
    outcome.distinct_rounds = std::ssize(folds);
  }
  check_work(machine, operands, outcome.counters);
}

Outcome evaluate(Fabric& fabric, const arch::Machine& machine, const SparseOperands& operands,
                 const mapping::SparseTile& tile, const Progress& progress) {
  Program program(machine, operands, tile, progress);
  const stats::CounterTree before = fabric.counters();
  fabric.start(program.program());
  util::require(fabric.has_flow(), "flow", "every part of a sparse machine has a flow form");
  const stats::CounterTree started = fabric.counters();
  const bool barrier = program.rows || arch::sparse_array(machine).fold_barrier;
  Outcome outcome = Flow(fabric, program, barrier).run(progress);
  stats::accumulate(outcome.counters, stats::difference(started, before), 1);
  complete(machine, operands, program, outcome);
  outcome.complete(fabric);
  return outcome;
}

}  // namespace

mapping::SparseTile sparse_tile(const arch::Machine& machine, const std::map<std::string, std::int64_t>& named) {
  const bool rows = arch::control(machine) == Control::rows;
  const std::string streaming = streaming_letter(machine);
  util::Diagnostics faults;
  for (const auto& [letter, size] : named) {
    if (!rows) {
      faults.add(Code::tile_does_not_fit, "tile",
                 fmt::format("'{}': a machine with bitmaps forms its own tiles", letter), "leave it out");
    } else if (letter != "K" && letter != streaming) {
      faults.add(Code::tile_does_not_fit, "tile", fmt::format("'{}' is no dimension of the tile", letter),
                 fmt::format("K and {}", streaming));
    } else if (size < 1) {
      faults.add(Code::tile_does_not_fit, "tile", fmt::format("{} = {} is below 1", letter, size),
                 fmt::format("{} = 1 or more", letter));
    }
  }
  faults.raise_if_any();
  const auto size = [&](const std::string& letter) {
    const auto found = named.find(letter);
    return found == named.end() ? 1 : found->second;
  };
  return rows ? mapping::SparseTile{size(streaming), size("K")} : mapping::SparseTile{};
}

std::map<std::string, std::int64_t> named_tile(const arch::Machine& machine, const mapping::SparseTile& tile) {
  if (arch::control(machine) == Control::bitmaps) return {};
  return {{streaming_letter(machine), tile.columns}, {"K", tile.depth}};
}

namespace {

struct Candidate {
  Cycle bound;  // it takes at least so many cycles
  mapping::SparseTile tile;
};

// Every tile that fits, the most promising first. Larger ones than the operands fill can be better: their virtual
// neurons lie elsewhere in the tree.
std::vector<Candidate> candidates(const arch::Machine& machine, const SparseOperands& operands) {
  const arch::SparseArray array = arch::sparse_array(machine);
  const std::vector<std::int64_t>& begin = operands.stationary().begin;
  std::map<std::int64_t, Count> sizes;  // rows by entries
  for (std::size_t v = 1; v < begin.size(); ++v) ++sizes[begin[v] - begin[v - 1]];
  const std::int64_t longest = sizes.rbegin()->first;
  const std::int64_t ports = machine.part("distribution").integer("bandwidth");
  const bool tree = machine.part("distribution").type == "tree";
  std::vector<Candidate> all;
  for (std::int64_t depth = 1; depth <= array.multipliers; ++depth) {
    const bool folds = longest > depth;
    if (array.only_over_time && depth > 1) break;
    if (folds && !array.adds_folds) continue;
    const bool alone = folds && depth == 1 && !array.folds_singles;  // one virtual neuron
    const std::int64_t most = alone ? 1 : std::min<std::int64_t>(array.multipliers / depth, operands.steps());
    for (std::int64_t columns = 1; columns <= most; ++columns) {
      const Count windows = util::ceil_div(operands.steps(), columns);
      const std::int64_t busy = tree ? std::min<std::int64_t>(columns * depth, array.multipliers / ports)
                                     : util::ceil_div(columns * depth, ports);
      Cycle bound = 0;
      for (const auto& [entries, rows] : sizes) bound += rows * util::ceil_div(entries, depth) * (1 + windows * busy);
      all.push_back({bound, {columns, depth}});
    }
  }
  std::ranges::sort(all, {}, &Candidate::bound);
  if (all.empty()) all.push_back({0, {1, array.multipliers}});  // does not fit either, but says why
  return all;
}

}  // namespace

double RowMapping::Evaluated::cost(Objective objective) const {
  const auto time = static_cast<double>(cycles);
  if (objective == Objective::cycles) return time;
  return objective == Objective::energy ? energy : energy * time;
}

RowMapping map_rows(Fabric& fabric, const arch::Machine& machine, const cost::Meter& meter, const Operation& operation,
                    const Operands& operands, Objective objective, const Progress& progress) {
  const arch::SparseArray array = arch::sparse_array(machine);
  const SparseOperands sparse(array, operation, operands, false);
  const std::vector<Candidate> all = candidates(machine, sparse);
  RowMapping mapping{.evaluated = {}, .legal = std::ssize(all)};
  Cycle fewest = std::numeric_limits<Cycle>::max();
  for (const Candidate& candidate : all) {
    if (objective == Objective::cycles && candidate.bound >= fewest) break;
    const Outcome found = evaluate(fabric, machine, sparse, candidate.tile, progress);
    mapping.evaluated.push_back(
        {candidate.tile, found.cycles, meter.total(found.counters, found.cycles), candidate.bound});
    fewest = std::min(fewest, found.cycles);
  }
  std::ranges::stable_sort(mapping.evaluated, {}, [&](const auto& tried) { return tried.cost(objective); });
  return mapping;
}

Outcome step_sparse(const arch::Machine& machine, const Operation& operation, const mapping::SparseTile& tile,
                    const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle,
                    kernel::Observer* observer) {
  Fabric fabric(machine, shuffle, observer);
  const SparseOperands sparse(arch::sparse_array(machine), operation, operands, true);
  Program program(machine, sparse, tile, progress);
  Outcome outcome;
  outcome.cycles = fabric.step(program.program());
  outcome.activity = fabric.activity(outcome.cycles);
  outcome.taking_part = fabric.taking_part();
  outcome.counters = fabric.counters();
  complete(machine, sparse, program, outcome);
  outcome.complete(fabric);
  outcome.evaluated_rounds = outcome.rounds;
  return outcome;
}

Outcome flow_sparse(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                    const mapping::SparseTile& tile, const Operands& operands, const Progress& progress) {
  const SparseOperands sparse(arch::sparse_array(machine), operation, operands, false);
  Outcome outcome = evaluate(fabric, machine, sparse, tile, progress);
  if (operands.present()) compute_on_host(operation, operands);
  return outcome;
}

}  // namespace cairn::engine
