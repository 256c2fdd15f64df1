// What the memory controllers of flexible machines have in common: weights stay in the multipliers, inputs stream past
// them. A round loads its weights, one step for each fold (max-pooling has none), and then streams every window of the
// inputs. A step is offered to the read ports whole, in one cycle, and waits there; how fast it goes out is the ports'
// affair. A round begins when as many results are stored as it asks for (spec dense 3.3).
#pragma once

#include <string>

#include "fabric/part.h"

namespace cairn::fabric {

struct ControllerCounters {
  Count weight_reads = 0;
  Count input_reads = 0;
  Count psum_reads = 0;  // by those that stream partial sums
  Count steps = 0;
};

class Controller : public Part {
 public:
  struct Timing {
    Count words_per_cycle = 0;  // distinct words of inputs offered in a cycle; 0 = all of a step
    Cycle before_weights = 0;   // configuration
    Cycle before_rows = 0;
    Cycle after_round = 0;  // before the next may begin
    // Through with one thing before it begins the next: weights, the first window of a row, the rest of the row.
    bool row_barrier = false;
  };

  kernel::Wiring wiring() const override;
  void start(const Program& program) override { program_ = program; }
  void configure(const Round& round) override { round_ = round; }
  bool tick(Cycle now) override;
  bool finished() const override { return !offering_ && begun_ == program_.rounds->size(); }
  bool has_flow() const override { return !timing_.row_barrier; }
  // Sends the cycles in which the steps are offered, of a step the first one.
  void flow() override;
  void left_behind(std::vector<Cycle>& state) const override;
  std::string waiting() const override;

  Count units() const override { return 1; }
  Count taking_part() const override { return 1; }
  void rest() override { spent_ = {}; }
  UnitCycles activity(Cycle end) const override;
  UnitCycles settled() const override { return spent_; }

 protected:
  Controller(std::string slot, const Timing& timing, Links& links)
      : Part(std::move(slot)), timing_(timing), links_(links) {}
  const ControllerCounters& counted() const { return counters_; }

 private:
  Count packets_of(StepKind kind) const { return static_cast<Count>(program_.packets->packets(kind).size()); }
  Count offered_at_once(StepKind kind) const {
    return kind == StepKind::weights || timing_.words_per_cycle == 0 ? packets_of(kind) : timing_.words_per_cycle;
  }
  Cycle resting() const;
  bool begin_round();
  void offer(Cycle now);
  void end_window(const Position& done);

  Timing timing_;
  Links& links_;
  ControllerCounters counters_;
  UnitCycles spent_;  // cycles in which it does not drain
  Program program_;
  Position at_;
  bool offering_ = false;  // in the middle of a round
  Count offered_ = 0;      // packets of the present step
  Cycle idle_left_ = 0;    // cycles of configuration or of rest to go
  Count begun_ = 0;        // rounds begun
  Round round_;            // the last one begun
  Count stored_ = 0;
  Count row_stored_ = 0;       // results that must be stored before the next row may begin
  Count unsent_ = 0;           // packets offered that the ports have not sent yet
  bool awaits_ports_ = false;  // until all are sent
  // Flow.
  Cycle begin_ = 1;  // of the round
  Cycle end_ = 0;    // its last step, and the rest after it
  bool followed_at_once_ = false;
};

}  // namespace cairn::fabric
