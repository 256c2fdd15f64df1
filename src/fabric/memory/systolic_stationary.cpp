// The memory controller of a systolic array in which an operand stays: a weight-stationary one (TPU) or an
// input-stationary one, which is the same with the operands exchanged.
//
// A fold is a block of the stationary operand, a row of the array for each of its terms and a column for each of its
// filters (or pixels). The controller posts it line by line, the last row first, and then streams the other operand
// past it: in each step a word for every row. A fold makes a partial sum of each of its outputs; the global buffer adds
// up those of all folds of an output. Between folds it waits until the last sum is stored.
#include <algorithm>

#include "fabric/line_controller.h"

namespace cairn::fabric {
namespace {

enum class Stationary { weights, inputs };

class SystolicStationary final : public LineController {
 public:
  struct Params {
    Stationary stationary = Stationary::weights;
    std::int64_t setup_cycles = 1;
    bool whole_array = false;
    bool count_setup = true;
    static auto fields() {
      return std::tuple{
          schema::choice("stationary", &Params::stationary, {"weights", "inputs"},
                         "the operand that stays in the array; the other one streams past it"),
          schema::integer("setup_cycles", &Params::setup_cycles, "cycles", {0, 1 << 20},
                          "reconfiguration before the operands of a fold"),
          schema::boolean("whole_array", &Params::whole_array,
                          "every fold takes the whole array, zero-padded, else only its own rows and columns"),
          schema::boolean("count_setup", &Params::count_setup,
                          "count from the first set-up; false counts from the first operand, as RTL test benches do")};
    }
  };
  using Counters = LineCounters;

  SystolicStationary(std::string slot, const Params& params, const Array& array, Links& links)
      : LineController(std::move(slot), params.setup_cycles, params.count_setup, array, links),
        held_(params.stationary == Stationary::weights ? &LineCounters::weight_reads : &LineCounters::input_reads),
        streamed_(params.stationary == Stationary::weights ? &LineCounters::input_reads : &LineCounters::weight_reads) {
  }

 private:
  // Rows without terms are loaded first; nothing is read for them.
  void count(const Round& round, Count first, Count lines) override {
    const auto within = [&](Count begin, Count end) {
      return std::max<Count>(0, std::min(first + lines, end) - std::max(first, begin));
    };
    const Count loads = within(0, round.loads);
    const Count held = within(round.loads - round.valid.rows, round.loads) * round.valid.columns;
    const Count steps = lines - loads;
    counters_.*held_ += held;
    counters_.*streamed_ += steps * round.valid.rows;
    counters_.padding_words += loads * round.used.columns - held + steps * (round.used.rows - round.valid.rows);
  }

  Count LineCounters::*held_;
  Count LineCounters::*streamed_;
};

}  // namespace

PartInfo memory_systolic_stationary() {
  return declare<SystolicStationary>(
      "memory", "systolic-stationary",
      "Controller of a systolic array in which weights or inputs stay: loads a fold of them, then streams the other "
      "operand past it.",
      {"controllers"}, "systolic");
}

}  // namespace cairn::fabric
