// Assembles the parts of a machine description into a machine that can be run, round by round.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arch/machine.h"
#include "fabric/part.h"
#include "kernel/machine.h"
#include "stats/activity.h"
#include "stats/counters.h"

namespace cairn::engine {

// What one round costs in a machine at rest.
struct RoundCost {
  Cycle finish;    // number of the cycle, counted from the round's first, in which its last output is stored
  Cycle interval;  // after how many cycles the next round may begin
  stats::CounterTree counters;
  stats::Activity activity;            // of memory, distribution and multipliers, up to `finish`
  stats::BySlot<Count> taking_part{};  // units
};

class Fabric {
 public:
  // `shuffle` permutes the order in which components tick, which must not change anything: for tests.
  // The observer is shown the clocked evaluation.
  explicit Fabric(const arch::Machine& machine, std::optional<std::uint64_t> shuffle = std::nullopt,
                  kernel::Observer* observer = nullptr);
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  // Clocked evaluation of a whole program; returns the last cycle. A fabric runs once. `begins` is told when a round
  // begins in a cycle; if it says so the run stops there.
  using Begins = std::function<bool(Cycle)>;
  Cycle step(fabric::Program program, const Begins& begins = {});

  // Stream evaluation of one round in a machine at rest, where no part has state. Only if has_flow().
  RoundCost flow(const fabric::Round& round);

  // Stream evaluation round by round: a program, then its rounds. Returns the cycle in which what the next round awaits
  // is stored.
  void start(const fabric::Program& program);
  Cycle flow_round(const fabric::Round& round, bool at_rest);
  const fabric::RoundInTime& round() const { return links_.round; }
  std::vector<Cycle> left_behind() const;
  bool has_flow() const { return machine_->has_flow(); }

  stats::CounterTree counters() const;
  // What the units of memory, distribution and multipliers did up to cycle `end` of the run, or in flow from when the
  // machine was at rest last. The other slots are told by Outcome::complete.
  stats::Activity activity(Cycle end) const;
  // Flow: what of that no later round can change.
  stats::Activity settled() const;
  stats::BySlot<Count> units() const;
  stats::BySlot<Count> taking_part() const;
  // In the first round of a clocked run.
  const stats::BySlot<Count>& took_part_first() const { return took_part_first_; }
  // By slot: the counters that tell how long units were at work, where the slot keeps no ledger.
  const stats::BySlot<std::vector<std::string>>& work() const { return work_; }
  Cycle interval(const fabric::Round& round) const;
  Cycle uncounted() const;
  const fabric::Array& array() const { return array_; }
  std::vector<int> state() const;
  // Clocked: the last cycle so far in which a result was stored.
  Cycle last_stored() const { return last_stored_; }
  // Up to the last such cycle in which no result was awaited any more, of runs whose rounds are told of.
  const stats::Activity& at_last_stored() const { return at_last_stored_; }

 private:
  void configure(const fabric::Round& round);
  void show(Count index, const fabric::Round& round, Count rounds) const;
  void rest();

  fabric::Array array_;
  fabric::Links links_;
  std::vector<fabric::Part*> parts_;
  std::unique_ptr<kernel::Machine> machine_;
  kernel::Observer* observer_;
  Cycle last_stored_ = 0;
  stats::Activity at_last_stored_;
  stats::BySlot<std::vector<std::string>> work_;
  stats::BySlot<Count> took_part_first_{};
};

}  // namespace cairn::engine
