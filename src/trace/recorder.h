// Turns a machine that is clocked into samples: what each part did in a cycle, how full each channel was. It reads what
// every part tells anyhow (whether it did anything, its counters, what it waits for), so no part knows of traces.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernel/machine.h"

namespace cairn::trace {

// What there is to record.
struct Layout {
  struct Counter {
    std::string name;
    std::string unit;
    bool work = false;  // it tells how many units of the part are at work: words sent, products, sums
  };
  struct Part {
    std::string name;
    std::vector<Counter> counters;
  };
  std::vector<Part> parts;            // in the order of the data path
  std::vector<std::string> channels;  // in the order of the machine
};

// A cycle of a machine.
struct Sample {
  enum class State { idle, waiting, busy };
  struct Part {
    State state = State::idle;
    std::string reason;          // of one that waits, without the numbers in it
    std::vector<Count> counted;  // in this cycle
    Count work = 0;              // of that, by the counters that tell it
  };
  Cycle cycle = 0;  // counted from the first that is measured, 1
  std::vector<Part> parts;
  std::vector<Count> in_flight;  // of each channel: items sent and not yet taken, after the cycle
};

// What samples go to.
class Sink {
 public:
  Sink() = default;
  virtual ~Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  virtual void layer_begins(const std::string& name, const Layout& layout) = 0;
  // Before the sample of its first cycle. Where recording begins within a round, of the first that is recorded.
  virtual void round_begins(Cycle cycle, std::span<const kernel::Fact> facts) = 0;
  // False once the sink takes no more.
  virtual bool take(const Sample& sample) = 0;
  // The layer took `cycles`, recorded or not.
  virtual void layer_ends(Cycle cycles) = 0;
};

// Thrown out of a run when all that was asked for is recorded.
struct Ended {};

class Recorder final : public kernel::Observer {
 public:
  // Records cycles `from` to `to` of a run of layer `name`, on a machine of these parts.
  Recorder(std::string name, std::vector<Layout::Part> parts, Cycle from, Cycle to, std::vector<Sink*> sinks);

  void begins(const kernel::Machine& machine, Cycle uncounted) override;
  void round_begins(Cycle now, std::span<const kernel::Fact> facts) override;
  void clocked(const kernel::Machine& machine) override;

  // The first and the last cycle that was recorded; 0 if none was.
  Cycle first() const { return first_; }
  Cycle last() const { return sample_.cycle; }

 private:
  void remember(const kernel::Machine& machine);

  std::string name_;
  Layout layout_;
  Cycle from_;
  Cycle to_;
  std::vector<Sink*> sinks_;
  Cycle uncounted_ = 0;
  std::vector<std::size_t> places_;         // of each part, in the order in which the machine ticks
  std::vector<std::vector<Count>> before_;  // counters of each part
  std::vector<kernel::Fact> round_;         // to be told before the next sample
  Sample sample_;
  Cycle first_ = 0;
};

// Whether a counter tells how many units of the part in this slot are at work.
bool tells_work(const std::string& slot, const std::string& counter);

}  // namespace cairn::trace
