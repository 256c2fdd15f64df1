// The rounds of a sparse x dense machine (spec sparse 7): a row of the sparse operand each. Every virtual neuron holds
// the same entries of the row, `depth` at a time, and works for a streaming vector of its own. Pure: it knows no time.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/sparse_operands.h"
#include "fabric/program.h"
#include "mapping/schedule.h"

namespace cairn::engine {

class RowProgram final : public fabric::Rounds, public fabric::Packets {
 public:
  RowProgram(const SparseOperands& operands, const mapping::SparseTile& tile, Progress progress = {});

  Count size() const override { return std::ssize(order_); }
  fabric::Round at(Count index) const override;
  fabric::Stored store(Count index, int lane, float value) override;

  bool reconfigures() const override { return true; }
  void enter(Count round) override { clusters_.folds = folds(row_ = row(round)); }
  const fabric::Clusters& clusters() const override { return clusters_; }
  Count rows() const override { return 1; }
  Count windows() const override { return windows_; }
  const fabric::Multicasts& packets(fabric::StepKind kind) const override {
    return packets_[static_cast<std::size_t>(kind)];
  }
  void words(const fabric::Position& at, std::span<const int> indices, float* out) const override;
  Count reads(const fabric::Position& at) const override;

  // Steps that the row of a round takes for an output.
  Count folds_of(Count round) const { return folds(row(round)); }

 private:
  // Over all batches.
  std::int64_t row(Count round) const { return order_[static_cast<std::size_t>(round)]; }
  Count entries(std::int64_t row) const {
    const auto at = static_cast<std::size_t>(row);
    return operands_.stationary().begin[at + 1] - operands_.stationary().begin[at];
  }
  Count folds(std::int64_t row) const { return util::ceil_div(entries(row), tile_.depth); }
  // Which entry of the row a slot of a fold holds; -1 past its end.
  std::int64_t entry(Count fold, std::int64_t slot) const {
    const std::int64_t index = fold * tile_.depth + slot;
    return index < entries(row_) ? operands_.stationary().begin[static_cast<std::size_t>(row_)] + index : -1;
  }

  const SparseOperands& operands_;
  mapping::SparseTile tile_;
  Progress progress_;
  std::vector<std::int64_t> order_;
  Count windows_;
  fabric::Clusters clusters_;
  std::array<fabric::Multicasts, fabric::kStepKinds> packets_;
  std::int64_t row_ = 0;  // that was entered last
};

}  // namespace cairn::engine
