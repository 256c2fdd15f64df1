#include "engine/systolic.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/host_kernels.h"
#include "engine/systolic_program.h"
#include "util/diagnostics.h"

namespace cairn::engine {
namespace {

using fabric::Round;

// What every finished run on a systolic array obeys, whatever its parts.
const std::vector<stats::Conservation>& laws() {
  static const std::vector<stats::Conservation> kLaws{
      {"every word sent was read or is padding",
       {"distribution.words"},
       {"memory.weight_reads", "memory.input_reads", "memory.padding_words"}},
      {"every word sent or passed on was queued",
       {"distribution.words", "multiplier.hops"},
       {"multiplier.operand_pushes"}},
      {"a multiplication takes two operands",
       {"multiplier.operand_pops"},
       {"multiplier.multiplications", "multiplier.multiplications"}},
      {"every sum is read out", {"reduction.results"}, {"collection.results_in"}},
      {"every result read out is sent on", {"collection.results_in"}, {"collection.results_out"}},
      {"every result arrives", {"collection.results_out"}, {"writeback.results"}}};
  return kLaws;
}

// What those obey besides in which outputs stay, and those in which an operand does.
const std::vector<stats::Conservation>& laws(bool holds) {
  static const std::vector<stats::Conservation> kOutputs{
      {"every operand queued was used", {"multiplier.operand_pushes"}, {"multiplier.operand_pops"}},
      {"every product is accumulated", {"multiplier.multiplications"}, {"reduction.register_writes"}}};
  static const std::vector<stats::Conservation> kOperand{
      {"every product begins a sum or is added to one",
       {"multiplier.multiplications"},
       {"reduction.results", "reduction.additions_2to1"}},
      {"every sum passed down is added to", {"reduction.wire_writes"}, {"reduction.additions_2to1"}}};
  return holds ? kOperand : kOutputs;
}

void check_work(const Gemm& gemm, const arch::SystolicArray& array, const stats::CounterTree& counters) {
  stats::check_conservation(counters, laws());
  stats::check_conservation(counters, laws(array.holds));
  const Gemm::Sizes& s = gemm.sizes();
  const auto& stored = counters.at("writeback");
  util::require(stored.at("output_writes") - stored.at("psum_reads") == s.batch * s.m * s.n, "conservation",
                "every output is stored once, and again for each partial sum added to it");
  util::require(counters.at("multiplier").at("multiplications") >= gemm.multiplications(), "conservation",
                "every multiplication is done");
}

// One round by itself, timing only: what flow falls back to.
class SingleRound final : public fabric::Rounds, public fabric::Panels {
 public:
  SingleRound(const Round& round, const fabric::Array& array) : round_(round), array_(array) {}
  Count size() const override { return 1; }
  Round at(Count) const override { return round_; }
  void load(Count, float* panel) const override {
    std::fill_n(panel, (round_.loads + round_.steps) * (round_.used.rows + round_.used.columns), 0.0F);
  }
  fabric::Stored store(Count, int lane, float) override {
    const int row = array_.adds_columns ? 0 : lane / array_.extent.columns;
    if (row >= round_.valid.rows || lane % array_.extent.columns >= round_.valid.columns)
      return fabric::Stored::dropped;
    return round_.adds ? fabric::Stored::added : fabric::Stored::written;
  }

