#include "engine/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/bitmap_program.h"
#include "engine/dense_program.h"
#include "engine/instance_counts.h"
#include "engine/row_program.h"
#include "engine/tile_program.h"
#include "fabric/adder_work.h"

namespace cairn::engine {
namespace {

using fabric::StepKind;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// A machine of linear multipliers and what reduces their products.
class Linear {
 public:
  explicit Linear(const arch::Machine& machine)
      : multipliers_(static_cast<int>(machine.part("multiplier").integer("multipliers"))),
        fan_(machine.part("reduction").type == "fan"),
        temporal_(machine.part("reduction").type == "temporal"),
        accumulates_(temporal_ || (!fan_ && machine.part("reduction").flag("accumulators"))),
        trees_(machine.part("distribution").integer("bandwidth"), multipliers_),
        of_multiplier_(at(multipliers_)),
        of_adder_(at(temporal_ ? 0 : multipliers_ - (fan_ ? 0 : 1))),
        of_accumulator_(at(!accumulates_ ? 0 : multipliers_ - (temporal_ ? 0 : 1))),
        of_output_(at(multipliers_ - (fan_ || temporal_ ? 0 : 1))) {
    if (!temporal_) lane_of_ = fabric::tree_outputs(multipliers_, fan_).lane_of;
    plan_.multipliers = multipliers_;
  }

  // So many equal rounds. Unless the machine is configured anew for each it is so once.
  void run(const fabric::Packets& packets, Count rounds) {
    drop(1);
    if (packets.clusters() != clusters_) {
      clusters_ = packets.clusters();
      most_clusters_ = std::max(most_clusters_, clusters_.count);
      if (!temporal_) plan_ = fabric::plan_tree(multipliers_, clusters_, fan_);
    }
    configure();
    const Count windows = packets.rows() * packets.windows() * rounds;
    const Count slid = clusters_.slide > 0 ? packets.rows() * (packets.windows() - 1) * rounds : 0;
    send(packets, StepKind::weights, rounds * clusters_.folds);
    send(packets, StepKind::window, (windows - slid) * clusters_.folds);
    if (slid > 0) send(packets, StepKind::slide, slid * clusters_.folds);
    for (int v = 0; v < clusters_.count; ++v) {
      for (int m = clusters_.begin(v); m < clusters_.end(v); ++m) multiply(m, m - clusters_.begin(v), windows, slid);
    }
    if (temporal_) {
      for (int m = 0; m < clusters_.used(); ++m) accumulate(m, windows * clusters_.folds, windows * clusters_.folds);
    } else {
      reduce(packets.packets(StepKind::window), windows * clusters_.folds);
    }
    drop(rounds - 1);
  }

  Instances told() const {
    Instances all{
        {"distribution", trees_.named()}, {"multiplier", named(of_multiplier_)}, {"output", named(of_output_)}};
    if (!temporal_) all["adder"] = named(of_adder_);
    if (accumulates_) all["accumulator"] = named(of_accumulator_);
    Named& configuration = all["configuration"];
    for (int v = 0; v < clusters_.count; ++v) configuration["clusters"].push_back(clusters_.end(v));
    for (const fabric::Adder& adder : plan_.adders) {
      configuration["mode"].push_back(adder.configured ? static_cast<Count>(adder.mode) : -1);
      configuration["link"].push_back(adder.link);
      configuration["complete"].push_back(adder.complete ? 1 : 0);
      configuration["fold_at"].push_back(adder.fold_at);
    }
    configuration["most_clusters"] = {most_clusters_};
    configuration["lane"].assign(lane_of_.begin(), lane_of_.end());
    return all;
  }

 private:
  bool passes_psums(int slot) const { return clusters_.psum_multiplier && slot == 0; }

