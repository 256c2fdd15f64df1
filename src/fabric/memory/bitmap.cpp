// The sparse controller (paper Fig. 3 "SC"; SIGMA; spec sparse 6): both operands are matrices with a bitmap of their
// non-zeros. The non-zeros of the stationary operand fill the multipliers, a virtual neuron for each of its vectors;
// every vector of the streaming operand then goes past them, an element to all multipliers that hold its column, zeros
// as well as others. That is a round, or fold; the next takes the next vectors. A vector that does not fit takes
// several folds, and its partial sums come back with the inputs, or are added up in the global buffer.
#include "fabric/controller.h"

namespace cairn::fabric {
namespace {

enum class Stationary { weights, inputs };
enum class Psums { streamed, buffer };

class Bitmap final : public Controller {
 public:
  struct Params {
    Stationary stationary = Stationary::weights;
    std::int64_t minimum_ones = 3;
    Psums psums = Psums::streamed;
    bool fold_barrier = true;
    std::int64_t configure_cycles = 1;
    std::int64_t drain_cycles = 0;
    static auto fields() {
      return std::tuple{
          schema::choice("stationary", &Params::stationary, {"weights", "inputs"},
                         "the operand that stays in the multipliers: the weights (the second of a matrix product), or "
                         "the inputs (the first)"),
          schema::integer("minimum_ones", &Params::minimum_ones, "words", {1, 1 << 10},
                          "a vector with fewer non-zeros keeps zeros of its first columns up to so many, of either "
                          "operand; the reference needs three"),
          schema::choice("psums", &Params::psums, {"streamed", "buffer"},
                         "the partial sums of a vector that is cut: to a multiplier of its own with the inputs of the "
                         "next fold, or added to in the global buffer"),
          schema::boolean("fold_barrier", &Params::fold_barrier,
                          "a fold begins when the results of the last one are stored; else its weights follow the "
                          "last inputs"),
          schema::integer("configure_cycles", &Params::configure_cycles, "cycles", {0, 1 << 20},
                          "configuration of the fabric before the weights of a fold"),
          schema::integer("drain_cycles", &Params::drain_cycles, "cycles", {0, 1 << 20},
                          "rest after the last inputs of a fold, until the adders are through with it")};
    }
  };
  struct Counters : ControllerCounters {
    static auto fields() {
      return std::tuple{stats::counter("weight_reads", &Counters::weight_reads, "words",
                                       "non-zeros of the stationary operand read from the global buffer"),
                        stats::counter("input_reads", &Counters::input_reads, "words",
                                       "non-zeros of the streaming operand read from the global buffer"),
                        stats::counter("psum_reads", &Counters::psum_reads, "words",
                                       "partial sums read from the global buffer and streamed with the inputs"),
                        stats::counter("steps", &Counters::steps, "steps", "steps of operands offered to the ports")};
    }
  };

  Bitmap(std::string slot, const Params& params, const Array&, Links& links)
      : Controller(std::move(slot), {.before_weights = params.configure_cycles, .after_round = params.drain_cycles},
                   links) {}

  std::map<std::string, Count> counters() const override { return stats::values(Counters{counted()}); }
};

}  // namespace

PartInfo memory_bitmap() {
  return declare<Bitmap>("memory", "bitmap",
                         "Controller of a sparse machine (SIGMA): only non-zeros stay in the multipliers.",
                         {"controllers"}, "flexible");
}

}  // namespace cairn::fabric
