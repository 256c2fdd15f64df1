#include "engine/flexible.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "engine/dense_program.h"
#include "engine/host_kernels.h"
#include "engine/stepped.h"
#include "util/diagnostics.h"
#include "util/larger.h"

namespace cairn::engine {
namespace {

using mapping::Loop;

const std::vector<stats::Conservation>& laws() {
  static const std::vector<stats::Conservation> kLaws{
      {"every result is collected", {"reduction.results"}, {"collection.results_in"}},
      {"every result collected is sent on", {"collection.results_in"}, {"collection.results_out"}},
      {"every result arrives", {"collection.results_out"}, {"writeback.results"}}};
  return kLaws;
}

void check_work(const Operation& operation, const DenseProgram& program, const stats::CounterTree& counters) {
  stats::check_conservation(counters, laws());
  const Gemm::Sizes& s = lowered(operation).sizes();
  const Count outputs = s.batch * s.m * s.n;
  const Count writes = outputs * program.writes_of_output();
  const Count added = program.folds_outside() ? writes - outputs : 0;
  const auto& writeback = counters.at("writeback");
  util::require(writeback.at("output_writes") == writes, "conservation",
                "every output is stored once for each time it is made");
  util::require(writeback.at("psum_reads") == counters.at("multiplier").at("psum_forwards") + added, "conservation",
                "every partial sum read is passed on or added to");
  const bool compares = program.clusters().compares;
  util::require(counters.at("multiplier").at(compares ? "input_forwards" : "multiplications") >= products(operation),
                "conservation", compares ? "every value of a window is passed on" : "every multiplication is done");
}

// The operands of a nest over the caller's memory. A convolution over three dimensions is lowered into `rows`; so is
// max-pooling, which goes over the windows of one.
NestOperands nest_operands(const Operation& operation, const Operands& operands, std::vector<float>& rows) {
  NestOperands nest;
  if (!operands.present()) return nest;
  const auto* pool = std::get_if<MaxPool>(&operation);
  const Conv* conv = pool != nullptr ? &pool->windows() : std::get_if<Conv>(&operation);
  const Gemm::Sizes& g = lowered(operation).sizes();
  nest.weights = operands.b.data;
  nest.output = operands.output;
  if (conv != nullptr && conv->sizes().input.size() < 3) {
    const Conv::Sizes& s = conv->sizes();
    const std::size_t last = s.input.size() - 1;
    const std::int64_t height = last == 0 ? 1 : s.input[0];
    const std::int64_t width = s.input[last];
    const std::int64_t plane = height * width;
    const std::int64_t channels = s.channels / s.groups;
    nest.inputs = operands.a.data;
    nest.input_strides = {s.channels * plane, channels * plane, plane, width, 1};
    nest.input_sizes = {height, width};
    nest.pad = {last == 0 ? 0 : s.pad_begin[0], s.pad_begin[last]};
    const std::int64_t across = s.kernel[last];
    const std::int64_t down = last == 0 ? 1 : s.kernel[0];
    const std::int64_t row = operands.b.row_stride;
    nest.weight_strides = {operands.b.batch_stride, operands.b.column_stride, row * down * across, row * across, row};
    const std::int64_t out_width = conv->output()[last];
    const std::int64_t out_plane = out_width * (last == 0 ? 1 : conv->output()[0]);
    nest.output_strides = {s.filters * out_plane, s.filters / s.groups * out_plane, out_plane, out_width, 1};
    return nest;
  }
  nest.inputs = operands.a.data;
  nest.input_strides = {0, operands.a.batch_stride, 0, operands.a.row_stride, operands.a.column_stride};
  nest.input_sizes = {g.m, g.k};
  nest.weight_strides = {operands.b.batch_stride, operands.b.column_stride, 0, 0, operands.b.row_stride};
  nest.output_strides = {0, g.m * g.n, 1, g.n, 0};
  if (conv != nullptr) {
    const workload::Im2col im2col(*conv);
    rows.resize(static_cast<std::size_t>(g.batch * g.m * g.k));
    for (std::int64_t i = 0; i < g.batch * g.m; ++i)
      im2col.gather(operands.a.data, i / g.m, i % g.m, rows.data() + i * g.k, 1, pool != nullptr ? util::kSmallest : 0);
    nest.inputs = rows.data();
    const std::int64_t pixels = g.m / conv->sizes().batch;
    nest.input_strides = {pixels * g.k, g.m * g.k, 0, g.k, 1};
    nest.input_sizes[0] = pixels;
    nest.output_strides = {g.batch * g.n * pixels, g.n * pixels, pixels, 1, 0};
  }
  return nest;
}

class Flow {
 public:
  // `before`: what the fabric had counted before the program was started.
  Flow(Fabric& fabric, const DenseProgram& program, const Progress& progress, stats::CounterTree before)
      : fabric_(fabric), program_(program), progress_(progress), before_(std::move(before)) {}

