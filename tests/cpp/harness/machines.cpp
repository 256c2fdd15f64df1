#include "harness/machines.h"

#include <algorithm>

#include "fabric/part.h"

namespace cairn::testing {
namespace {

std::string text(bool flag) { return flag ? "true" : "false"; }

// Draws the parameters of one machine, slot by slot.
class Draw {
 public:
  Draw(SplitMix64& random, const MachineSpace& space) : random_(random), space_(space) {}

  arch::Overrides machine() {
    if (space_.lanes) {
      lanes();
    } else if (space_.sparse) {
      sparse();
    } else {
      space_.flexible ? flexible() : systolic();
    }
    return overrides_;
  }

 private:
  void systolic() {
    const std::int64_t rows = random_.between(1, space_.largest_side);
    const std::int64_t columns = random_.between(1, space_.largest_side);
    const bool holds = random_.one_in(3);  // an operand
    const bool overlap = space_.overlap && !space_.bounded && !holds && random_.one_in(3);
    if (holds) {
      set("memory.type", "systolic-stationary");
      set("memory.stationary", random_.one_in(2) ? "inputs" : "weights");
      set("multiplier.type", "stationary-mesh");
      set("reduction.type", "column");
    } else {
      set("memory.overlap", text(overlap));
    }
    set("memory.whole_array", text(random_.one_in(3)));
    set("multiplier.rows", rows);
    set("multiplier.columns", columns);
    for (const char* slot : {"distribution", "multiplier", "reduction"})
      set(std::string(slot) + ".latency", random_.between(0, 3));
    set("memory.setup_cycles", random_.between(0, 4));
    set("memory.count_setup", text(random_.one_in(2)));
    bandwidth(rows + columns, overlap);
    read_out(holds ? columns : rows * columns, overlap, !holds);
    set("writeback.drain", overlap || random_.one_in(2) ? "all" : "half");
    if (space_.bounded) depths(!holds);
  }

  // Half of them with the latencies of the preset, some with networks that sparse machines have.
  void flexible() {
    const std::int64_t levels = random_.one_in(4) ? random_.between(1, 2) : random_.between(3, 6);
    const bool borrows = random_.one_in(4);
    set("multiplier.multipliers", std::int64_t{1} << levels);
    set("distribution.bandwidth", std::int64_t{1} << random_.between(0, levels));
    static const std::string kTypes[] = {"art", "art", "fan", "temporal"};
    const std::int64_t type = random_.between(0, 3);
    const bool synchronous = borrows && type == 1 && random_.one_in(2);
    set("reduction.type", synchronous ? "synchronous-fan" : kTypes[type]);
    if (type < 2 && !synchronous) set("reduction.accumulators", text(type == 0));
    set("collection.lines", std::int64_t{1} << random_.between(0, levels));
    set("writeback.drain", random_.one_in(2) ? "all" : "half");
    const bool benes = borrows && random_.one_in(2);
    const bool disabled = borrows && type != 1 && random_.one_in(2);  // which passes no partial sums on
    if (benes) set("distribution.type", random_.one_in(3) ? "unicast" : "benes");
    if (disabled) set("multiplier.type", "disabled");
    if (borrows && random_.one_in(2)) set("collection.pairs", text(false));
    if (random_.one_in(3)) {
      timing_of_controller(type == 1);
      if (!benes && random_.one_in(2)) set("distribution.interval", random_.between(2, 3));
      if (!disabled) timing_of_links();
      if (type < 2 && !synchronous) timing_of_tree();
    }
    if (random_.one_in(2)) return;
    set("distribution.latency", random_.between(0, 3));
    set("multiplier.latency", random_.between(1, 3));
    set("reduction.latency", random_.between(type == 3 ? 0 : 1, 3));
    set("collection.latency", random_.between(0, 3));
  }

  // Each of the ways in which hardware differs from the reference, by itself and together with others.
  void timing_of_controller(bool folds_outside) {
    if (random_.one_in(2)) set("memory.words_per_cycle", random_.between(1, 4));
    if (random_.one_in(2)) set("memory.setup_cycles", random_.between(1, 3));
    if (random_.one_in(2)) set("memory.row_barrier", text(true));
    if (random_.one_in(2)) set("collection.restart", text(true));
    if (folds_outside && random_.one_in(2)) set("memory.folds", "outer");
  }
  void timing_of_links() {
    if (random_.one_in(2)) set("multiplier.forwarding", "right");
    if (random_.one_in(2)) set("multiplier.ripple", text(true));
  }
  void timing_of_tree() {
    if (random_.one_in(2)) set("reduction.switches", "double");
    if (random_.one_in(2)) set("reduction.level_latency", random_.between(2, 3));
  }

