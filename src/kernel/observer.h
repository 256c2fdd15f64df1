// Who looks on while a machine is clocked, from outside its parts: a trace. It changes nothing.
#pragma once

#include <span>
#include <utility>

#include "util/units.h"

namespace cairn::kernel {

class Machine;

// Something to tell about a round: {"outputs", 16}.
using Fact = std::pair<const char*, Count>;

class Observer {
 public:
  Observer() = default;
  virtual ~Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // Before the first cycle. Of the cycles that follow, the measurement leaves out the first `uncounted`.
  virtual void begins(const Machine& machine, Cycle uncounted) = 0;
  // In the middle of cycle `now`: the machine is configured for its next round.
  virtual void round_begins(Cycle now, std::span<const Fact> facts) = 0;
  // After each cycle, when all components have ticked. May throw, which ends the run.
  virtual void clocked(const Machine& machine) = 0;
};

}  // namespace cairn::kernel