  // Rounds that begin in a machine at rest cost the same wherever they are, so each kind is evaluated once; from the
  // first that overlaps with its successor on they are evaluated in order. So are all if a slow port still pauses when
  // the last result is stored.
  Outcome run() {
    const Count overlapping = program_.first_overlapping();
    Count alone = overlapping == program_.size() ? overlapping : overlapping - 1;
    if (alone > 0) {
      const stats::CounterTree start = stats::difference(fabric_.counters(), before_);
      const bool rests = evaluate_alone(alone);
      if (rests) {
        stats::accumulate(outcome_.counters, start, 1);
        before_ = fabric_.counters();
      } else {
        before_ = stats::difference(fabric_.counters(), start);
        outcome_ = {};
        alone = 0;
      }
    }
    if (alone < program_.size()) chain(alone);
    return outcome_;
  }

 private:
  // The first `rounds`; false if they do not leave the machine at rest.
  bool evaluate_alone(Count rounds) {
    bool rests = true;
    for (const auto& [round, times] : program_.kinds(rounds)) {
      const RoundCost cost = fabric_.flow(round);
      rests = rests && fabric_.round().ports_free <= cost.finish + 1;
      if (!rests) break;
      outcome_.cycles += cost.finish * times;
      stats::accumulate(outcome_.counters, cost.counters, times);
      stats::accumulate(outcome_.activity, cost.activity, times);
      ++outcome_.evaluated_rounds;
    }
    return rests;
  }

  // In order, until a round leaves the same behind as the one before, and the next one waits only for results of such
  // rounds: it waits less and less then, and all to come are alike. The last is evaluated next, as many rounds early as
  // are left out; but for words (count_words) they count what it counts.
  void chain(Count first) {
    const Count last = program_.size() - 1;
    Cycle finish = 0;
    Cycle first_sum = 0;
    std::vector<Cycle> state;
    Count since = first;  // the state is this
    Count i = first;
    for (; i <= last; ++i) {
      const fabric::Round round = program_.at(i);
      const stats::Activity settled = fabric_.settled();
      finish = fabric_.flow_round(round, i == first);
      if (++outcome_.evaluated_rounds > kMostInOrder) refuse_too_many();
      if (progress_) progress_(i, program_.size());
      std::vector<Cycle> now = fabric_.left_behind();
      const Cycle period = fabric_.round().first_sum - first_sum;
      first_sum = fabric_.round().first_sum;
      if (now != state) since = i;
      if (now == state && comes_from_after(round, since) && i + 1 < last) {
        left_out_ = last - i - 1;
        outcome_.cycles += period * left_out_;
        stats::accumulate(outcome_.activity, in_period(stats::difference(fabric_.settled(), settled), period),
                          left_out_);
        fabric::Round end = program_.at(last);
        end.before = (i + 1) * end.results;
        end.awaited = end.before + end.results;
        const stats::CounterTree counters = fabric_.counters();
        finish = fabric_.flow_round(end, false);
        ++outcome_.evaluated_rounds;
        stats::accumulate(outcome_.counters, stats::difference(fabric_.counters(), counters), left_out_);
        break;
      }
      state = std::move(now);
    }
    outcome_.cycles += finish;
    stats::accumulate(outcome_.counters, stats::difference(fabric_.counters(), before_), 1);
    stats::accumulate(outcome_.activity, fabric_.activity(finish), 1);
    if (left_out_ > 0) count_words(outcome_.counters, program_);
  }

