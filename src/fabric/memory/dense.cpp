// The dense controller of a flexible machine (paper Fig. 3 "DC"; spec dense 3). It walks the loops of a tiled layer: a
// round is a block of filters, its folds are steps. A controller in hardware may read fewer words of inputs in a cycle,
// and may be a machine of states that is through with one thing before it begins the next (`row_barrier`).
#include "fabric/controller.h"

namespace cairn::fabric {
namespace {

enum class Folds { inner, outer };

class Dense final : public Controller {
 public:
  struct Params {
    std::int64_t words_per_cycle = 0;
    std::int64_t setup_cycles = 0;
    bool row_barrier = false;
    Folds folds = Folds::inner;
    static auto fields() {
      return std::tuple{
          schema::integer("words_per_cycle", &Params::words_per_cycle, "words/cycle", {0, 1 << 14},
                          "distinct words of inputs offered to the read ports in a cycle; 0 = all of a step. Weights "
                          "are offered whole, each port has its own"),
          schema::integer("setup_cycles", &Params::setup_cycles, "cycles", {0, 1 << 20},
                          "configuration of the multipliers before the weights of a round and before each row"),
          schema::boolean(
              "row_barrier", &Params::row_barrier,
              "after weights and after the first window of a row wait until the ports are idle, after a row "
              "until its results are stored"),
          schema::choice(
              "folds", &Params::folds, {"inner", "outer"},
              "where the loop over the folds of an output is: around its window, for whoever adds them up, or "
              "around all windows, a round for each fold, and the global buffer adds them up")};
    }
  };
  struct Counters : ControllerCounters {
    static auto fields() {
      return std::tuple{
          stats::counter("weight_reads", &Counters::weight_reads, "words",
                         "words of weights read from the global buffer"),
          stats::counter("input_reads", &Counters::input_reads, "words", "words of inputs read from the global buffer"),
          stats::counter("steps", &Counters::steps, "steps", "steps of operands offered to the ports")};
    }
  };

  Dense(std::string slot, const Params& params, const Array&, Links& links)
      : Controller(std::move(slot),
                   {.words_per_cycle = params.words_per_cycle,
                    .before_weights = params.setup_cycles,
                    .before_rows = params.setup_cycles,
                    .row_barrier = params.row_barrier},
                   links) {}

  std::map<std::string, Count> counters() const override { return stats::values(Counters{counted()}); }
};

}  // namespace

PartInfo memory_dense() {
  return declare<Dense>("memory", "dense",
                        "Controller of a flexible dense machine: weights of a block of filters, then all inputs.",
                        {"controllers"}, "flexible");
}

}  // namespace cairn::fabric
