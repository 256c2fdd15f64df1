#include "fabric/tree_plan.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "fabric/lines.h"
#include "util/diagnostics.h"

namespace cairn::fabric {
namespace {

// In the order from left to right in which the tree can be drawn, the adders above stand between those below; the
// output of one (or of a multiplier, a level below the leaves) goes to the one next to it on the right side of an odd
// one, to the parent of an even one.
int folding_adder(int multipliers, int level, int j) {
  for (; j % 2 == 1; j /= 2) --level;
  return level == 0 ? multipliers - 1 : adder_index(level - 1, j / 2);
}

// The algorithm of spec dense 7.1. What reaches a level from one virtual neuron is always a run of neighbours, so a run
// is all that is kept.
class Planner {
 public:
  Planner(int multipliers, bool folding, Switches switches) : folding_(folding), switches_(switches) {
    plan_.multipliers = multipliers;
    plan_.levels = std::countr_zero(static_cast<unsigned>(multipliers));
    plan_.adders.resize(static_cast<std::size_t>(multipliers) - (folding ? 0 : 1));
  }

  void add(int first, int size) {
    first_ = first;
    last_ = first + size - 1;
    for (level_ = plan_.levels - 1; level_ >= 0; --level_) {
      climb();
      if (first_ != last_) continue;
      if (folding_) {
        hand_to_fold();
        return;
      }
      adder(first_).complete = true;
      if (switches_ == Switches::doubled) return;  // the reference sets up the way to the root as well
    }
  }

  // Virtual neurons of one multiplier whose folds are to be added up.
  void add_single(int multiplier) {
    plan_.singles = true;
    fold(folding_adder(plan_.multipliers, plan_.levels, multiplier));
  }

  TreePlan take() { return std::move(plan_); }

 private:
  Adder& adder(int j) { return plan_.adders[static_cast<std::size_t>(adder_index(level_, j))]; }
  bool has(int child) const { return child >= first_ && child <= last_; }

  // From the run of children to the run of adders of this level.
  void climb() {
    const int adders = 1 << level_;
    int lowest = adders;
    int highest = -1;
    const auto reach = [&](int j) {
      lowest = std::min(lowest, j);
      highest = std::max(highest, j);
    };
    const int begin = first_ / 2;
    const int end = last_ / 2;
    for (int a = begin; a <= end; ++a) {
      if (a == 0 || a == adders - 1) {
        if (has(2 * a) || has(2 * a + 1)) {
          reach(a);
          adder(a).mode = adder(a).configured ? AdderMode::pass_2 : AdderMode::add_2;
          adder(a).configured = true;
        }
      } else if (a % 2 == 1) {
        pair(a, reach);
      } else if (a == begin) {
        pair(a - 1, reach);
      }
    }
    first_ = lowest;
    last_ = highest;
  }

  // Neighbours a (odd) and a + 1, of different parents. Linked, the larger side takes the smaller one in, if it is its
  // last; a double switch joins three operands at the side of two, or four if there are no others.
  template <class Reach>
  void pair(int a, const Reach& reach) {
    const int middle = 2 * a + 2;  // the first child of the right one
    const int left = has(middle - 1) || has(middle - 2) ? std::min(last_, middle - 1) - first_ + 1 : 0;
    const int right = has(middle) || has(middle + 1) ? last_ - std::max(first_, middle) + 1 : 0;
    const bool both = left > 0 && right > 0;
    bool to_left = both && left >= right && !has(middle + 2);
    bool to_right = both && left < right && !has(middle - 3);
    if (switches_ == Switches::doubled) {
      const int operands = std::min(last_, middle + 1) - std::max(first_, middle - 2) + 1;
      const bool joins = operands == 3 || (operands == 4 && last_ - first_ == 3);
      to_left = joins && has(middle - 2);
      to_right = joins && !to_left;
    }
    if (to_left) {
      join(a, a + 1);
      last_ = middle - 1;
      reach(a);
    } else if (to_right) {
      join(a + 1, a);
      first_ = middle;
      reach(a + 1);
    } else {
      if (left > 0) alone(a, a + 1), reach(a);
      if (right > 0) alone(a + 1, a), reach(a + 1);
    }
  }

  void join(int receiver, int sender) {
    adder(sender).link = adder_index(level_, receiver);
    adder(receiver).mode = AdderMode::add_3;
    adder(receiver).configured = true;
    adder(sender).mode = adder(sender).configured ? AdderMode::add_1_pass_1 : AdderMode::add_2;
    adder(sender).configured = true;
  }

  void alone(int j, int neighbour) {
    Adder& one = adder(j);
    const bool linked = one.link >= 0 || adder(neighbour).link == adder_index(level_, j);
    if (!one.configured) {
      one.mode = AdderMode::add_2;
    } else if (linked) {
      util::require(one.link >= 0, "reduction", "two virtual neurons meet in an adder that takes from its neighbour");
      one.mode = AdderMode::add_1_pass_1;
    } else {
      one.mode = AdderMode::pass_2;
    }
    one.configured = true;
  }

