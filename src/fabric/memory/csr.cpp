// The sparse x dense controller (spec sparse 7): the stationary operand is a compressed sparse matrix (CSR), the other
// one dense. A round is a sparse row: its non-zeros, T_K at a time, are held by every virtual neuron, and the dense
// rows that they meet stream past, a column to each virtual neuron. The folds of a row are added up behind the tree.
#include "fabric/controller.h"

namespace cairn::fabric {
namespace {

enum class Stationary { weights, inputs };

class Csr final : public Controller {
 public:
  struct Params {
    Stationary stationary = Stationary::weights;
    std::int64_t configure_cycles = 1;
    static auto fields() {
      return std::tuple{
          schema::choice("stationary", &Params::stationary, {"weights", "inputs"},
                         "the sparse operand, which stays in the multipliers: the weights (the second of a matrix "
                         "product), or the inputs (the first)"),
          schema::integer("configure_cycles", &Params::configure_cycles, "cycles", {0, 1 << 20},
                          "configuration of the fabric before the weights of a row")};
    }
  };
  struct Counters : ControllerCounters {
    static auto fields() {
      return std::tuple{stats::counter("weight_reads", &Counters::weight_reads, "words",
                                       "entries of the sparse operand read from the global buffer"),
                        stats::counter("input_reads", &Counters::input_reads, "words",
                                       "words of the dense operand read from the global buffer"),
                        stats::counter("steps", &Counters::steps, "steps", "steps of operands offered to the ports")};
    }
  };

  Csr(std::string slot, const Params& params, const Array&, Links& links)
      : Controller(std::move(slot), {.before_weights = params.configure_cycles}, links) {}

  std::map<std::string, Count> counters() const override { return stats::values(Counters{counted()}); }
};

}  // namespace

PartInfo memory_csr() {
  return declare<Csr>("memory", "csr",
                      "Controller of a sparse x dense machine: rows of non-zeros against a dense operand.",
                      {"controllers"}, "flexible");
}

}  // namespace cairn::fabric
