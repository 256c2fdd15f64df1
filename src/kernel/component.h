// The component contract. A component owns state and counters, meets others only at channels, and states its behaviour
// in two forms: `tick` (one clock cycle, real values) and `flow` (streams in, streams out). A component without a flow
// form is still exact: the engine steps one round of each shape and multiplies.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/channel.h"
#include "util/units.h"

namespace cairn::kernel {

// How a component is wired: which channels it reads and which it writes.
struct Wiring {
  std::vector<const Channel*> reads;
  std::vector<const Channel*> writes;
};

class Component {
 public:
  Component() = default;
  virtual ~Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;

  virtual std::string name() const = 0;
  virtual Wiring wiring() const = 0;

  // One cycle. Returns whether anything happened; a machine in which nothing happens is stuck, or done.
  virtual bool tick(Cycle now) = 0;

  // Whether `flow` is exact for this component as it is parametrised.
  virtual bool has_flow() const = 0;
  // One round: reads the streams of its input channels, sets those of its output channels, adds to its counters what
  // the round makes them count.
  virtual void flow() = 0;

  // Counters so far, by name; both evaluators add to the same ones.
  virtual std::map<std::string, Count> counters() const = 0;
  // What it waits for, for the report on a stuck machine; empty if it waits for nothing.
  virtual std::string waiting() const { return ""; }
};

}  // namespace cairn::kernel
