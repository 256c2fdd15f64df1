// What a fabric is asked to do: a program of rounds. A round is one configuration of the fabric and the work done
// under it: a tile of outputs on a systolic array, a block of filters on a flexible machine. Parts see no workload and
// no mapping, only this.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "util/larger.h"
#include "util/units.h"

namespace cairn::fabric {

struct Extent {
  int rows = 0;
  int columns = 0;
  Count area() const { return static_cast<Count>(rows) * columns; }
  bool operator==(const Extent&) const = default;
  auto operator<=>(const Extent&) const = default;
};

// Everything that can influence the time and the counters of a round is in here, nothing else: equal rounds that start
// from equal states cost equal cycles and equal counters.
struct Round {
  Count steps = 0;    // products of a multiplier: on most machines those that an accumulator adds up to one result
  Count loads = 0;    // steps before them that bring an operand to stay, a word for each column of a systolic array
  Extent used;        // multipliers that take part; on a flexible machine a row of them, one for each result at a time
  Extent valid;       // those of them that make outputs of the workload; the rest computes padding
  Count results = 0;  // what the write-back receives, padding included
  Count outputs = 0;  // what of it belongs to the workload and is written
  Count weight_reads = 0;  // words that its steps take from the global buffer, on a flexible machine
  Count input_reads = 0;
  Count dropped = 0;  // weights of the round before that the multipliers of a flexible machine still hold
  bool adds = false;  // its results are added to the partial sums that the global buffer holds
  Count before = 0;   // results of the rounds before
  Count awaited = 0;  // results of all rounds so far that must be stored before the next may begin; 0 = none
  auto operator<=>(const Round&) const = default;  // NOLINT(readability-implicit-bool-conversion): compares bools
};

// What became of a result: padding is dropped, others are written, or added to the partial sum in the global buffer.
enum class Stored { dropped, written, added };

class Rounds {
 public:
  virtual ~Rounds() = default;
  virtual Count size() const = 0;
  virtual Round at(Count index) const = 0;
  // Stores a result of a lane. `index` numbers the round where a lane makes one result a round, else the lane's results
  // from 0 on.
  virtual Stored store(Count index, int lane, float value) = 0;
};

// The operands of a systolic array: all of a round at once, one line a step: first a word for each used column, then
// one for each used row. Where an operand stays in the array the lines of `loads` bring the words of the columns, that
// of the last row first, and those of `steps` the words of the rows; what else is in a line does not matter.
class Panels {
 public:
  virtual ~Panels() = default;
  virtual void load(Count round, float* panel) const = 0;
};

// How the multipliers of a flexible machine are grouped: in virtual neurons side by side from multiplier 0 on. A
// virtual neuron adds up the products of its multipliers, and those of `folds` steps, to one output.
struct Clusters {
  int count = 0;
  int size = 0;                  // multipliers of each, unless `ends` tells
  Count folds = 1;               // steps that make an output
  bool psum_multiplier = false;  // the first one of each passes partial sums back in, where nothing else adds up folds
  int slide = 0;                 // runs of this many multipliers hand inputs on to a neighbour; 0 = none
  bool rightward = false;        // to the right one, else to the left one
  // The partial sums of the psum multiplier (there is one virtual neuron then) come from the memory: the first packet
  // of each window.
  bool psums_streamed = false;
  std::vector<int> ends{};  // where sizes differ: of each, the multiplier after its last
  // Max-pooling: there are no weights, multipliers pass inputs on as they are, and adders take the larger of two.
  bool compares = false;

  float combined(float a, float b) const { return compares ? util::larger(a, b) : a + b; }
  float nothing() const { return compares ? util::kSmallest : 0; }  // changes nothing that it is combined with
  int begin(int cluster) const { return cluster == 0 ? 0 : end(cluster - 1); }
  int end(int cluster) const { return ends.empty() ? (cluster + 1) * size : ends[static_cast<std::size_t>(cluster)]; }
  int used() const { return count == 0 ? 0 : end(count - 1); }
  bool operator==(const Clusters&) const = default;
};

// A step of operands, all offered by the memory in one cycle, as packets: a word and the multipliers that it goes to.
// A round of a flexible machine is `folds` steps of weights, if it has any, then for each row and window of outputs
// `folds` steps of inputs. Where inputs are handed on, only the first window of a row needs all of them.
enum class StepKind { weights, window, slide };
constexpr int kStepKinds = 3;
constexpr std::array<StepKind, kStepKinds> kEveryKind{StepKind::weights, StepKind::window, StepKind::slide};
using Multicast = std::vector<int>;

// The packets of a step, as the multipliers that each goes to, ascending; side by side in memory.
class Multicasts {
 public:
  Multicasts() = default;
  Multicasts(const std::vector<Multicast>& packets) {  // NOLINT(google-explicit-constructor): it is the same
    for (const Multicast& packet : packets) add(packet);
  }
  Multicasts(std::initializer_list<Multicast> packets) {
    for (const Multicast& packet : packets) add(packet);
  }
  std::size_t size() const { return ends_.size(); }
  Count destinations() const { return static_cast<Count>(multipliers_.size()); }
  std::span<const int> operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::span(multipliers_).subspan(begin, ends_[i] - begin);
  }
  void clear() {
    ends_.clear();
    multipliers_.clear();
  }
  // Packets to multipliers 0, 1, ..., by the packet that each gets.
  void group(std::span<const std::size_t> packet_of, std::size_t packets) {
    ends_.assign(packets, 0);
    for (const std::size_t packet : packet_of) ++ends_[packet];
    for (std::size_t i = 1; i < packets; ++i) ends_[i] += ends_[i - 1];
    multipliers_.resize(packet_of.size());
    for (std::size_t i = packet_of.size(); i-- > 0;) multipliers_[--ends_[packet_of[i]]] = static_cast<int>(i);
    for (std::size_t i = 0; i < packets; ++i) ends_[i] = i + 1 < packets ? ends_[i + 1] : multipliers_.size();
  }
  // A packet to one multiplier.
  void add(int multiplier) {
    multipliers_.push_back(multiplier);
    ends_.push_back(multipliers_.size());
  }
  void add(std::span<const int> multipliers) {
    multipliers_.insert(multipliers_.end(), multipliers.begin(), multipliers.end());
    ends_.push_back(multipliers_.size());
  }
  bool operator==(const Multicasts&) const = default;

