// Turns a tiled layer into the rounds and packets of a flexible dense machine: which word goes to which multipliers in
// which step, and where each result belongs (spec dense 2, 3). Pure: it knows no time.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <vector>

#include "engine/run.h"
#include "fabric/program.h"
#include "mapping/nest.h"

namespace cairn::engine {

// An operand over the caller's memory, as the nest sees it. Positions along x and y start at -pad.
struct NestOperands {
  const float* inputs = nullptr;
  const float* weights = nullptr;
  float* output = nullptr;
  std::array<std::int64_t, 5> input_strides{};   // n, g, c, x, y
  std::array<std::int64_t, 2> input_sizes{};     // x, y
  std::array<std::int64_t, 2> pad{};             // x, y
  std::array<std::int64_t, 5> weight_strides{};  // g, k, c, r, s
  std::array<std::int64_t, 5> output_strides{};  // n, g, k, x, y
  bool present() const { return output != nullptr; }
};

// Max-pooling has no weights, and compares where others add up (fabric::Clusters::compares).
class DenseProgram final : public fabric::Rounds, public fabric::Packets {
 public:
  DenseProgram(const mapping::Nest& nest, const mapping::DenseTile& tile, const arch::FlexibleArray& array,
               const NestOperands& operands = {}, Progress progress = {});

  Count size() const override { return iterations_.rounds() * rounds_of_block(); }
  fabric::Round at(Count index) const override;
  fabric::Stored store(Count index, int lane, float value) override;

  const fabric::Clusters& clusters() const override { return clusters_; }
  Count rows() const override { return iterations_[mapping::Loop::x]; }
  Count windows() const override { return iterations_[mapping::Loop::y]; }
  const fabric::Multicasts& packets(fabric::StepKind kind) const override {
    return packets_[static_cast<std::size_t>(kind)];
  }
  void words(const fabric::Position& at, std::span<const int> indices, float* out) const override;
  Count reads(const fabric::Position& at) const override;

  // From which round on rounds overlap: all before it begin in a machine at rest.
  Count first_overlapping() const;
  // The rounds before `end` by what they cost in a machine at rest, whatever came before: how often each kind occurs.
  using Kinds = std::map<fabric::Round, Count>;
  Kinds kinds(Count end) const;
  bool folds_outside() const { return array_.folding == arch::Folding::buffer; }
  Count writes_of_output() const { return passes_ * rounds_of_block(); }

 private:
  struct Block {  // where a round is
    std::int64_t n, g, k;
    Count fold;  // the first of the round
  };
  struct Fold {
    std::int64_t r, s, c;
  };
  struct Weight {  // of a packet, in the tile
    std::int64_t g, k, c, r, s;
  };
  struct Input {
    std::int64_t x, y, n, g, c;
  };

  struct Origin {  // where the tile of a step begins in the layer, and in the input image
    fabric::Position at{.round = -1};
    std::int64_t n = 0, g = 0, k = 0, c = 0, r = 0, s = 0, x = 0, y = 0;
    const float* input = nullptr;  // where all inputs of the tile are inside the image: the first
  };

  // A round as a number with a digit for each loop around it, the outermost first.
  static constexpr std::size_t kDigits = 6;
  std::array<Count, kDigits> digits() const;
  void add_kinds(Kinds& kinds, std::size_t digit, Count limit, Count round, Count times) const;

  Count rounds_of_block() const { return folds_outside() ? iterations_.folds() : 1; }
  Block block(Count round) const;
  Fold fold(Count index) const;
  int slot(std::int64_t c, std::int64_t r, std::int64_t s) const;
  std::int64_t tile(mapping::Loop loop) const { return tile_.sizes[loop]; }
  std::int64_t size(mapping::Loop loop) const { return nest_.sizes[loop]; }
  // Where the tile of a fold begins. A value may be compared twice, so of max-pooling the last tile of a loop over the
  // window does not hang over: it begins earlier.
  std::int64_t begin(mapping::Loop loop, std::int64_t fold) const {
    const std::int64_t begin = fold * tile(loop);
    return nest_.compares ? std::min(begin, size(loop) - tile(loop)) : begin;
  }
  int cluster(std::int64_t n, std::int64_t g, std::int64_t k, std::int64_t x, std::int64_t y) const;
  void make_weights();
  void make_inputs();
  Count weight_reads(const Block& block) const;
  Count input_reads() const;
  Count input_reads_of_fold(Count round) const;
  Count results_of_round() const;
  Count awaited(Count round) const;
  Origin origin(const fabric::Position& at) const;
  float weight(const Weight& packet) const;
  float input(const Input& packet) const;
  bool inside(const Origin& origin) const;

  mapping::Nest nest_;
  mapping::DenseTile tile_;
  arch::FlexibleArray array_;
  mapping::Iterations iterations_;
  NestOperands operands_;
  Progress progress_;
  fabric::Clusters clusters_;
  Count passes_;  // results that each output takes
  std::array<fabric::Multicasts, fabric::kStepKinds> packets_;
  mutable Origin origin_;  // of the last step that was asked for
  std::vector<Weight> weights_;
  std::vector<Input> inputs_;
  std::vector<std::int64_t> places_;                 // of the inputs in memory, from the first
  std::vector<std::size_t> slides_;                  // the inputs of a step that slides, among inputs_
  std::vector<std::int64_t> offsets_x_, offsets_y_;  // of the inputs of a window, from its first
};

}  // namespace cairn::engine
