// The folds of a sparse machine with bitmaps (spec sparse 6): which non-zeros of the stationary operand are in the
// multipliers together, and which streaming elements they need. Pure: it knows no time.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <span>
#include <vector>

#include "engine/sparse_operands.h"
#include "fabric/program.h"
#include "mapping/schedule.h"

namespace cairn::engine {

class BitmapProgram final : public fabric::Rounds, public fabric::Packets {
 public:
  BitmapProgram(const arch::SparseArray& array, const SparseOperands& operands, const mapping::SparseTile& tile,
                Progress progress = {});

  Count size() const override { return std::ssize(folds_); }
  fabric::Round at(Count index) const override;
  // What a fold of a single vector costs in a machine at rest depends on nothing else: no input of it goes to two
  // multipliers. Of several vectors no two folds are alike.
  struct Single {
    Count ones;
    bool streams_psums;
    bool adds;
    auto operator<=>(const Single&) const = default;  // NOLINT(readability-implicit-bool-conversion): compares bools
  };
  std::optional<Single> single(Count index) const;
  fabric::Stored store(Count index, int lane, float value) override;

  bool reconfigures() const override { return true; }
  void enter(Count round) override;
  const fabric::Clusters& clusters() const override { return clusters_; }
  Count rows() const override { return 1; }
  Count windows() const override { return operands_.steps(); }
  const fabric::Multicasts& packets(fabric::StepKind kind) const override {
    return packets_[static_cast<std::size_t>(kind)];
  }
  void words(const fabric::Position& at, std::span<const int> indices, float* out) const override;
  Count reads(const fabric::Position& at) const override;

 private:
  // Either some whole vectors, in their order, or a part of one.
  struct Fold {
    std::int64_t batch;
    std::int64_t position;    // of the first vector, in the order in which they go through the machine
    std::int64_t begin, end;  // the entries of the part of a vector, in the stationary operand
    std::int64_t from, to;    // the columns that stream past
    int vectors;
    int ones;        // entries
    bool continues;  // a vector that was begun in the fold before
    Count before;    // results of all folds before
  };
  struct Vector {  // as the machine meets it
    std::int64_t index;
    std::size_t begin, end;  // its entries
  };

  void cut(std::int64_t batch);
  void cut_vector(std::int64_t batch, std::int64_t position);
  void add(Fold fold);
  Vector vector(const Fold& fold, int i) const;
  bool streams_psums(const Fold& fold) const { return fold.continues && array_.psums_streamed; }
  void make_packets(const Fold& fold);
  void group_by_column();

  arch::SparseArray array_;
  const SparseOperands& operands_;
  Progress progress_;
  std::vector<std::int64_t> order_;  // batch after batch: which vector of the batch is next
  std::vector<Fold> folds_;
  std::vector<std::size_t> fold_of_lane_;  // where each virtual neuron's results are now

  // Of the fold that was entered last.
  std::size_t fold_ = 0;
  fabric::Clusters clusters_;
  std::array<fabric::Multicasts, fabric::kStepKinds> packets_;
  std::vector<std::size_t> entries_;    // by packet of weights
  std::vector<std::int32_t> columns_;   // by packet of inputs, but for a partial sum
  std::vector<std::uint64_t> present_;  // columns, as bits
  std::vector<int> rank_;               // packets of the columns before each word of them
  std::vector<std::size_t> packet_of_;  // by entry
};

}  // namespace cairn::engine
