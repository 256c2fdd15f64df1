// The memory controller of a systolic array, whatever stays in it: posts the operands of a round to the read ports, a
// line of words a cycle, and begins the next round when the last output of this one is stored, or at once where rounds
// overlap. What is different between the controllers is which words a line holds (Panels) and whose they are (count).
#pragma once

#include <array>

#include "fabric/part.h"
#include "stats/activity.h"
#include "util/diagnostics.h"

namespace cairn::fabric {

struct LineCounters {
  Count weight_reads = 0;
  Count input_reads = 0;
  Count padding_words = 0;
  Count setups = 0;
  static auto fields() {
    return std::tuple{
        stats::counter("weight_reads", &LineCounters::weight_reads, "words",
                       "words of the weights, the second operand of a product, read from the global buffer"),
        stats::counter("input_reads", &LineCounters::input_reads, "words",
                       "words of the inputs, the first operand, read from the global buffer"),
        stats::counter("padding_words", &LineCounters::padding_words, "words",
                       "zeros sent to the edge without a buffer read"),
        stats::counter("setups", &LineCounters::setups, "times", "reconfigurations of the array, one a tile or fold")};
  }
};

class LineController : public Part {
 public:
  LineController(std::string slot, Cycle setup_cycles, bool count_setup, const Array& array, Links& links)
      : Part(std::move(slot)), setup_cycles_(setup_cycles), count_setup_(count_setup), array_(array), links_(links) {}

  kernel::Wiring wiring() const override { return {{links_.stored}, {links_.posts}}; }

  void start(const Program& program) override { program_ = program; }

  void configure(const Round& round) override {
    round_ = round;
    ++counters_.setups;
  }

  Cycle interval(const Round& round) const override { return lines(round); }
  Cycle uncounted() const override { return count_setup_ ? 0 : setup_cycles_; }

  bool tick(Cycle now) override;

  bool has_flow() const override { return true; }
  void flow() override;

  std::map<std::string, Count> counters() const override { return stats::values(counters_); }

  Count units() const override { return 1; }
  Count taking_part() const override { return 1; }
  void rest() override { spent_ = {}; }
  // What it does not spend otherwise it waits for results.
  UnitCycles activity(Cycle end) const override {
    UnitCycles cycles = spent_;
    cycles[UnitState::draining] = end - stats::sum(cycles);
    return cycles;
  }
  UnitCycles settled() const override { return spent_; }

  std::string waiting() const override {
    if (posted_ < lines(round_)) return "room in the port queues";
    return begun_ < program_.rounds->size() ? "the last output of the tile" : "";
  }

 protected:
  // Counts the words of so many lines of a round, from line `first` on.
  virtual void count(const Round& round, Count first, Count lines) = 0;

  LineCounters counters_;

 private:
  static Count lines(const Round& round) { return round.loads + round.steps; }
  Count words_per_line() const { return round_.used.rows + round_.used.columns; }
  bool may_begin(Cycle now, bool tile_stored) const;
  void begin(Cycle now);
  const float* panel() const { return panels_[static_cast<std::size_t>((begun_ - 1) % 2)].data(); }

  Cycle setup_cycles_;
  bool count_setup_;
  Array array_;
  Links& links_;
  UnitCycles spent_;  // cycles in which it does not drain
  Program program_;
  Round round_;
  std::array<std::vector<float>, 2> panels_;  // operands of this round and, where rounds overlap, of the one before
  Count begun_ = 0;                           // rounds begun
  Count posted_ = 0;                          // lines of this round posted
  Count awaited_ = 0;                         // results of the rounds begun
  Count stored_ = 0;                          // and those of them that are stored
  Cycle setup_left_ = 0;
  Cycle next_start_ = 0;
};

}  // namespace cairn::fabric