 private:
  std::vector<std::size_t> ends_;
  std::vector<int> multipliers_;
};

struct Position {
  Count round = 0;
  Count row = 0;     // of windows
  Count window = 0;  // in the row
  Count fold = 0;
  StepKind kind = StepKind::weights;
  bool operator==(const Position&) const = default;
};

// What is sent as a weight where the tile hangs over the layer: its products are 0, whatever the input. A signalling
// NaN, which no arithmetic makes.
inline float padding_weight() { return std::bit_cast<float>(std::uint32_t{0x7fa00001}); }
inline bool is_padding(float weight) { return std::bit_cast<std::uint32_t>(weight) == 0x7fa00001; }

class Packets {
 public:
  virtual ~Packets() = default;
  // Whether each round configures the machine anew. What clusters() and packets() tell is then of the round that was
  // entered last, or of the first.
  virtual bool reconfigures() const { return false; }
  virtual void enter(Count /*round*/) {}
  virtual const Clusters& clusters() const = 0;
  virtual Count rows() const = 0;     // of windows in a round
  virtual Count windows() const = 0;  // in a row
  virtual const Multicasts& packets(StepKind kind) const = 0;
  // Steps of a round, by kind.
  std::array<Count, kStepKinds> steps_by_kind() const {
    const Count folds = clusters().folds;
    const Count slides = clusters().slide > 0 ? windows() - 1 : 0;
    return {clusters().compares ? 0 : folds, rows() * (windows() - slides) * folds, rows() * slides * folds};
  }
  // The first step of a round.
  Position first(Count round) const {
    return {round, 0, 0, 0, clusters().compares ? StepKind::window : StepKind::weights};
  }
  // To the next step, of the next round after the last one.
  void advance(Position& at) const {
    if (++at.fold < clusters().folds) return;
    at.fold = 0;
    if (at.kind == StepKind::weights) {
      at.kind = StepKind::window;
    } else if (++at.window == windows()) {
      at.window = 0;
      if (++at.row == rows())
        at = first(at.round + 1);
      else
        at.kind = StepKind::window;
    } else if (clusters().slide > 0) {
      at.kind = StepKind::slide;
    }
  }
  // The words of packets `indices` of a step.
  virtual void words(const Position& at, std::span<const int> indices, float* out) const = 0;
  // How many weights or inputs of a step come out of the global buffer; the rest are zeros of padding.
  virtual Count reads(const Position& at) const = 0;
};

// What a lane multiplies in a cycle, on a machine of independent lanes.
struct Pair {
  float input;
  float weight;
};

// What travels beside such a pair, for the accumulator: a sum that is below `low` or above `high` after this product is
// left, unless it is the last one. What is left counts as `zero` where it is not beyond that already.
struct Tag {
  bool first;
  bool last;
  float low;
  float high;
  float zero;
};

// The outputs of a machine of independent lanes, each the sum of Round::steps terms: those of the first filter, then
// those of the next. A lane that is through with one takes the next one that is left.
class Sums {
 public:
  virtual ~Sums() = default;
  virtual Count filters() const = 0;
  virtual Count windows() const = 0;    // outputs of each filter
  virtual bool sorted() const = 0;      // an index table tells the order of a filter's terms
  virtual void load(Count filter) = 0;  // its weights go to the lanes
  virtual void take(Count output, int lane) = 0;
  struct Term {
    Pair pair;
    bool padding;  // the input is no word of the buffer
    Tag tag;
  };
  virtual Term term(int lane, Count k) const = 0;  // of the output that the lane took last
  // Flow. After how many terms an output is done or left.
  virtual Count length(Count output) const = 0;
  // How many inputs are padding, of all terms that are fetched: `more` of each output that is left.
  virtual Count padding(Count more) const = 0;
};

struct Program {
  Rounds* rounds = nullptr;
  Sums* sums = nullptr;                              // on a machine of independent lanes
  const Panels* panels = nullptr;                    // on a systolic array
  Packets* packets = nullptr;                        // on a flexible machine
  std::function<void(const Round&)> configure = {};  // reconfigures every part of the fabric
  std::function<Cycle(const Round&)> interval = {};  // how soon the next round may follow, where rounds overlap
};

}  // namespace cairn::fabric
