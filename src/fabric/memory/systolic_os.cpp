// The memory controller of an output-stationary systolic array (paper Fig. 3 "DC", TPU-like; spec: OS mesh controller).
//
// A tile of outputs stays in the array while its operands stream past: in step k the controller posts the k-th word of
// every used column (weights) and then of every used row (inputs) to the read ports. Between tiles it reconfigures the
// array. The reference waits until the last output of a tile is stored; real arrays can let the next tile follow at
// once (`overlap`).
#include <array>

#include "fabric/part.h"
#include "stats/activity.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

class SystolicOs final : public Part {
 public:
  struct Params {
    std::int64_t setup_cycles = 1;
    bool overlap = false;
    bool count_setup = true;
    static auto fields() {
      return std::tuple{
          schema::integer("setup_cycles", &Params::setup_cycles, "cycles", {0, 1 << 20},
                          "reconfiguration before the operands of a tile; with overlap, before the first tile only"),
          schema::boolean(
              "overlap", &Params::overlap,
              "the operands of a tile follow those of the last one at once, on the whole array, zero-padded"),
          schema::boolean("count_setup", &Params::count_setup,
                          "count from the first set-up; false counts from the first operand, as RTL test benches do")};
    }
  };
  struct Counters {
    Count weight_reads = 0;
    Count input_reads = 0;
    Count padding_words = 0;
    Count setups = 0;
    static auto fields() {
      return std::tuple{
          stats::counter("weight_reads", &Counters::weight_reads, "words",
                         "words of the column operand read from the global buffer"),
          stats::counter("input_reads", &Counters::input_reads, "words",
                         "words of the row operand read from the global buffer"),
          stats::counter("padding_words", &Counters::padding_words, "words",
                         "zeros sent to the edge without a buffer read"),
          stats::counter("setups", &Counters::setups, "times", "reconfigurations of the array, one a tile")};
    }
  };

  SystolicOs(std::string slot, const Params& params, const Array& array, Links& links)
      : Part(std::move(slot)), params_(params), array_(array), links_(links) {}

  kernel::Wiring wiring() const override { return {{links_.stored}, {links_.posts}}; }

  void start(const Program& program) override { program_ = program; }

  void configure(const Round& round) override {
    round_ = round;
    ++counters_.setups;
  }

  Cycle interval(const Round& round) const override { return round.steps; }
  Cycle uncounted() const override { return params_.count_setup ? 0 : params_.setup_cycles; }

  bool tick(Cycle now) override {
    stored_ += links_.stored->take(now);
    const bool tile_stored = stored_ == awaited_;
    if (posted_ == round_.steps) {  // between tiles
      if (begun_ == program_.rounds->size()) return tile_stored;
      if (!may_begin(now, tile_stored)) {
        if (array_.overlapped) ++spent_[UnitState::readout];
        return array_.overlapped && now < next_start_;
      }
      begin(now);
    }
    if (setup_left_ > 0) {
      --setup_left_;
      ++spent_[UnitState::reconfiguring];
      return true;
    }
    if (!links_.posts->can_push(0, now)) {
      ++spent_[UnitState::port];
      return false;
    }
    ++spent_[UnitState::busy];
    links_.posts->push(0, panel() + posted_ * words_per_step(), now);
    ++posted_;
    count_steps(1);
    return true;
  }

  bool has_flow() const override { return true; }

  // All words of step k are posted in cycle 1 + setup + k of the round.
  void flow() override {
    links_.posts->streams[0] = kernel::Stream::regular(1 + params_.setup_cycles, 1, round_.steps);
    count_steps(round_.steps);
    spent_[UnitState::reconfiguring] += params_.setup_cycles;
    spent_[UnitState::busy] += round_.steps;
  }

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
    if (posted_ < round_.steps) return "room in the port queues";
    return begun_ < program_.rounds->size() ? "the last output of the tile" : "";
  }

 private:
  bool may_begin(Cycle now, bool tile_stored) const {
    if (begun_ == 0) return true;
    if (!array_.overlapped) return tile_stored;
    return now >= next_start_ && links_.posts->in_flight() <= posted_;  // the older of the two panels is free again
  }

  void begin(Cycle now) {
    const Round next = program_.rounds->at(begun_);
    program_.configure(next);
    setup_left_ = array_.overlapped && begun_ > 0 ? 0 : params_.setup_cycles;
    next_start_ = now + setup_left_ + program_.interval(next);
    posted_ = 0;
    std::vector<float>& panel = panels_[static_cast<std::size_t>(begun_ % 2)];
    panel.resize(static_cast<std::size_t>(next.steps * words_per_step()));
    program_.panels->load(begun_, panel.data());
    awaited_ += next.results;
    ++begun_;
  }

  const float* panel() const { return panels_[static_cast<std::size_t>((begun_ - 1) % 2)].data(); }
  Count words_per_step() const { return round_.used.rows + round_.used.columns; }

  void count_steps(Count steps) {
    counters_.weight_reads += steps * round_.valid.columns;
    counters_.input_reads += steps * round_.valid.rows;
    counters_.padding_words += steps * (words_per_step() - round_.valid.columns - round_.valid.rows);
  }

  Params params_;
  Array array_;
  Links& links_;
  Counters counters_;
  UnitCycles spent_;  // cycles in which it does not drain
  Program program_;
  Round round_;
  std::array<std::vector<float>, 2> panels_;  // operands of this round and, where rounds overlap, of the one before
  Count begun_ = 0;                           // rounds begun
  Count posted_ = 0;                          // steps of this round posted
  Count awaited_ = 0;                         // results of the rounds begun
  Count stored_ = 0;                          // and those of them that are stored
  Cycle setup_left_ = 0;
  Cycle next_start_ = 0;
};

}  // namespace

PartInfo memory_systolic_os() {
  return declare<SystolicOs>(
      "memory", "systolic-os",
      "Controller of an output-stationary systolic array: streams operands past a tile of outputs.", {"controllers"},
      "systolic");
}

}  // namespace cairn::fabric
