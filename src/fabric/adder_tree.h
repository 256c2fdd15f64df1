// The tree of adders inside a reduction network, clocked and as streams. For max-pooling each takes the larger of its
// operands instead of their sum (Clusters::compares). What an adder hands to its neighbour or to a
// folding adder is there a cycle later, what it hands to the next level after the latency of a level. Operands wait in
// queues for their partners.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "fabric/part.h"
#include "fabric/tree_plan.h"
#include "kernel/fifo.h"
#include "kernel/fifos.h"

namespace cairn::fabric {

struct AdderCounters {
  Count additions_2to1 = 0;
  Count additions_3to1 = 0;
  Count comparisons_2to1 = 0;
  Count comparisons_3to1 = 0;
  Count queue_pushes = 0;
  Count queue_pops = 0;
  Count wire_writes = 0;
  Count results = 0;
  Count output_transfers = 0;
  template <class Counters>
  static auto fields() {
    return std::tuple{
        stats::counter("additions_2to1", &Counters::additions_2to1, "operations", "sums of two operands"),
        stats::counter("additions_3to1", &Counters::additions_3to1, "operations", "sums of three operands"),
        stats::counter("comparisons_2to1", &Counters::comparisons_2to1, "operations",
                       "larger ones of two operands, for max-pooling"),
        stats::counter("comparisons_3to1", &Counters::comparisons_3to1, "operations",
                       "largest ones of three operands, for max-pooling"),
        stats::counter("queue_pushes", &Counters::queue_pushes, "words", "words written to the queues"),
        stats::counter("queue_pops", &Counters::queue_pops, "words", "words read from the queues"),
        stats::counter("wire_writes", &Counters::wire_writes, "words",
                       "transfers into, between and behind the adders; two words that cross together are one"),
        stats::counter("results", &Counters::results, "results", "results handed to the collection network"),
        stats::counter("output_transfers", &Counters::output_transfers, "transfers",
                       "transfers of results to the collection network; two that leave together are one")};
  }
};

class AdderTree {
 public:
  struct Item {
    float value;
    int owner;  // virtual neuron
  };
  struct Output {
    int adder;
    Item item;
  };

  AdderTree(int multipliers, bool folding, Switches switches = Switches::linked, Cycle level_latency = 1);

  // At rest. Says whether it is another configuration than the last.
  bool configure(const Clusters& clusters);
  Count configured() const { return configured_; }
  const kernel::LaneSet& configured_adders() const { return configured_adders_; }
  // The adders that hand results over, one for each virtual neuron.
  std::vector<int> last_adders() const;

  // One cycle: takes the products that have arrived; what leaves the tree is in outputs() until the next. Says whether
  // anything happened.
  bool tick(const kernel::Wires<float>::Frame& products, AdderCounters& counters);
  const std::vector<Output>& outputs() const { return outputs_; }
  // How many transfers the outputs of this cycle take: what an adder passes on together crosses together.
  Count transfers() const;

  // Flow: what leaves the tree at each adder, in the cycle in which the adder makes it; only exits() have any. A
  // product takes a cycle for each adder on its way, and a sum is made when the last of its products is there.
  const std::vector<kernel::Stream>& flow(const std::vector<kernel::Stream>& products, AdderCounters& counters);
  const std::vector<int>& exits() const { return exits_; }

 private:
  enum Side { left, right };

  // Where an adder's results go.
  enum class Way { parent, neighbour, fold, output };
  struct Route {
    Way way = Way::parent;
    int to = 0;                  // a queue, or a folding adder
    std::array<int, 2> owner{};  // virtual neuron of what comes from the left and from the right
  };
  struct Transfer {
    int queue;
    float value;
  };
  struct Fold {
    kernel::Fifo<Item> waiting;
    Count folded = 0;
    float sum = 0;
  };

  void configure_clocked();
  void make_routes();
  void follow(int multiplier, int owner);
  void take(const kernel::Wires<float>::Frame& products, AdderCounters& counters);
  bool work(std::size_t word, AdderCounters& counters);
  bool add_three(std::size_t word, AdderCounters& counters);
  void add_pairs(std::size_t word, std::uint64_t adders);
  void hand_over(int adder, const Route& route, float value, int owner);
  void to_neighbour(int queue, float value);
  void pass(int index, AdderCounters& counters);
  bool fold(AdderCounters& counters);

