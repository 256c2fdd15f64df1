// The memory controller of an output-stationary systolic array (paper Fig. 3 "DC", TPU-like; spec: OS mesh controller).
//
// A tile of outputs stays in the array while its operands stream past: in step k the controller posts the k-th word of
// every used column (weights) and then of every used row (inputs) to the read ports. Between tiles it reconfigures the
// array. The reference waits until the last output of a tile is stored; real arrays can let the next tile follow at
// once (`overlap`).
#include "fabric/line_controller.h"

namespace cairn::fabric {
namespace {

class SystolicOs final : public LineController {
 public:
  struct Params {
    std::int64_t setup_cycles = 1;
    bool overlap = false;
    bool whole_array = false;
    bool count_setup = true;
    static auto fields() {
      return std::tuple{
          schema::integer("setup_cycles", &Params::setup_cycles, "cycles", {0, 1 << 20},
                          "reconfiguration before the operands of a tile; with overlap, before the first tile only"),
          schema::boolean(
              "overlap", &Params::overlap,
              "the operands of a tile follow those of the last one at once, on the whole array, zero-padded"),
          schema::boolean("whole_array", &Params::whole_array,
                          "every tile takes the whole array, zero-padded, else only its own rows and columns"),
          schema::boolean("count_setup", &Params::count_setup,
                          "count from the first set-up; false counts from the first operand, as RTL test benches do")};
    }
  };
  using Counters = LineCounters;

  SystolicOs(std::string slot, const Params& params, const Array& array, Links& links)
      : LineController(std::move(slot), params.setup_cycles, params.count_setup, array, links) {}

 private:
  void count(const Round& round, Count, Count lines) override {
    counters_.weight_reads += lines * round.valid.columns;
    counters_.input_reads += lines * round.valid.rows;
    counters_.padding_words +=
        lines * (round.used.columns - round.valid.columns) + lines * (round.used.rows - round.valid.rows);
  }
};

}  // namespace

PartInfo memory_systolic_os() {
  return declare<SystolicOs>(
      "memory", "systolic-os",
      "Controller of an output-stationary systolic array: streams operands past a tile of outputs.", {"controllers"},
      "systolic");
}

}  // namespace cairn::fabric
