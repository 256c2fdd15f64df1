#include "arch/rules.h"

#include <fmt/format.h>

#include <bit>

namespace cairn::arch {
namespace {

class RuleBook {
 public:
  RuleBook(const Machine& machine, std::string source, util::Diagnostics& faults)
      : machine_(machine), source_(std::move(source)), faults_(faults) {}

  void check() {
    if (machine_.family == "lanes") return check_lanes();
    machine_.family == "flexible" ? check_flexible() : check_systolic();
  }

 private:
  void check_flexible() {
    const std::int64_t multipliers = machine_.part("multiplier").integer("multipliers");
    const std::int64_t ports = machine_.part("distribution").integer("bandwidth");
    const std::int64_t lines = machine_.part("collection").integer("lines");
    power_of_two("multiplier.multipliers", multipliers);
    power_of_two("distribution.bandwidth", ports);
    power_of_two("collection.lines", lines);
    rule(ports <= multipliers, "distribution.bandwidth",
         fmt::format("{} read ports for {} multipliers", ports, multipliers),
         fmt::format("bandwidth = {} or less", multipliers));
    rule(lines <= multipliers, "collection.lines", fmt::format("{} lines for {} multipliers", lines, multipliers),
         fmt::format("lines = {} or less", multipliers));
    for (const char* slot : {"distribution", "multiplier", "reduction", "collection"}) registers(slot, multipliers);
    switch (control(machine_)) {
      case Control::loops: return check_dense();
      case Control::bitmaps: return check_bitmap(multipliers, ports);
      default: return check_csr();
    }
  }

  void check_dense() {
    const Part& reduction = machine_.part("reduction");
    const bool adds_folds = flexible_array(machine_).folding == Folding::reduction;
    const bool outside = machine_.part("memory").word("folds") == "outer";
    const bool over_time =
        reduction.type == "art" ? reduction.flag("accumulators") : reduction.type != "synchronous-fan";
    rule(!outside || !over_time, "memory.folds",
         "folds that the global buffer adds up (outer) leave nothing to add up over time for the reduction network",
         R"(reduction.type = "art" with accumulators = false, or folds = "inner")");
    rule(outside || adds_folds || machine_.part("multiplier").type == "linear", "multiplier.type",
         "multipliers without links pass no partial sums on, and the reduction network adds up no folds",
         R"(type = "linear", memory.folds = "outer", or a reduction network with accumulators)");
  }

  void check_bitmap(std::int64_t multipliers, std::int64_t ports) {
    const Part& memory = machine_.part("memory");
    const Part& reduction = machine_.part("reduction");
    without_links();
    rule(reduction.type == "art" || reduction.type == "synchronous-fan", "reduction.type",
         fmt::format("virtual neurons of unequal sizes cannot be added up by '{}'", reduction.type),
         R"(type = "art" or "synchronous-fan")");
    rule(reduction.type != "art" || memory.integer("minimum_ones") >= 3, "memory.minimum_ones",
         "virtual neurons of one or two multipliers beside larger ones meet these in the adders of an ART",
         R"(minimum_ones = 3, or reduction.type = "synchronous-fan")");
    if (memory.flag("fold_barrier")) return;
    const std::string why = "folds without a barrier (memory.fold_barrier = false) need ";
    rule(machine_.part("distribution").type != "tree" && ports == multipliers, "distribution",
         why + "a distribution network in which no word waits",
         fmt::format(R"(type = "benes" with bandwidth = {})", multipliers));
    rule(reduction.type == "synchronous-fan", "reduction.type", why + "adders whose setting travels with the products",
         R"(type = "synchronous-fan")");
    rule(memory.word("psums") == "buffer", "memory.psums", why + "partial sums that no fold waits for",
         R"(psums = "buffer")");
  }

  void check_csr() {
    without_links();
    rule(machine_.part("reduction").type != "synchronous-fan", "reduction.type",
         "rows of a sparse matrix are added up over time as well, which a synchronous FAN does not",
         R"(type = "art", "fan" or "temporal")");
  }

  void check_lanes() {
    const std::int64_t lanes = machine_.part("multiplier").integer("multipliers");
    const std::int64_t lines = machine_.part("collection").integer("lines");
    rule(lines <= lanes, "collection.lines", fmt::format("{} lines for {} multipliers", lines, lanes),
         fmt::format("lines = {} or less, or 0 for one an accumulator", lanes));
    for (const char* slot : {"distribution", "multiplier", "reduction", "collection"}) registers(slot, lanes);
    rule(machine_.part("memory").integer("prefix") == 0 || lane_array(machine_).checks, "memory.prefix",
         "a sum that is predicted is left by accumulators that check it, which these do not",
         R"(reduction.type = "sign-check", or prefix = 0)");
  }

