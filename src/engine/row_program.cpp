#include "engine/row_program.h"

#include <algorithm>

namespace cairn::engine {

using fabric::Position;
using fabric::StepKind;

RowProgram::RowProgram(const SparseOperands& operands, const mapping::SparseTile& tile, Progress progress)
    : operands_(operands),
      tile_(tile),
      progress_(std::move(progress)),
      windows_(util::ceil_div(operands.steps(), tile.columns)) {
  clusters_.count = static_cast<int>(tile.columns);
  clusters_.size = static_cast<int>(tile.depth);
  const std::vector<std::int64_t>& begin = operands.stationary().begin;
  const std::int64_t vectors = operands.vectors();
  for (std::int64_t b = 0; b < operands.batch(); ++b) {
    std::vector<std::int64_t> sizes;
    for (std::int64_t v = b * vectors; v < (b + 1) * vectors; ++v)
      sizes.push_back(begin[static_cast<std::size_t>(v) + 1] - begin[static_cast<std::size_t>(v)]);
    for (const std::int64_t v : mapping::schedule(tile.policy, sizes, tile.depth, tile.seed))
      order_.push_back(b * vectors + v);
  }
  for (int slot = 0; slot < clusters_.size; ++slot) {  // to all virtual neurons
    fabric::Multicast to;
    for (int v = 0; v < clusters_.count; ++v) to.push_back(clusters_.begin(v) + slot);
    packets_[static_cast<std::size_t>(StepKind::weights)].add(to);
  }
  for (int m = 0; m < clusters_.used(); ++m) packets_[static_cast<std::size_t>(StepKind::window)].add(m);
  enter(0);
}

fabric::Round RowProgram::at(Count index) const {
  fabric::Round round;
  round.steps = folds_of(index);
  round.used = round.valid = {1, clusters_.count};
  round.results = windows_ * tile_.columns;
  round.outputs = operands_.steps();
  round.weight_reads = entries(row(index));
  round.input_reads = round.weight_reads * operands_.steps();
  round.dropped = index == 0 ? 0 : clusters_.used() * folds_of(index - 1);
  round.before = index * round.results;
  round.awaited = round.before + round.results;
  return round;
}

void RowProgram::words(const Position& at, std::span<const int> indices, float* out) const {
  if (!operands_.present()) {
    std::fill_n(out, indices.size(), 0.0F);
    return;
  }
  const Csr& rows = operands_.stationary();
  for (const int index : indices) {
    if (at.kind == StepKind::weights) {
      const std::int64_t held = entry(at.fold, index);
      *out++ = held < 0 ? fabric::padding_weight() : rows.value[static_cast<std::size_t>(held)];
      continue;
    }
    const std::int64_t held = entry(at.fold, index % tile_.depth);
    const std::int64_t step = at.window * tile_.columns + index / tile_.depth;
    const bool inside = held >= 0 && step < operands_.steps();
    *out++ = inside ? operands_.streaming(row_ / operands_.vectors(), step, rows.column[static_cast<std::size_t>(held)])
                    : 0.0F;
  }
}

Count RowProgram::reads(const Position& at) const {
  const Count held = std::min(tile_.depth, entries(row_) - at.fold * tile_.depth);
  if (at.kind == StepKind::weights) return held;
  return held * std::min(tile_.columns, operands_.steps() - at.window * tile_.columns);
}

fabric::Stored RowProgram::store(Count index, int lane, float value) {
  if (progress_) progress_(index / windows_, size());
  const std::int64_t step = index % windows_ * tile_.columns + lane;
  if (step >= operands_.steps()) return fabric::Stored::dropped;
  const std::int64_t row = order_[static_cast<std::size_t>(index / windows_)];
  if (operands_.present()) operands_.output(row / operands_.vectors(), row % operands_.vectors(), step) = value;
  return fabric::Stored::written;
}

}  // namespace cairn::engine
