// Which adder of a reduction tree does what for a given grouping of the multipliers into virtual neurons: a pure
// function, without a clock. The augmented tree (ART, MAERI) and the forwarding adder network (FAN, SIGMA) share it.
//
// Level l has 2^l adders, level 0 is the root; adder (l, j) adds what comes from (l + 1, 2j) and (l + 1, 2j + 1), a
// leaf what comes from multipliers 2j and 2j + 1. Augmented links join neighbours of different parents, so that a
// virtual neuron which straddles two subtrees can be added up all the same.
#pragma once

#include <vector>

#include "fabric/program.h"

namespace cairn::fabric {

// How neighbours of different parents work together: as adders of their own, which an augmented link joins wherever the
// part of a virtual neuron under one of them ends there, or as the two halves of a double switch, which joins three
// operands, or four if they are all that there is (the switches of the MAERI RTL).
enum class Switches { linked, doubled };

enum class AdderMode {
  add_2,         // adds left and right, or passes on the one that there is
  add_3,         // adds left, right and what its neighbour sends
  add_1_pass_1,  // passes one side up and the other to its neighbour
  pass_2,        // passes both sides up: two virtual neurons meet
  fold,          // FAN: adds up the folds of a virtual neuron that is complete below
};

struct Adder {
  bool configured = false;
  AdderMode mode = AdderMode::add_2;
  int link = -1;          // the neighbour that it sends to, over the augmented link
  bool complete = false;  // a virtual neuron is added up here (or above): its output leaves the tree
  int fold_at = -1;       // FAN: the adder that its output goes to, to be added up over the folds
};

struct TreePlan {
  int multipliers = 0;
  int levels = 0;
  bool singles = false;       // FAN: every multiplier hands its products to a folding adder of its own
  std::vector<Adder> adders;  // by level, left to right; last, for FAN, the extra one above the root
};

constexpr int adder_index(int level, int j) { return (1 << level) - 1 + j; }
constexpr int parent_of(int index) { return (index - 1) / 2; }
// Whether an adder is an even one of its level; levels begin at odd indices.
constexpr bool is_even(int index) { return index == 0 || index % 2 == 1; }

// `folding` plans a FAN. `multipliers` is a power of two.
TreePlan plan_tree(int multipliers, const Clusters& clusters, bool folding, Switches switches = Switches::linked);

// The way of a multiplier's products through the tree.
struct ProductPath {
  int exit = 0;  // the adder at which their sum leaves, or that adds up the folds of a single multiplier
  // From the first adder to that one.
  int levels = 0;  // climbed
  int links = 0;   // crossed
};
// Of every multiplier from 0 on, `multipliers_used` of them.
std::vector<ProductPath> product_paths(const TreePlan& plan, int multipliers_used);

// Where the adders of a tree hand results over, in the order of their lanes: first pairs of neighbours that an
// augmented link could join, which share a bus line, then the others (spec dense 8).
struct TreeOutputs {
  int pairs = 0;
  std::vector<int> lane_of;  // by adder
};
TreeOutputs tree_outputs(int multipliers, bool folding);

// How many virtual neurons the busiest of `lines` result lines serves.
Count results_per_line(int multipliers, const Clusters& clusters, bool folding, Switches switches, int lines,
                       bool restart);

}  // namespace cairn::fabric