 private:
  Round round_;
  fabric::Array array_;
};

// A clocked round holds its operands in memory.
void refuse_unsteppable(const Round& round) {
  constexpr Count kMostWords = Count{1} << 30;
  const Count words = round.used.rows + round.used.columns;
  if (round.loads + round.steps > kMostWords / words) {
    throw Error(
        Code::too_large, "operation",
        fmt::format("{} steps of {} operands are too many to clock one by one", round.loads + round.steps, words),
        "--evaluator flow on a machine without queue_depth, or a smaller K");
  }
}

RoundCost step_round(const arch::Machine& machine, const Round& round) {
  refuse_unsteppable(round);
  Fabric fabric(machine);
  SingleRound single(round, fabric.array());
  const Cycle finish = fabric.step({.rounds = &single, .panels = &single});
  return {finish, finish, fabric.counters(), fabric.activity(finish), fabric.taking_part()};
}

void refuse_if_too_long(bool too_long) {
  if (too_long)
    throw Error(Code::too_large, "operation", "its cycles do not fit in 63 bits", "simulate a smaller operation");
}

// The cycles at the beginning that the measurement leaves out are those of the set-up of the first tile.
void leave_out(Outcome& outcome, const Fabric& fabric, const stats::BySlot<Count>& taking_part) {
  const stats::BySlot<Count> units = fabric.units();
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
    outcome.activity[slot][UnitState::reconfiguring] -= taking_part[slot] * fabric.uncounted();
    outcome.activity[slot][UnitState::idle] -= (units[slot] - taking_part[slot]) * fabric.uncounted();
  }
}

// What the units do from one tile to the next where tiles overlap: their work, and the wait for the results that still
// leave.
stats::Activity between_tiles(const RoundCost& cost, const stats::BySlot<Count>& units) {
  stats::Activity between;
  for (std::size_t slot = 0; slot < stats::kSlots; ++slot) {
    const Count busy = cost.activity[slot][UnitState::busy];
    between[slot][UnitState::busy] = busy;
    between[slot][UnitState::readout] = stats::unit_cycles(units[slot], cost.interval) - busy;
  }
  return between;
}

// `times` rounds more. A tile uses no more of the machine than the first one does.
void append_activity(Outcome& outcome, const Fabric& fabric, const RoundCost& cost, Count times) {
  if (outcome.rounds == 0) {
    stats::accumulate(outcome.activity, cost.activity, 1);
    outcome.taking_part = cost.taking_part;
    leave_out(outcome, fabric, cost.taking_part);
    --times;
  }
  stats::accumulate(outcome.activity, fabric.array().overlapped ? between_tiles(cost, fabric.units()) : cost.activity,
                    times);
}

// Rounds one after the other: `begin` is when the next may start, `end` when the last output so far is stored.
struct Timeline {
  Cycle begin = 0;
  Cycle end = 0;

  void append(const RoundCost& cost, Count times) {
    Cycle last_begin = 0;
    bool overflow = __builtin_mul_overflow(times - 1, cost.interval, &last_begin);
    overflow = __builtin_add_overflow(begin, last_begin, &last_begin) || overflow;
    Cycle last_end = 0;
    overflow = __builtin_add_overflow(last_begin, cost.finish, &last_end) || overflow;
    overflow = __builtin_add_overflow(last_begin, cost.interval, &begin) || overflow;
    refuse_if_too_long(overflow);
    end = std::max(end, last_end);
  }
};

}  // namespace

Outcome step_systolic(const arch::Machine& machine, const Operation& operation, const mapping::Tile& tile,
                      const Operands& operands, const Progress& progress, std::optional<std::uint64_t> shuffle,
                      kernel::Observer* observer) {
  Fabric fabric(machine, shuffle, observer);
  const arch::SystolicArray array = arch::systolic_array(machine);
  const auto program = systolic_program(array, operation, tile, operands, progress);
  refuse_unsteppable(program->at(0));
  Outcome outcome;
  const Cycle last = fabric.step({.rounds = program.get(), .panels = program.get()});
  outcome.cycles = last - fabric.uncounted();
  outcome.activity = fabric.activity(last);
  outcome.taking_part = fabric.taking_part();
  leave_out(outcome, fabric, fabric.took_part_first());
  outcome.rounds = outcome.evaluated_rounds = program->size();
  outcome.distinct_rounds = static_cast<Count>(program->groups().size());
  outcome.counters = fabric.counters();
  check_work(lowered(operation), array, outcome.counters);
  outcome.complete(fabric);
  return outcome;
}

Outcome flow_systolic(Fabric& fabric, const arch::Machine& machine, const Operation& operation,
                      const mapping::Tile& tile, const Operands& operands, RoundCosts& known) {
  const arch::SystolicArray array = arch::systolic_array(machine);
  Outcome outcome;
  Timeline timeline;
  for (const auto& [round, count] : systolic_program(array, operation, tile, operands)->groups()) {
    auto cost = known.find(round);
    if (cost == known.end()) {
      cost = known.emplace(round, fabric.has_flow() ? fabric.flow(round) : step_round(machine, round)).first;
    }
    append_activity(outcome, fabric, cost->second, count);
    timeline.append(cost->second, count);
    stats::accumulate(outcome.counters, cost->second.counters, count);
    outcome.rounds += count;
    ++outcome.distinct_rounds;
  }
  outcome.evaluated_rounds = outcome.distinct_rounds;
  outcome.stepped_rounds = fabric.has_flow() ? 0 : outcome.distinct_rounds;
  outcome.cycles = timeline.end - fabric.uncounted();
  check_work(lowered(operation), array, outcome.counters);
  outcome.complete(fabric);
  if (operands.present()) compute_on_host(operation, operands);
  return outcome;
}

}  // namespace cairn::engine
