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
  explicit Fabric(const arch::Machine& machine, std::optional<std::uint64_t> shuffle = std::nullopt);
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  // Clocked evaluation of a whole program; returns the last cycle. A fabric runs once.
  Cycle step(fabric::Rounds& rounds);

  // Stream evaluation of one round. Only if has_flow().
  RoundCost flow(const fabric::Round& round);
  bool has_flow() const { return machine_->has_flow(); }

  stats::CounterTree counters() const;
  Cycle interval(const fabric::Round& round) const;
  Cycle uncounted() const;
  const fabric::Array& array() const { return array_; }

 private:
  void configure(const fabric::Round& round);

  fabric::Array array_;
  fabric::Links links_;
  std::vector<fabric::Part*> parts_;
  std::unique_ptr<kernel::Machine> machine_;
};

}  // namespace cairn::engine