  // Of either controller, the reference's and the hardware's ways.
  void sparse() {
    const std::int64_t levels = random_.one_in(4) ? random_.between(1, 2) : random_.between(3, 6);
    const bool bitmaps = random_.one_in(2);
    const bool follows_at_once = bitmaps && random_.one_in(4);
    const bool benes = follows_at_once || random_.one_in(3);
    set("memory.type", bitmaps ? "bitmap" : "csr");
    set("memory.stationary", random_.one_in(2) ? "weights" : "inputs");
    set("memory.configure_cycles", random_.between(0, 2));
    set("multiplier.multipliers", std::int64_t{1} << levels);
    set("distribution.type", !benes ? "tree" : random_.one_in(3) ? "unicast" : "benes");
    set("distribution.bandwidth", std::int64_t{1} << (follows_at_once ? levels : random_.between(0, levels)));
    set("distribution.latency", random_.between(0, 3));
    if (!benes && random_.one_in(4)) set("distribution.interval", random_.between(2, 3));
    set("multiplier.latency", random_.between(1, 3));
    static const std::string kTypes[] = {"art", "art", "fan", "synchronous-fan"};
    const std::int64_t type = follows_at_once ? 3 : bitmaps ? 1 + 2 * random_.between(0, 1) : random_.between(0, 2);
    const bool over_time = !bitmaps && random_.one_in(4);
    set("reduction.type", over_time ? "temporal" : kTypes[type]);
    if (type < 2 && !over_time) set("reduction.accumulators", text(!bitmaps || random_.one_in(4)));
    set("reduction.latency", random_.between(1, 3));
    set("collection.lines", random_.one_in(4) ? 0 : std::int64_t{1} << random_.between(0, levels));
    set("collection.pairs", text(random_.one_in(2)));
    set("collection.latency", random_.between(0, 3));
    set("writeback.drain", random_.one_in(2) ? "all" : "half");
    if (!bitmaps) return;
    set("memory.minimum_ones", type == 1 ? 3 : random_.between(1, 3));
    set("memory.fold_barrier", text(!follows_at_once));
    set("memory.psums", follows_at_once || random_.one_in(3) ? "buffer" : "streamed");
    set("memory.drain_cycles", random_.one_in(2) ? 0 : random_.between(1, 5));
  }

  void lanes() {
    const std::int64_t lanes = random_.between(1, space_.largest_side);
    const bool checks = !random_.one_in(4);
    set("multiplier.multipliers", lanes);
    set("memory.filters_held", random_.between(1, 5));
    set("memory.weights_per_cycle", random_.one_in(2) ? 64 : random_.between(1, 6));
    set("reduction.type", checks ? "sign-check" : "temporal");
    if (checks) set("reduction.stop_latency", random_.between(1, 4));
    for (const char* slot : {"distribution", "multiplier", "reduction", "collection"})
      set(std::string(slot) + ".latency", random_.between(0, 3));
    set("collection.lines", random_.between(0, lanes));
    set("writeback.drain", random_.one_in(2) ? "all" : "half");
    set("memory.order", random_.one_in(2) ? "sign" : "magnitude");
    if (!checks || random_.one_in(2)) return;
    set("memory.prefix", random_.between(1, 12));
    set("memory.threshold", random_.between(-8000, 8000));
  }

  void set(const std::string& path, std::string value) { overrides_.emplace_back(path, std::move(value)); }
  void set(const std::string& path, std::int64_t value) { set(path, std::to_string(value)); }

  void bandwidth(std::int64_t endpoints, bool overlap) {
    const bool full = overlap || random_.one_in(4);
    if (full)
      set("distribution.bandwidth", random_.one_in(2) ? 0 : endpoints);
    else
      set("distribution.bandwidth", random_.between(1, endpoints));
  }

  void read_out(std::int64_t feet, bool overlap, bool shifts) {
    static const std::string kTypes[] = {"shift", "direct", "bus"};
    const std::string& type = kTypes[random_.between(shifts ? 0 : 1, overlap ? 1 : 2)];
    set("collection.type", type);
    set("collection.latency", random_.between(0, 3));
    if (type == "bus") set("collection.lines", random_.between(0, feet));
  }

  // At least one of the two queues is bounded; elements that hold a word have none.
  void depths(bool queues_at_elements) {
    const std::int64_t ports = random_.between(queues_at_elements ? 0 : 1, 4);
    set("distribution.queue_depth", ports);
    if (!queues_at_elements) return;
    set("multiplier.queue_depth", random_.between(ports == 0 ? 1 : 0, 4));
  }

  SplitMix64& random_;
  const MachineSpace& space_;
  arch::Overrides overrides_;
};

}  // namespace

arch::Machine machine(const std::string& preset, const arch::Overrides& overrides) {
  return arch::load_preset(preset, overrides, fabric::catalog());
}

std::vector<MachineSpace> spaces() {
  return {
      {}, {.bounded = true}, {.flexible = true}, {.flexible = true, .pools = true}, {.sparse = true}, {.lanes = true}};
}

arch::Overrides random_overrides(SplitMix64& random, const MachineSpace& space) {
  return Draw(random, space).machine();
}

arch::Machine machine(const arch::Overrides& overrides) { return machine("tpu-16x16", overrides); }

std::string text(const arch::Overrides& overrides) {
  std::string line;
  for (const auto& [path, value] : overrides) line += "--set " + path + "=" + value + " ";
  return line;
}

}  // namespace cairn::testing