  void hand_to_fold() {
    adder(first_).complete = true;
    adder(first_).fold_at = fold(folding_adder(plan_.multipliers, level_, first_));
  }

  int fold(int target) {
    Adder& fold = plan_.adders[static_cast<std::size_t>(target)];
    fold.configured = true;
    fold.mode = AdderMode::fold;
    return target;
  }

  bool folding_;
  Switches switches_;
  TreePlan plan_;
  int level_ = 0;
  int first_ = 0;
  int last_ = 0;
};

}  // namespace

TreePlan plan_tree(int multipliers, const Clusters& clusters, bool folding, Switches switches) {
  Planner planner(multipliers, folding, switches);
  const bool singles = folding && clusters.folds > 1 && clusters.count > 1 && clusters.used() == clusters.count;
  for (int i = 0; i < clusters.count; ++i) {
    if (singles) {
      planner.add_single(i);
    } else {
      planner.add(clusters.begin(i), clusters.end(i) - clusters.begin(i));
    }
  }
  return planner.take();
}

// From the root down. What an adder makes leaves it, or goes on into the one above; what comes into an adder from a
// side goes to the neighbour, or on with what the adder makes.
std::vector<ProductPath> product_paths(const TreePlan& plan, int multipliers_used) {
  std::vector<ProductPath> paths(static_cast<std::size_t>(multipliers_used));
  std::vector<ProductPath> made(static_cast<std::size_t>(plan.multipliers) - 1);  // by adder
  const auto into = [&](int index, bool from_left) {
    const Adder& adder = plan.adders[static_cast<std::size_t>(index)];
    const bool aside =
        adder.mode == AdderMode::add_2 || (adder.mode == AdderMode::add_1_pass_1 && from_left == is_even(index));
    if (!aside || adder.link < 0) return made[static_cast<std::size_t>(index)];
    ProductPath path = made[static_cast<std::size_t>(adder.link)];
    ++path.links;
    return path;
  };
  for (int i = 0; i < plan.multipliers - 1; ++i) {
    ProductPath& path = made[static_cast<std::size_t>(i)];
    if (plan.adders[static_cast<std::size_t>(i)].complete || i == 0) {
      path.exit = i;
    } else {
      path = into(parent_of(i), i % 2 == 1);
      ++path.levels;
    }
  }
  for (int i = 0; i < multipliers_used; ++i) {
    ProductPath& path = paths[static_cast<std::size_t>(i)];
    if (plan.singles) {
      path.exit = folding_adder(plan.multipliers, plan.levels, i);
    } else {
      path = into(plan.multipliers / 2 - 1 + i / 2, i % 2 == 0);
    }
  }
  return paths;
}

Count results_per_line(int multipliers, const Clusters& clusters, bool folding, Switches switches, int lines,
                       bool restart) {
  const TreePlan plan = plan_tree(multipliers, clusters, folding, switches);
  const TreeOutputs outputs = tree_outputs(multipliers, folding);
  const std::vector<ProductPath> paths = product_paths(plan, clusters.used());
  std::vector<Count> served(static_cast<std::size_t>(lines), 0);
  for (int i = 0; i < clusters.count; ++i) {
    const int exit = paths[static_cast<std::size_t>(clusters.begin(i))].exit;
    const int adder = folding && !plan.singles ? plan.adders[static_cast<std::size_t>(exit)].fold_at : exit;
    ++served[static_cast<std::size_t>(
        bus_line(outputs.lane_of[static_cast<std::size_t>(adder)], outputs.pairs, lines, restart))];
  }
  return *std::ranges::max_element(served);
}

TreeOutputs tree_outputs(int multipliers, bool folding) {
  std::vector<int> paired;
  std::vector<int> single;
  const int levels = std::countr_zero(static_cast<unsigned>(multipliers));
  for (int level = 0; level < levels; ++level) {
    const int adders = 1 << level;
    for (int j = 0; j < adders; ++j) {
      if (j >= 2 && j % 2 == 0) {
        paired.push_back(adder_index(level, j - 1));
        paired.push_back(adder_index(level, j));
      } else if (level == 0 || j == 0 || j == adders - 1) {
        single.push_back(adder_index(level, j));
        if (level == 0 && folding) single.push_back(multipliers - 1);
      }
    }
  }
  TreeOutputs outputs{static_cast<int>(paired.size()) / 2,
                      std::vector<int>(static_cast<std::size_t>(multipliers - 1 + (folding ? 1 : 0)))};
  int lane = 0;
  for (const std::vector<int>* group : {&paired, &single}) {
    for (const int adder : *group) outputs.lane_of[static_cast<std::size_t>(adder)] = lane++;
  }
  return outputs;
}

}  // namespace cairn::fabric
