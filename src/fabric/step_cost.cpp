#include "fabric/step_cost.h"

#include <algorithm>
#include <array>

namespace cairn::fabric {
namespace {

enum Side { left, right, neighbour, kSides };

// Visits the adders from the leaves up.
class StepCount {
 public:
  StepCount(const TreePlan& plan, Cycle level_latency, Cycle link_latency)
      : plan_(plan),
        level_latency_(level_latency),
        link_latency_(link_latency),
        arrivals_(plan.adders.size() * kSides, kNothing) {}

  AdderCounters cost(int used) {
    if (plan_.singles) {  // into a folding adder, and out of it
      cost_.wire_writes = used;
      cost_.queue_pushes = cost_.queue_pops = 2 * cost_.wire_writes;
      return cost_;
    }
    const int leaves = plan_.multipliers / 2 - 1;
    for (int i = 0; i < used; ++i) arrival(leaves + i / 2, i % 2 == 0 ? left : right) = 0;
    cost_.queue_pushes = cost_.wire_writes = used;
    std::vector<int> receivers;  // of a level, from a neighbour
    for (int level = plan_.levels - 1; level >= 0; --level) {
      receivers.clear();
      for (int i = adder_index(level, 0); i < adder_index(level + 1, 0); ++i) {
        if (!adder(i).configured || adder(i).mode == AdderMode::fold) continue;
        if (adder(i).mode == AdderMode::add_3) {
          receivers.push_back(i);
        } else {
          work(i);
        }
      }
      for (const int i : receivers) work(i);
    }
    cost_.queue_pushes += handed_over_;
    cost_.queue_pops += handed_over_;
    cost_.wire_writes += handed_over_ - outputs_;
    return cost_;
  }

 private:
  static constexpr Cycle kNothing = -1;

  const Adder& adder(int index) const { return plan_.adders[static_cast<std::size_t>(index)]; }
  Cycle& arrival(int index, Side side) { return arrivals_[static_cast<std::size_t>(index) * kSides + side]; }

  void work(int index) {
    const Cycle from_left = arrival(index, left);
    const Cycle from_right = arrival(index, right);
    const bool both = from_left != kNothing && from_right != kNothing;
    if (from_left == kNothing && from_right == kNothing) return;  // above where its virtual neuron leaves
    if (adder(index).mode == AdderMode::add_3) {
      ++cost_.additions_3to1;
      cost_.queue_pops += 3;
      hand_over(index, std::max({from_left, from_right, arrival(index, neighbour)}));
    } else if (adder(index).mode == AdderMode::add_2) {
      if (both) ++cost_.additions_2to1;
      cost_.queue_pops += both ? 2 : 1;
      hand_over(index, std::max(from_left, from_right));
    } else {
      pass(index);
      const bool leaves = adder(index).complete && adder(index).fold_at < 0;
      if (adder(index).mode == AdderMode::pass_2 && both && from_left == from_right && !leaves) --cost_.wire_writes;
    }
  }

  void pass(int index) {
    for (const Side side : {left, right}) {
      const Cycle now = arrival(index, side);
      if (now == kNothing) continue;
      ++cost_.queue_pops;
      if (adder(index).mode == AdderMode::add_1_pass_1 && (side == left) == is_even(index)) {
        cost_.queue_pushes += 2;
        ++cost_.queue_pops;
        ++cost_.wire_writes;
        arrival(adder(index).link, neighbour) = now + link_latency_;
      } else {
        hand_over(index, now);
      }
    }
  }

  void hand_over(int index, Cycle now) {
    ++handed_over_;
    if (adder(index).mode == AdderMode::add_2 && adder(index).link >= 0) {
      arrival(adder(index).link, neighbour) = now + link_latency_;
    } else if (!adder(index).complete) {
      arrival(parent_of(index), index % 2 == 1 ? left : right) = now + level_latency_;
    } else if (adder(index).fold_at < 0) {
      ++outputs_;
      return;
    } else {
      ++cost_.queue_pops;  // the folding adder's own sum
    }
    ++cost_.queue_pushes;
  }

  const TreePlan& plan_;
  Cycle level_latency_;
  Cycle link_latency_;
  std::vector<Cycle> arrivals_;  // by adder and side, if all products come at 0
  AdderCounters cost_;
  Count handed_over_ = 0;
  Count outputs_ = 0;  // of them
};

}  // namespace

AdderCounters cost_of_step(const TreePlan& plan, int multipliers_used, Cycle level_latency, Cycle link_latency) {
  return StepCount(plan, level_latency, link_latency).cost(multipliers_used);
}

}  // namespace cairn::fabric
