#include "cost/units.h"

#include <bit>

namespace cairn::cost {
namespace {

class Counting {
 public:
  explicit Counting(const arch::Machine& machine) : machine_(machine) {
    const arch::Part& array = machine.part("multiplier");
    lanes_ = array.type == "lanes";
    const bool mesh = machine.family == "systolic";
    rows_ = mesh ? array.integer("rows") : 1;
    multipliers_ = mesh ? rows_ * array.integer("columns") : array.integer("multipliers");
    feet_ = machine.part("reduction").type == "column" ? multipliers_ / rows_ : multipliers_;
    levels_ = static_cast<Count>(std::bit_width(static_cast<std::uint64_t>(multipliers_))) - 1;
  }

  std::vector<Units> all() {
    if (!declared("memory")) add("memory", "buffer", Width::operand, 1);
    if (!declared("distribution")) distribution();
    if (!declared("multiplier")) multipliers();
    if (!declared("reduction")) reduction();
    if (!declared("collection")) collection();
    if (!declared("writeback")) writeback();
    return std::move(units_);
  }

 private:
  // Whether it is a part of a plug-in, which tells what it is built of.
  bool declared(const char* slot) {
    const arch::Part& part = machine_.part(slot);
    if (!part.costs) return false;
    for (const schema::Costs::Units& units : part.costs->units)
      add(slot, units.component, units.width, units.count(part.values, {rows_, multipliers_ / rows_}));
    return true;
  }

  void add(const char* part, const std::string& component, Width width, Count count) {
    if (count > 0) units_.push_back({part, component, width, count});
  }

  void distribution() {
    const arch::Part& part = machine_.part("distribution");
    Count wires = 0;
    Count switches = 0;
    if (part.type == "tree") {  // for each port a binary tree, and the wire to its root
      const Count ports = part.integer("bandwidth");
      switches = multipliers_ - ports;
      wires = 2 * multipliers_ - ports;
    } else if (part.type == "benes") {  // two outputs of each 2 x 2 switch
      switches = multipliers_ * (2 * levels_ - 1);
      wires = switches + multipliers_;
    } else if (part.type == "point-to-point") {  // one for each row and column of the array
      wires = rows_ + multipliers_ / rows_;
    } else {
      wires = multipliers_;
    }
    add("distribution", "distribution_wire", Width::operand, wires);
    add("distribution", "switch", Width::operand, switches);
  }

  // The reference gives every multiplier five queues: of each operand, from and to the neighbours, and of the product.
  // It links the multipliers of a sparse machine too. One that holds a word has a register for each operand, and there
  // is a triangle of them at the edge.
  void multipliers() {
    const Count columns = multipliers_ / rows_;
    const bool holds = machine_.part("multiplier").type == "stationary-mesh";
    add("multiplier", "multiplier", Width::operand, multipliers_);
    if (lanes_) {  // no neighbours: two operands, and the product
      add("multiplier", "filter_buffer", Width::operand, multipliers_);
      add("multiplier", "queue", Width::operand, 2 * multipliers_);
      add("multiplier", "queue", Width::sum, multipliers_);
      return;
    }
    add("multiplier", "multiplier_wire", Width::operand, rows_ * (columns - 1) + columns * (rows_ - 1));
    add("multiplier", "queue", Width::operand, holds ? 2 * multipliers_ + rows_ * (rows_ - 1) / 2 : 4 * multipliers_);
    add("multiplier", "queue", Width::sum, multipliers_);
  }

  void reduction() {
    const arch::Part& part = machine_.part("reduction");
    const Count adders = multipliers_ - 1;
    // Two wires into each adder, and a link for each two neighbours of a level that have different parents.
    const Count tree = 2 * adders + multipliers_ / 2 - levels_;
    if (part.type == "temporal" || part.type == "sign-check") {
      add("reduction", "accumulator", Width::sum, multipliers_);
      add("reduction", "reduction_wire", Width::sum, multipliers_);
      add("reduction", "queue", Width::sum, 2 * multipliers_);
    } else if (part.type == "column") {
      add("reduction", "adder", Width::sum, multipliers_);
      add("reduction", "reduction_wire", Width::sum, multipliers_ - feet_);
      add("reduction", "queue", Width::sum, multipliers_);
    } else if (part.type == "art") {
      const Count accumulators = part.flag("accumulators") ? adders : 0;
      add("reduction", "adder", Width::sum, adders);
      add("reduction", "accumulator", Width::sum, accumulators);
      add("reduction", "reduction_wire", Width::sum, tree + accumulators);
      add("reduction", "queue", Width::sum, 5 * adders + 2 * accumulators);
    } else if (part.type == "fan") {  // one adder more, and a wire from each multiplier and adder to where folds meet
      add("reduction", "adder", Width::sum, multipliers_);
      add("reduction", "reduction_wire", Width::sum, tree + multipliers_ + 1);
      add("reduction", "queue", Width::sum, 5 * multipliers_);
    } else {  // an adder of level l takes operands from two adders of each level below; a level ends in registers
      Count wires = multipliers_;
      for (Count level = 1; level < levels_; ++level) wires += 2 * level * (multipliers_ >> (level + 1));
      add("reduction", "adder", Width::sum, adders);
      add("reduction", "reduction_wire", Width::sum, wires);
      add("reduction", "queue", Width::sum, levels_ * multipliers_ / 2);
    }
  }

  void writeback() {
    add("writeback", "queue", Width::sum, lines());
    add("writeback", "adder", Width::sum, adds_in_buffer() ? lines() : 0);
  }

  // Whether partial sums are added to in the global buffer, an adder for each result line.
  bool adds_in_buffer() const {
    const arch::Part& part = machine_.part("memory");
    return (part.type == "dense" && part.word("folds") == "outer") ||
           (part.type == "bitmap" && part.word("psums") == "buffer") || part.type == "systolic-stationary";
  }

  Count lines() const {
    const arch::Part& part = machine_.part("collection");
    const Count given = part.type == "bus" ? part.integer("lines") : 0;
    return given > 0 ? given : feet_;
  }

  // A bus line has a queue and a wire for each of its inputs, and a wire out.
  void collection() {
    const std::string& type = machine_.part("collection").type;
    const Count queues = type == "bus" ? lines() * (feet_ / lines() + 1) : type == "shift" ? multipliers_ : 0;
    add("collection", "queue", Width::sum, queues);
    add("collection", "collection_wire", Width::sum, type == "bus" ? queues + lines() : feet_);
  }

  const arch::Machine& machine_;
  bool lanes_;
  Count rows_;
  Count multipliers_;
  Count feet_;    // where sums leave the reduction network, one a multiplier but for columns
  Count levels_;  // of a binary tree over the multipliers
  std::vector<Units> units_;
};

}  // namespace

std::vector<Units> units(const arch::Machine& machine) { return Counting(machine).all(); }

}  // namespace cairn::cost
