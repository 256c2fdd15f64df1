#include "engine/stepped.h"

#include <optional>
#include <vector>

namespace cairn::engine {

using mapping::Loop;

namespace {

// A run that is clocked, and left as soon as the machine is at a round's begin in a state that it has been in before:
// what comes then has been seen.
class Stepped {
 public:
  Stepped(const arch::Machine& machine, DenseProgram& program) : fabric_(machine), program_(program) {}

  Outcome run() {
    const Count overlapping = program_.first_overlapping();
    const Count comparable = overlapping == program_.size() ? overlapping : 0;
    const Cycle last = fabric_.step({.rounds = &program_, .packets = &program_},
                                    [&](Cycle now) { return comparable > 0 && repeats(now); });
    Outcome outcome;
    outcome.cycles = last;
    outcome.counters = fabric_.counters();
    outcome.activity = fabric_.activity(last);
    outcome.taking_part = fabric_.taking_part();
    outcome.stepped_rounds = outcome.evaluated_rounds = program_.size();
    if (repeated_) extrapolate(outcome);
    return outcome;
  }

 private:
  struct Begin {
    Cycle cycle;
    Cycle finish;  // of the round before
    std::vector<int> state;
    stats::CounterTree counters;
    stats::Activity activity;  // up to the cycle before
    stats::Activity at_finish;
  };

  bool repeats(Cycle now) {
    begins_.push_back({now, fabric_.last_stored(), fabric_.state(), fabric_.counters(), fabric_.activity(now - 1),
                       fabric_.at_last_stored()});
    const Begin& here = begins_.back();
    for (std::size_t i = 1; i + 1 < begins_.size() && !repeated_; ++i) {
      if (begins_[i].state == here.state) repeated_ = i;
    }
    return repeated_.has_value();
  }

  void extrapolate(Outcome& outcome) {
    const std::size_t period = begins_.size() - 1 - *repeated_;
    const Begin& from = begins_[*repeated_];
    const Begin& to = begins_.back();
    const auto rounds = static_cast<Count>(begins_.size()) - 1;  // that are done
    const Count left = program_.size() - rounds;
    const Count whole = left / static_cast<Count>(period);
    const Begin& part = begins_[*repeated_ + static_cast<std::size_t>(left % static_cast<Count>(period))];
    outcome.stepped_rounds = outcome.evaluated_rounds = rounds;
    outcome.counters = to.counters;
    outcome.cycles = to.cycle + whole * (to.cycle - from.cycle) + part.finish - from.cycle;
    stats::accumulate(outcome.counters, to.counters, whole);
    stats::accumulate(outcome.counters, from.counters, -whole - 1);
    stats::accumulate(outcome.counters, part.counters, 1);
    outcome.activity = to.activity;
    stats::accumulate(outcome.activity, to.activity, whole);
    stats::accumulate(outcome.activity, from.activity, -whole - 1);
    stats::accumulate(outcome.activity, part.at_finish, 1);
    count_words(outcome.counters, program_);
  }

  Fabric fabric_;
  DenseProgram& program_;
  std::vector<Begin> begins_;
  std::optional<std::size_t> repeated_;
};

}  // namespace

// Where every row of windows begins in a machine at rest each costs what another does, so a layer of a few rows tells
// the cost of all. Partial sums that go around through the ports meet in an order of their own.
Outcome step_distinct(const arch::Machine& machine, const mapping::Nest& nest, const mapping::DenseTile& tile,
                      DenseProgram& program, const Progress& progress) {
  const arch::FlexibleArray array = arch::flexible_array(machine);
  const Count rows = program.rows();
  if (!array.row_barrier || program.clusters().psum_multiplier || rows <= 3) return Stepped(machine, program).run();
  const auto of_rows = [&](Count count) {
    mapping::Nest part = nest;
    part.sizes[Loop::x] = count * tile.sizes[Loop::x];
    DenseProgram shorter(part, tile, array, {}, progress);
    return Stepped(machine, shorter).run();
  };
  const Outcome two = of_rows(2);  // the first and the last may differ from those between
  Outcome outcome = of_rows(3);
  outcome.cycles += (rows - 3) * (outcome.cycles - two.cycles);
  const stats::CounterTree of_row = stats::difference(outcome.counters, two.counters);
  stats::accumulate(outcome.counters, of_row, rows - 3);
  stats::accumulate(outcome.activity, stats::difference(outcome.activity, two.activity), rows - 3);
  count_words(outcome.counters, program);
  return outcome;
}

void count_words(stats::CounterTree& counters, const DenseProgram& program) {
  Count weights = 0;
  Count inputs = 0;
  Count outputs = 0;
  Count added = 0;
  for (const auto& [round, times] : program.kinds(program.size())) {
    weights += round.weight_reads * times;
    inputs += round.input_reads * times;
    outputs += round.outputs * times;
    if (round.adds) added += round.outputs * times;
  }
  counters["memory"]["weight_reads"] = weights;
  counters["memory"]["input_reads"] = inputs;
  counters["writeback"]["output_writes"] = outputs;
  if (program.folds_outside()) counters["writeback"]["psum_reads"] = added;
}

}  // namespace cairn::engine
