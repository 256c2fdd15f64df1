#include "cost/charges.h"

#include <algorithm>

namespace cairn::cost {
namespace {

constexpr Width kOperand = Width::operand;
constexpr Width kSum = Width::sum;

bool matches(const std::vector<std::string>& types, const std::string& type) {
  return types.empty() || std::ranges::find(types, type) != types.end();
}

}  // namespace

bool Charge::applies(const std::string& to_slot, const std::string& type) const {
  return slot == to_slot && matches(types, type);
}
bool Exemption::applies(const std::string& to_slot, const std::string& type) const {
  return slot == to_slot && matches(types, type);
}

// Where the public reference counts the action as well, it is charged as there: each product, each operand on its way
// to a neighbour and each result goes through a queue.
const std::vector<Charge>& charges() {
  static const std::vector<Charge> kCharges{
      // The global buffer, whoever reads or writes it.
      {"memory", {}, "weight_reads", "memory", "buffer", "read", kOperand},
      {"memory", {}, "input_reads", "memory", "buffer", "read", kOperand},
      {"memory", {"lanes"}, "index_reads", "memory", "buffer", "read", kOperand},
      {"memory", {}, "psum_reads", "memory", "buffer", "read", kSum},
      {"writeback", {}, "psum_reads", "memory", "buffer", "read", kSum},
      {"writeback", {}, "psum_reads", "writeback", "adder", "add2", kSum},  // to what is there
      {"writeback", {}, "output_writes", "memory", "buffer", "write", kSum},
      {"writeback", {}, "results", "writeback", "queue", "push", kSum},
      {"writeback", {}, "results", "writeback", "queue", "pop", kSum},

      // Beside each of independent lanes.
      {"memory", {"lanes"}, "filter_writes", "multiplier", "filter_buffer", "write", kOperand},
      {"memory", {"lanes"}, "filter_reads", "multiplier", "filter_buffer", "read", kOperand},

      // From port to root, and from each switch on. Both outputs of a copying 2 x 2 switch are hops of a Benes network.
      {"distribution", {}, "words", "distribution", "distribution_wire", "transfer", kOperand},
      {"distribution", {"tree", "benes"}, "hops", "distribution", "distribution_wire", "transfer", kOperand},
      {"distribution", {"benes"}, "hops", "distribution", "switch", "route", kOperand},
      {"distribution", {"tree"}, "broadcasts", "distribution", "switch", "route", kOperand},
      {"distribution", {"tree"}, "unicasts", "distribution", "switch", "route", kOperand},

      {"multiplier", {}, "multiplications", "multiplier", "multiplier", "multiply", kOperand},
      {"multiplier", {}, "multiplications", "multiplier", "queue", "push", kSum},
      {"multiplier", {}, "multiplications", "multiplier", "queue", "pop", kSum},
      {"multiplier", {}, "input_forwards", "multiplier", "multiplier", "forward", kOperand},
      {"multiplier", {}, "input_forwards", "multiplier", "queue", "push", kSum},
      {"multiplier", {}, "input_forwards", "multiplier", "queue", "pop", kSum},
      {"multiplier", {}, "psum_forwards", "multiplier", "multiplier", "forward", kSum},
      {"multiplier", {}, "hops", "multiplier", "multiplier_wire", "transfer", kOperand},
      {"multiplier", {}, "hops", "multiplier", "queue", "push", kOperand},
      {"multiplier", {}, "hops", "multiplier", "queue", "pop", kOperand},
      {"multiplier", {}, "operand_pushes", "multiplier", "queue", "push", kOperand},
      {"multiplier", {}, "operand_pops", "multiplier", "queue", "pop", kOperand},
      {"multiplier", {}, "configurations", "multiplier", "multiplier", "configure", kOperand},

      {"reduction", {}, "additions_2to1", "reduction", "adder", "add2", kSum},
      {"reduction", {}, "additions_3to1", "reduction", "adder", "add3", kSum},
      // A comparison is the adder's own subtraction: no table prices it apart.
      {"reduction", {}, "comparisons_2to1", "reduction", "adder", "add2", kSum},
      {"reduction", {}, "comparisons_3to1", "reduction", "adder", "add3", kSum},
      {"reduction", {}, "wire_writes", "reduction", "reduction_wire", "transfer", kSum},
      {"reduction", {}, "queue_pushes", "reduction", "queue", "push", kSum},
      {"reduction", {}, "queue_pops", "reduction", "queue", "pop", kSum},
      {"reduction", {}, "configurations", "reduction", "adder", "configure", kSum},
      {"reduction", {}, "additions", "reduction", "accumulator", "add", kSum},
      {"reduction", {}, "comparisons", "reduction", "accumulator", "add", kSum},
      {"reduction", {}, "register_reads", "reduction", "accumulator", "read", kSum},
      {"reduction", {}, "register_writes", "reduction", "accumulator", "write", kSum},
      {"reduction", {"art", "fan"}, "output_transfers", "collection", "collection_wire", "transfer", kSum},
      // A level of adders, or an adder of a column, ends in registers.
      {"reduction", {"column", "synchronous-fan"}, "wire_writes", "reduction", "queue", "push", kSum},
      {"reduction", {"column", "synchronous-fan"}, "wire_writes", "reduction", "queue", "pop", kSum},
      {"reduction", {"synchronous-fan"}, "results", "collection", "collection_wire", "transfer", kSum},
      // A product comes by a wire and a queue into the register, a sum leaves by a queue and a wire.
      {"reduction", {"temporal", "sign-check"}, "register_writes", "reduction", "reduction_wire", "transfer", kSum},
      {"reduction", {"temporal", "sign-check"}, "register_writes", "reduction", "queue", "push", kSum},
      {"reduction", {"temporal", "sign-check"}, "register_writes", "reduction", "queue", "pop", kSum},
      {"reduction", {"column", "temporal", "sign-check"}, "results", "reduction", "queue", "push", kSum},
      {"reduction", {"column", "temporal", "sign-check"}, "results", "reduction", "queue", "pop", kSum},
      {"reduction", {"column", "temporal", "sign-check"}, "results", "collection", "collection_wire", "transfer", kSum},

      {"collection", {"bus", "shift"}, "results_in", "collection", "queue", "push", kSum},
      {"collection", {"bus", "shift"}, "results_out", "collection", "queue", "pop", kSum},
      {"collection", {"bus", "shift"}, "results_out", "collection", "collection_wire", "transfer", kSum},
  };
  return kCharges;
}

const std::vector<Exemption>& exemptions() {
  static const std::vector<Exemption> kExemptions{
      {"memory", {}, "steps", "an event of the controller; controllers are not priced"},
      {"memory", {}, "setups", "an event of the controller; what it sets are the configurations of the parts"},
      {"memory", {}, "padding_words", "zeros that no buffer is read for; their way is among the words sent"},
      {"distribution", {"unicast"}, "hops", "the one link of a word, charged with it"},
      {"distribution", {"benes"}, "broadcasts", "both words that leave the switch are among the hops"},
      {"memory", {"lanes"}, "loads", "an event of the controller; its words are counted one by one"},
      {"reduction",
       {"sign-check"},
       "checks",
       "the sign of a sum that starts from what the rectifier adds: a bit of it"},
      {"reduction", {"sign-check"}, "stops", "a wire to the controller; controllers are not priced"},
      {"reduction", {"sign-check"}, "dropped", "products that no register takes; they were charged when formed"},
      {"reduction", {"art", "fan"}, "results", "charged as transfers to the collection network"},
      {"collection", {"direct"}, "results_in", "on the wire of the reduction network's result, charged with it"},
      {"collection", {"direct"}, "results_out", "the same wire's other end"},
  };
  return kExemptions;
}

}  // namespace cairn::cost