  void configure() {
    for (int m = 0; m < clusters_.used(); ++m) ++of_multiplier_[at(m)].configurations;
    for (std::size_t i = 0; i < plan_.adders.size() && !fan_; ++i) {
      if (plan_.adders[i].configured) ++of_adder_[i].configurations;
    }
  }

  // So many rounds throw out the weights of the one before.
  void drop(Count rounds) {
    for (int v = 0; v < clusters_.count; ++v) {
      for (int m = clusters_.begin(v); m < clusters_.end(v); ++m) {
        if (!passes_psums(m - clusters_.begin(v))) of_multiplier_[at(m)].dropped += rounds * clusters_.folds;
      }
    }
  }

  void send(const fabric::Packets& packets, StepKind kind, Count steps) {
    const fabric::Multicasts& step = packets.packets(kind);
    for (std::size_t i = 0; i < step.size(); ++i) {
      const bool psum = kind != StepKind::weights && clusters_.psums_streamed && i == 0;
      const bool weight = kind == StepKind::weights;
      trees_.send(psum ? SwitchTrees::psums : weight ? SwitchTrees::weights : SwitchTrees::inputs, step[i], steps);
      const auto count = psum     ? &MultiplierCounts::psums
                         : weight ? &MultiplierCounts::weights
                                  : &MultiplierCounts::inputs;
      for (const int m : step[i]) of_multiplier_[at(m)].*count += steps;
    }
  }

  void multiply(int m, int slot, Count windows, Count slid) {
    MultiplierCounts& own = of_multiplier_[at(m)];
    const Count folds = clusters_.folds;
    if (passes_psums(slot)) {
      const Count psums = clusters_.psums_streamed ? windows : windows * (folds - 1);
      own.psum_forwards += psums;
      if (clusters_.psums_streamed) return;
      // A zero for the first fold of each output, and at once for the next one.
      own.zeros += windows + 1;
      own.psums += psums;
      trees_.send(SwitchTrees::psums, std::span(&m, 1), psums);
      return;
    }
    own.multiplications += windows * folds;
    if (clusters_.slide == 0) return;
    const int column = (slot - (clusters_.psum_multiplier ? 1 : 0)) % clusters_.slide;
    if (column > 0) own.sent += slid * folds;
    if (column < clusters_.slide - 1) own.received += slid * folds;
  }

  void reduce(const fabric::Multicasts& inputs, Count steps) {
    const std::vector<fabric::AdderWork> step =
        fabric::work_of_step(plan_, clusters_.used(), [&](int leaf) { return together(inputs, leaf); });
    add(step, steps);
    if (clusters_.psum_multiplier && !clusters_.psums_streamed) {  // the last zero finds no products to be added to
      std::vector<fabric::AdderWork> zeros(step.size());
      for (int v = 0; v < clusters_.count; ++v) fabric::send_one_more(plan_, step, clusters_.begin(v), zeros);
      add(zeros, 1);
    }
    std::map<int, Count> folded;  // words by folding adder
    for (std::size_t i = 0; i < step.size(); ++i) {
      const fabric::Adder& adder = plan_.adders[i];
      if (step[i].made == 0 || !adder.complete) continue;
      if (fan_) {
        folded[adder.fold_at] += step[i].made * steps;
      } else {
        leave(lane_of_[i], step[i].made * steps, step[i].transfers_out * steps);
      }
    }
    if (plan_.singles) {
      for (const fabric::ProductPath& path : fabric::product_paths(plan_, clusters_.used())) folded[path.exit] += steps;
    }
    for (const auto& [adder, words] : folded) fold(at(adder), words);
  }

  // Whether two products that a leaf passes on come in the same cycle: those of one port do if they are of one input,
  // and never if not; ports that have a multiplier each all send in the same cycles.
  bool together(const fabric::Multicasts& inputs, int leaf) const {
    if (trees_.wires()) return true;
    const int left = 2 * (leaf - (multipliers_ / 2 - 1));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (std::ranges::binary_search(inputs[i], left) && std::ranges::binary_search(inputs[i], left + 1)) return true;
    }
    return false;
  }