  // Completes what a repeated round settles: where the controller does nothing else it waits for results, and what
  // takes no part settles nothing.
  stats::Activity in_period(stats::Activity settled, Cycle period) const {
    const stats::BySlot<Count> units = fabric_.units();
    for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
      const UnitState rest = slot == 0 ? UnitState::draining : UnitState::idle;
      settled[slot][rest] += stats::unit_cycles(units[slot], period) - stats::sum(settled[slot]);
    }
    return settled;
  }

  [[noreturn]] void refuse_too_many() const {
    throw Error(
        Code::too_large, "operation",
        fmt::format("{} rounds overlap, and after {} of them none repeats the last", program_.size(), kMostInOrder),
        "a tile that divides the outputs (M, or X and Y) or the images (N)");
  }

  // Whether none of the results that a round awaits was made before round `since` was through.
  static bool comes_from_after(const fabric::Round& round, Count since) {
    return round.awaited == 0 || round.awaited > (since + 1) * round.results;
  }

  static constexpr Count kMostInOrder = Count{1} << 20;

  Fabric& fabric_;
  const DenseProgram& program_;
  const Progress& progress_;
  stats::CounterTree before_;  // counted for others than the outcome
  Outcome outcome_;
  Count left_out_ = 0;  // rounds that repeat the ones before
};

}  // namespace

// A packet may cross every level of a port's tree, or all stages of a Benes network; a product goes through four queues
// at most, or the registers of all levels of adders.
Count most_of_product(const arch::Machine& machine) {
  const auto multipliers = static_cast<std::uint64_t>(machine.part("multiplier").integer("multipliers"));
  const Count slowest =
      machine.part("distribution").type == "tree" ? machine.part("distribution").integer("interval") : 1;
  return std::max({2 * static_cast<Count>(std::bit_width(multipliers)), Count{4}, slowest});
}

namespace {

// What a run could count at most must fit in 63 bits with room to add up; what a clocked one holds, in memory.
void refuse_too_long(const arch::Machine& machine, const DenseProgram& program, bool clocked) {
  constexpr double kMost = 8e18;
  constexpr double kMostWeights = 1 << 28;
  const auto number = [](Count count) { return static_cast<double>(count); };
  const fabric::Clusters& clusters = program.clusters();
  const double steps =
      number(program.size()) * number(clusters.folds) * (1 + number(program.rows()) * number(program.windows()));
  const Count of_multiplier = most_of_product(machine);
  const double of_step =
      number(clusters.used() * of_multiplier) + number(machine.part("memory").integer("setup_cycles")) + 64;
  const double weights = number(clusters.used()) * number(clusters.folds);
  if (steps * of_step > kMost) {
    throw Error(Code::too_large, "operation", "its cycles and counters may not fit in 63 bits", "a smaller operation");
  }
  if (clocked && weights > kMostWeights) {
    throw Error(Code::too_large, "operation",
                fmt::format("the multipliers would hold {:.0f} weights, too many to clock", weights),
                "--evaluator flow, or a smaller reduction");
  }
}

}  // namespace