  // Counted from 1 on, adder n has the children 2 n and 2 n + 1. The queue of what a child sends has its number, so
  // adder n adds up queues 2 n and 2 n + 1 into queue n; behind those of all adders come those of the multipliers. The
  // queues for words from neighbours are after all these, those of 64 adders in a word of their own.
  static int number(int adder) { return adder + 1; }
  static int queue(int adder, Side side) { return 2 * number(adder) + side; }
  int neighbour_queue(int adder) const { return 2 * room_ + number(adder); }

  bool expects(int adder, int side) const;
  Cycle link_latency() const { return switches_ == Switches::linked ? 1 : 0; }
  Cycle delay(const ProductPath& path) const { return path.levels * level_latency_ + path.links * link_latency(); }
  int exit_of(int cluster) const { return paths_[static_cast<std::size_t>(clusters_.begin(cluster))].exit; }
  // FAN: the one that adds up the folds of what leaves at `exit`.
  int last_adder(int exit) const {
    return !folding_ || plan_.singles ? exit : plan_.adders[static_cast<std::size_t>(exit)].fold_at;
  }
  bool feeds_parent(int index) const;
  void add_up_folds(Count steps, AdderCounters& counters);
  Count& of_two(AdderCounters& counters) const {
    return clusters_.compares ? counters.comparisons_2to1 : counters.additions_2to1;
  }
  Count& of_three(AdderCounters& counters) const {
    return clusters_.compares ? counters.comparisons_3to1 : counters.additions_3to1;
  }

  bool folding_;
  Switches switches_;
  Cycle level_latency_;
  // Adders work from the root down, so that what one hands to its parent is seen there in the next cycle.
  bool parents_come_first_;
  TreePlan plan_;
  Clusters clusters_;
  Count configured_ = 0;
  kernel::LaneSet configured_adders_;
  bool clocked_ = false;  // what a clocked run needs is set up for this configuration
  int room_;              // for the numbers of adders: whole words of bits
  kernel::Fifos<float> operands_;
  // The numbers of adders by what they do, and those that nothing comes to from the left, from the right.
  kernel::LaneSet add_2_, add_3_, pass_, no_left_, no_right_;
  kernel::LaneSet climbs_;  // adders of two whose sums are in the parent's queue at once
  kernel::LaneSet both_;    // that had words from both sides when the cycle began
  std::vector<Route> routes_;
  std::vector<Fold> folds_;                     // FAN, by adder
  kernel::LaneSet folding_now_;                 // those with words waiting
  std::vector<std::pair<int, Item>> to_folds_;  // that arrive in the next cycle
  std::vector<Transfer> arriving_;
  std::vector<std::vector<Transfer>> under_way_;  // by cycle of arrival, in a ring
  std::size_t cycle_ = 0;                         // where in the ring
  std::vector<Transfer>* to_parents_ = nullptr;   // where in it what is sent now arrives
  std::vector<Transfer>* to_neighbours_ = nullptr;
  Count handed_over_ = 0;  // results of this cycle
  Count pushed_ = 0;       // and what of them is in another adder's queue already
  std::vector<Output> outputs_;
  std::vector<ProductPath> paths_;  // flow: by multiplier
  AdderCounters step_cost_;         // flow: what a step of products costs, as sums
  std::vector<kernel::Stream> out_;
  std::vector<int> exits_;
};

// When the last of the products of multipliers `begin` to `end` - 1 is there, each delayed by `delay(multiplier)`.
// Streams of the same pace differ by a constant, so the latest of them is all that counts.
template <class Delay>
kernel::Stream last_of(const std::vector<kernel::Stream>& products, int begin, int end, Delay delay) {
  kernel::Pieces paces;
  kernel::Stream all;
  const auto join_with = [&](const kernel::Stream& one) { all = all.empty() ? one : join(all, one); };
  for (int i = begin; i < end; ++i) {
    const kernel::Stream& stream = products[static_cast<std::size_t>(i)];
    if (stream.pieces().size() != 1) {
      join_with(stream.delayed(delay(i)));
      continue;
    }
    kernel::Piece piece = stream.pieces().front();
    piece.first += delay(i);
    const auto same = std::ranges::find_if(
        paces, [&](const kernel::Piece& p) { return p.step == piece.step && p.count == piece.count; });
    if (same == paces.end()) {
      paces.push_back(piece);
    } else {
      same->first = std::max(same->first, piece.first);
    }
  }
  for (const kernel::Piece& piece : paces) join_with(kernel::Stream::regular(piece.first, piece.step, piece.count));
  return all;
}

// In how many cycles the items of a stream arrive.
Count distinct(const kernel::Stream& stream);

}  // namespace cairn::fabric