  void add(const std::vector<fabric::AdderWork>& work, Count times) {
    for (std::size_t i = 0; i < work.size(); ++i) {
      AdderCounts& own = of_adder_[i];
      own.left += work[i].left * times;
      own.right += work[i].right * times;
      own.neighbour += work[i].neighbour * times;
      own.waiting_left += work[i].waiting_left * times;
      own.waiting_right += work[i].waiting_right * times;
      own.waiting_neighbour += work[i].waiting_neighbour * times;
      own.additions_2to1 += work[i].additions_2to1 * times;
      own.additions_3to1 += work[i].additions_3to1 * times;
      own.made += work[i].made * times;
      own.aside += work[i].aside * times;
      own.transfers_out += work[i].transfers_out * times;
      own.transfers_up += work[i].transfers_up * times;
    }
  }

  void leave(int lane, Count words, Count transfers) {
    accumulates_ ? accumulate(lane, words, transfers) : put_out(lane, words, transfers);
  }

  void accumulate(int lane, Count words, Count transfers) {
    AccumulatorCounts& own = of_accumulator_[at(lane)];
    const Count results = words / clusters_.folds;
    own.taken += words;
    own.transfers += transfers;
    own.results += results;
    put_out(lane, results, results);
  }

  void fold(std::size_t adder, Count words) {
    const Count results = words / clusters_.folds;
    of_adder_[adder].folded += words;
    of_adder_[adder].fold_results += results;
    put_out(lane_of_[adder], results, results);
  }

  void put_out(int lane, Count results, Count transfers) {
    of_output_[at(lane)].results += results;
    of_output_[at(lane)].transfers += transfers;
  }