void check_fit(const arch::FlexibleArray& array, const mapping::Nest& nest, const mapping::DenseTile& tile) {
  util::Diagnostics faults;
  for (const Loop loop : {Loop::r, Loop::s}) {
    if (!nest.compares || tile.sizes[loop] <= nest.sizes[loop]) continue;
    faults.add(Code::tile_does_not_fit, fmt::format("tile.{}", mapping::kLoopNames.at(static_cast<std::size_t>(loop))),
               fmt::format("{} is more than the window has: {}", tile.sizes[loop], nest.sizes[loop]),
               fmt::format("1 to {}", nest.sizes[loop]));
  }
  std::int64_t product = 1;
  for (int i = 0; i < mapping::kLoops; ++i) {
    const std::int64_t size = tile.sizes[static_cast<Loop>(i)];
    if (size > array.multipliers || product > array.multipliers) {
      product = array.multipliers + 1;
      break;
    }
    product *= size;
  }
  const bool fits = product <= array.multipliers;
  const std::int64_t folds = fits ? mapping::Iterations(nest, tile).folds() : 1;
  const bool psums = folds > 1 && array.folding == arch::Folding::multipliers;
  const std::int64_t needed = fits ? product + (psums ? tile.clusters() : 0) : 0;
  if (!fits || needed > array.multipliers) {
    faults.add(Code::tile_does_not_fit, "tile",
               fmt::format("the tile needs more than the {} multipliers of the machine{}", array.multipliers,
                           psums ? ": a product each, and one multiplier a virtual neuron to add up folds" : ""),
               psums ? "a smaller tile, or reduction.accumulators = true" : "a smaller tile");
  } else if (array.only_over_time && tile.cluster() > 1) {
    faults.add(Code::unsupported_mapping, "tile",
               fmt::format("virtual neurons of {} multipliers: temporal reduction adds up over time only, one "
                           "multiplier each",
                           tile.cluster()),
               nest.matrix ? "K = 1, or reduction.type = art" : "R = S = C = 1, or reduction.type = art");
  } else if (tile.cluster() == 1 && folds > 1 && array.folding == arch::Folding::reduction && !array.folds_singles &&
             tile.clusters() > 1) {
    faults.add(Code::unsupported_mapping, "tile",
               "virtual neurons of one multiplier: two of them would share an accumulator at the first adder",
               nest.matrix ? "K = 2 or more, or reduction.type = temporal or fan"
                           : "R, S or C of 2 or more, or reduction.type = temporal or fan");
  }
  faults.raise_if_any();
}

Outcome step_flexible(const arch::Machine& machine, const Operation& operation, const mapping::DenseTile& tile,
                      const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle,
                      kernel::Observer* observer) {
  Fabric fabric(machine, shuffle, observer);
  std::vector<float> rows;
  DenseProgram program(mapping::nest_of(operation), tile, arch::flexible_array(machine),
                       nest_operands(operation, operands, rows), progress);
  refuse_too_long(machine, program, true);
  Outcome outcome;
  outcome.cycles = fabric.step({.rounds = &program, .packets = &program});
  outcome.activity = fabric.activity(outcome.cycles);
  outcome.taking_part = fabric.taking_part();
  outcome.rounds = outcome.evaluated_rounds = program.size();
  outcome.distinct_rounds = std::ssize(program.kinds(program.size()));
  outcome.counters = fabric.counters();
  check_work(operation, program, outcome.counters);
  outcome.complete(fabric);
  return outcome;
}

Outcome flow_flexible(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                      const mapping::DenseTile& tile, const Operands& operands, const Progress& progress) {
  const arch::FlexibleArray array = arch::flexible_array(machine);
  const mapping::Nest nest = mapping::nest_of(operation);
  DenseProgram program(nest, tile, array, {}, progress);
  refuse_too_long(machine, program, program.clusters().psum_multiplier || array.row_barrier);
  stats::CounterTree before = fabric.counters();
  fabric.start({.rounds = &program, .packets = &program});
  Outcome outcome;
  if (fabric.has_flow()) {
    outcome = Flow(fabric, program, progress, std::move(before)).run();
    outcome.taking_part = fabric.taking_part();
  } else {
    outcome = step_distinct(machine, nest, tile, program, progress);
  }
  outcome.rounds = program.size();
  outcome.distinct_rounds = std::ssize(program.kinds(program.size()));
  check_work(operation, program, outcome.counters);
  outcome.complete(fabric);
  if (operands.present()) compute_on_host(operation, operands);
  return outcome;
}

}  // namespace cairn::engine
