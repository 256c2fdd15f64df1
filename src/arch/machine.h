// A machine description: which part sits in which slot, with which parameters. Pure data, read from TOML, checked
// against the catalog (is every key known, every value in range?) and against the cross-field rules (do they fit
// together?).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/catalog.h"

namespace cairn::arch {

// In the order of the data path.
const std::vector<std::string>& slots();

struct Part {
  std::string type;
  schema::Values values;
  std::shared_ptr<const schema::Costs> costs{};    // of a part of a plug-in
  std::shared_ptr<const schema::Origin> origin{};  // and where that is from

  std::int64_t integer(const std::string& name) const { return std::get<std::int64_t>(values.at(name)); }
  bool flag(const std::string& name) const { return std::get<bool>(values.at(name)); }
  const std::string& word(const std::string& name) const { return std::get<std::string>(values.at(name)); }
};

struct Machine {
  std::string name;
  std::string summary;
  std::string follows;  // which source the timing follows, and how well it matches
  std::string family;   // "systolic", "flexible" or "lanes": that of its memory controller
  std::map<std::string, Part> parts;

  const Part& part(const std::string& slot) const { return parts.at(slot); }
};

// What the memory controller of a machine walks: tiles of outputs or folds of a stationary operand on a systolic array,
// the loops of a tiled layer, the non-zeros of two sparse matrices (bitmaps), the rows of a sparse one against a dense
// one (CSR), or outputs one by one (independent lanes).
enum class Control { tiles, folds, loops, bitmaps, rows, outputs };
Control control(const Machine& machine);

// "multiplier.rows" -> "8", as typed on a command line.
using Overrides = std::vector<std::pair<std::string, std::string>>;

// Reads, completes with defaults and checks a description. `source` names the text in diagnostics. Throws Error with
// every fault found: E102 to E107 for the text, E201 for rules.
Machine parse_machine(std::string_view text, const std::string& source, const Overrides& overrides,
                      const schema::Catalog& catalog);

struct Preset {
  std::string_view name;
  std::string_view text;
};

// The machine descriptions that ship with Cairn, sorted by name: the files of presets/, compiled in.
const std::vector<Preset>& presets();

// A preset by name. Throws E107 with the nearest name.
Machine load_preset(const std::string& name, const Overrides& overrides, const schema::Catalog& catalog);

// The systolic array of a machine: what the mapping needs to know of its parts.
struct SystolicArray {
  int rows;
  int columns;
  bool overlapped;                 // tiles follow each other without a barrier, on the whole array
  bool whole = false;              // every tile takes the whole array
  bool holds = false;              // an operand stays, a fold of it at a time, else a tile of outputs does
  bool stationary_inputs = false;  // it is the first operand of a matrix product, else the second
};
SystolicArray systolic_array(const Machine& machine);

// Who adds up the folds of an output on a flexible machine: the reduction network, the multipliers, to which partial
// sums come back, or the global buffer, for which each fold is a round of its own.
enum class Folding { reduction, multipliers, buffer };

// The same of a flexible machine.
struct FlexibleArray {
  int multipliers;
  int ports;  // of the distribution network, words a cycle
  int lines;  // of the collection network, results a cycle
  Folding folding;
  bool only_over_time;       // it adds up nothing else: a virtual neuron is one multiplier
  bool folds_singles;        // it adds up folds of virtual neurons of one multiplier, side by side
  bool reaches_all = false;  // every port reaches all multipliers, else those of its own group
  bool forwards = true;      // multipliers hand inputs on to a neighbour
  bool rightward = false;    // the right one
  bool row_barrier = false;  // rows and rounds begin in a machine at rest
};
FlexibleArray flexible_array(const Machine& machine);

// The same of a sparse machine.
struct SparseArray {
  int multipliers;
  bool stationary_inputs;  // the first operand of a matrix product stays in the multipliers, else the second
  bool only_over_time;     // it adds up nothing else: a virtual neuron is one multiplier
  bool adds_folds;         // the reduction network does, where an output takes several
  bool folds_singles;      // also of virtual neurons of one multiplier, side by side
  // Bitmaps.
  int minimum_ones = 1;        // of a stationary vector
  bool psums_streamed = true;  // to a multiplier of their own, else the global buffer adds them up
  bool fold_barrier = true;    // a fold begins in a machine at rest
};
SparseArray sparse_array(const Machine& machine);

// The same of a machine of independent lanes.
struct LaneArray {
  std::int64_t held;    // filters beside the lanes
  bool checks;          // accumulators check the sign of their sums
  bool largest_first;   // of the negative weights
  std::int64_t prefix;  // weights after which a sum is predicted; 0 = never
  double threshold;     // it is taken as 0 if the output is below this by then
};
LaneArray lane_array(const Machine& machine);

}  // namespace cairn::arch