  int multipliers_;
  bool fan_;
  bool temporal_;
  bool accumulates_;
  std::vector<int> lane_of_;  // by adder
  SwitchTrees trees_;
  std::vector<MultiplierCounts> of_multiplier_;
  std::vector<AdderCounts> of_adder_;
  std::vector<AccumulatorCounts> of_accumulator_;
  std::vector<OutputCounts> of_output_;
  fabric::Clusters clusters_;
  int most_clusters_ = 0;
  fabric::TreePlan plan_;
};

Instances of_loops(const arch::Machine& machine, const Operation& operation, const mapping::DenseTile& tile) {
  Linear linear(machine);
  const DenseProgram program(mapping::nest_of(operation), tile, arch::flexible_array(machine));
  linear.run(program, program.size());
  return linear.told();
}

template <class Program>
Instances of_rounds(const arch::Machine& machine, Program program) {
  Linear linear(machine);
  for (Count round = 0; round < program.size(); ++round) {
    program.enter(round);
    linear.run(program, 1);
  }
  return linear.told();
}

// Rows of the first operand come in from the left, columns of the second from the top.
Instances of_mesh(const arch::Machine& machine, const Operation& operation, const mapping::Tile& tile) {
  const arch::SystolicArray array = arch::systolic_array(machine);
  const std::int64_t edges = array.rows + array.columns;
  const std::int64_t ports = machine.part("distribution").integer("bandwidth");  // 0 = one an edge
  SwitchTrees trees(ports == 0 ? edges : ports, edges);
  const std::size_t elements = at(array.rows) * at(array.columns);
  std::vector<ElementCounts> of_element(elements);
  std::vector<AccumulatorCounts> of_accumulator(elements);
  std::vector<OutputCounts> of_output(elements);
  const Count steps = lowered(operation).sizes().k;
  std::vector<std::int64_t> clusters;
  for (const auto& group : mapping::OutputTiles(lowered(operation), tile).groups()) {
    const Count words = steps * group.count;
    for (int column = 0; column < group.columns; ++column)
      trees.send(SwitchTrees::weights, std::span(&column, 1), words);
    for (int end = array.columns; end < array.columns + group.rows; ++end)
      trees.send(SwitchTrees::inputs, std::span(&end, 1), words);
    for (ElementCounts& each : of_element) each.configurations += group.count;
    for (std::int64_t row = 0; row < group.rows; ++row) {
      for (std::int64_t column = 0; column < group.columns; ++column) {
        const std::size_t i = at(row * array.columns + column);
        of_element[i].received_left += words;
        of_element[i].received_top += words;
        if (column + 1 < group.columns) of_element[i].sent_right += words;
        if (row + 1 < group.rows) of_element[i].sent_bottom += words;
        of_element[i].multiplications += words;
        of_accumulator[i].taken += words;
        of_accumulator[i].transfers += words;
        of_accumulator[i].results += group.count;
        of_output[i].results += group.count;
        of_output[i].transfers += group.count;
      }
    }
  }
  return {{"distribution", trees.named()},
          {"multiplier", named(of_element)},
          {"accumulator", named(of_accumulator)},
          {"output", named(of_output)}};
}

// Parts that do what the public reference's do.
void check(const arch::Machine& machine) {
  const auto refuse_unless = [&](bool known, const char* slot, const char* remedy) {
    if (known) return;
    throw Error(Code::unsupported_mapping, fmt::format("{}.type", slot),
                fmt::format("'{}' as it is set up here is no part of the public reference, whose instances alone are "
                            "counted one by one",
                            machine.part(slot).type),
                remedy);
  };
  const auto type = [&](const char* slot) -> const std::string& { return machine.part(slot).type; };
  const bool mesh = machine.family == "systolic";
  refuse_unless(arch::control(machine) != arch::Control::folds, "memory", "systolic-os");
  refuse_unless(!mesh || !machine.part("memory").flag("overlap"), "memory", "memory.overlap = false");
  refuse_unless(!mesh || !machine.part("memory").flag("whole_array"), "memory", "memory.whole_array = false");
  const bool loops = arch::control(machine) == arch::Control::loops;
  refuse_unless(!loops || machine.part("memory").integer("words_per_cycle") == 0, "memory",
                "memory.words_per_cycle = 0");
  refuse_unless(type("distribution") == (mesh ? "point-to-point" : "tree"), "distribution",
                mesh ? "point-to-point" : "tree");
  const std::string& multiplier = type("multiplier");
  refuse_unless(multiplier == "mesh" || multiplier == "disabled" ||
                    (multiplier == "linear" && machine.part("multiplier").word("forwarding") == "left"),
                "multiplier", "linear with forwarding to the left");
  const std::string& reduction = type("reduction");
  refuse_unless(reduction == "temporal" || reduction == "fan" ||
                    (reduction == "art" && machine.part("reduction").word("switches") == "linked"),
                "reduction", "art, fan or temporal");
}

}  // namespace

Instances instances(const arch::Machine& machine, const Operation& operation, const Tile& tile,
                    const Operands& operands) {
  check(machine);
  if (std::holds_alternative<MaxPool>(operation)) {
    throw Error(Code::unsupported_operator, "maxpool",
                "the public reference, whose instances alone are counted one by one, has no max-pooling",
                "the counters of the parts, which every result has");
  }
  if (const auto* outputs = std::get_if<mapping::Tile>(&tile)) return of_mesh(machine, operation, *outputs);
  if (const auto* dense = std::get_if<mapping::DenseTile>(&tile)) return of_loops(machine, operation, *dense);
  const auto& cut = std::get<mapping::SparseTile>(tile);
  const arch::SparseArray array = arch::sparse_array(machine);
  const SparseOperands sparse(array, operation, operands, false);
  if (arch::control(machine) == arch::Control::bitmaps)
    return of_rounds(machine, BitmapProgram(array, sparse, cut, {}));
  return of_rounds(machine, RowProgram(sparse, cut));
}

}  // namespace cairn::engine
