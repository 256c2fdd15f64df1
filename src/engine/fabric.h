// Assembles the parts of a machine description into a machine that can be run, round by round.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arch/machine.h"
#include "fabric/part.h"
#include "kernel/machine.h"
#include "stats/counters.h"

namespace cairn::engine {

// What one round costs in a machine at rest.
struct RoundCost {
  Cycle finish;    // number of the cycle, counted from the round's first, in which its last output is stored
  Cycle interval;  // after how many cycles the next round may begin
  stats::CounterTree counters;
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
  Cycle interval(const fabric::Round& round) const;
  Cycle uncounted() const;
  const fabric::Array& array() const { return array_; }
  std::vector<int> state() const;
  // Clocked: the last cycle so far in which a result was stored.
  Cycle last_stored() const { return last_stored_; }

 private:
  void configure(const fabric::Round& round);
  void show(Count index, const fabric::Round& round, Count rounds) const;

  fabric::Array array_;
  fabric::Links links_;
  std::vector<fabric::Part*> parts_;
  std::unique_ptr<kernel::Machine> machine_;
  kernel::Observer* observer_;
  Cycle last_stored_ = 0;
};

}  // namespace cairn::engine