  void without_links() {
    rule(machine_.part("multiplier").type == "disabled", "multiplier.type",
         "a sparse machine hands no inputs on between multipliers", R"(type = "disabled")");
  }

  void power_of_two(const std::string& where, std::int64_t value) {
    const auto below = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(value)));
    rule(value == below, where, fmt::format("{} is not a power of two, which its trees need", value),
         fmt::format("{} or {}", below, 2 * below));
  }

  // Each cycle of latency is a register an element; beyond this the simulation would not fit in memory.
  void registers(const char* slot, std::int64_t elements) {
    constexpr std::int64_t kMostRegisters = std::int64_t{1} << 24;
    const std::int64_t latency = machine_.part(slot).integer("latency");
    rule(elements * latency <= kMostRegisters, fmt::format("{}.latency", slot),
         fmt::format("latency {} on {} elements is {} registers", latency, elements, elements * latency),
         fmt::format("latency = {} or less", kMostRegisters / elements));
  }

  void check_systolic() {
    const Part& multiplier = machine_.part("multiplier");
    const std::int64_t elements = multiplier.integer("rows") * multiplier.integer("columns");
    const std::int64_t endpoints = multiplier.integer("rows") + multiplier.integer("columns");
    const std::int64_t bandwidth = machine_.part("distribution").integer("bandwidth");
    rule(bandwidth <= endpoints, "distribution.bandwidth",
         fmt::format("bandwidth {} exceeds the {} edge endpoints (rows + columns)", bandwidth, endpoints),
         fmt::format("bandwidth = {} or less, or 0 for one port an endpoint", endpoints));
    for (const char* slot : {"multiplier", "collection"}) registers(slot, elements);
    const bool holds = control(machine_) == Control::folds;
    holds ? lines(multiplier.integer("columns"), "columns", "a column")
          : lines(elements, "accumulators (rows x columns)", "an accumulator");
    if (holds) return check_folds();
    rule(multiplier.type != "stationary-mesh", "multiplier.type",
         "elements that hold an operand need a controller that loads it",
         R"(type = "mesh", or memory.type = "systolic-stationary")");
    rule(machine_.part("reduction").type != "column", "reduction.type",
         "outputs that stay in the array are added up where they are", R"(type = "temporal")");
    if (multiplier.type != "stationary-mesh" && machine_.part("memory").flag("overlap"))
      check_overlap(bandwidth, endpoints);
  }

  void lines(std::int64_t most, const char* what, const char* each) {
    const Part& collection = machine_.part("collection");
    if (collection.type != "bus") return;
    const std::int64_t lines = collection.integer("lines");
    rule(lines <= most, "collection.lines", fmt::format("{} lines for {} {}", lines, most, what),
         fmt::format("lines = {} or less, or 0 for one {}", most, each));
  }

  void check_folds() {
    const std::string why = "an operand that stays in the array (systolic-stationary) needs ";
    rule(machine_.part("multiplier").type == "stationary-mesh", "multiplier.type", why + "elements that hold it",
         R"(type = "stationary-mesh")");
    rule(machine_.part("reduction").type == "column", "reduction.type", why + "sums that move down the columns",
         R"(type = "column")");
    const std::string& collection = machine_.part("collection").type;
    rule(collection == "direct" || collection == "bus", "collection.type",
         "sums that leave a column at its foot are not shifted out", R"(type = "direct" or "bus")");
  }

  // Overlapped tiles need a data path in which nothing of one tile can wait behind another.
  void check_overlap(std::int64_t bandwidth, std::int64_t endpoints) {
    const std::string why = "overlapped tiles (memory.overlap) need ";
    rule(bandwidth == 0 || bandwidth == endpoints, "distribution.bandwidth", why + "one port an endpoint",
         "bandwidth = 0");
    rule(machine_.part("collection").type != "bus", "collection.type", why + "a read-out without shared lines",
         R"(type = "shift" or "direct")");
    rule(machine_.part("writeback").word("drain") == "all", "writeback.drain", why + "a write-back that keeps up",
         R"(drain = "all")");
    rule(machine_.part("multiplier").integer("queue_depth") == 0, "multiplier.queue_depth",
         why + "operands that never wait", "queue_depth = 0");
    rule(machine_.part("distribution").integer("queue_depth") == 0, "distribution.queue_depth",
         why + "steps that never wait", "queue_depth = 0");
  }

  void rule(bool holds, const std::string& where, std::string message, std::string remedy) {
    if (!holds) faults_.add(Code::inconsistent_machine, source_ + ": " + where, std::move(message), std::move(remedy));
  }

  const Machine& machine_;
  std::string source_;
  util::Diagnostics& faults_;
};

}  // namespace

void check_rules(const Machine& machine, const std::string& source, util::Diagnostics& faults) {
  RuleBook(machine, source, faults).check();
}

}  // namespace cairn::arch
