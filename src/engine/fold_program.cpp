#include "engine/fold_program.h"

#include <algorithm>

namespace cairn::engine {
namespace {

Gemm held_second(const arch::SystolicArray& array, const Gemm& gemm) {
  return array.stationary_inputs ? mapping::exchanged(gemm) : gemm;
}

}  // namespace

FoldProgram::FoldProgram(const arch::SystolicArray& array, const Operation& operation, const mapping::Tile& tile,
                         const Operands& operands, Progress progress)
    : SystolicProgram(operation, operands, std::move(progress)),
      array_(array),
      steps_(array.stationary_inputs ? sizes().n : sizes().m),
      folds_(held_second(array, lowered(operation)), tile) {}

// Where folds take the whole array, rows without terms and columns without outputs hold zeros.
fabric::Round FoldProgram::round(std::int64_t terms, std::int64_t columns, bool adds) const {
  const fabric::Extent valid{static_cast<int>(terms), static_cast<int>(columns)};
  fabric::Round round{
      .steps = steps_, .used = array_.whole ? fabric::Extent{array_.rows, array_.columns} : valid, .valid = valid};
  round.loads = round.used.rows;
  round.results = steps_ * round.used.columns;
  round.outputs = steps_ * round.valid.columns;
  round.adds = adds;
  round.awaited = round.results;
  return round;
}

fabric::Round FoldProgram::at(Count index) const {
  const mapping::Fold fold = folds_.at(index);
  return round(fold.terms, fold.columns, fold.adds);
}

std::vector<SystolicProgram::Group> FoldProgram::groups() const {
  std::vector<Group> all;
  for (const auto& group : folds_.groups()) all.push_back({round(group.terms, group.columns, group.adds), group.count});
  return all;
}

void FoldProgram::load(Count index, float* panel) const {
  tell(index);
  const mapping::Fold fold = folds_.at(index);
  const fabric::Round round = at(index);
  const Count words = round.used.columns + round.used.rows;
  std::fill_n(panel, (round.loads + round.steps) * words, 0.0F);
  if (!has_operands()) return;
  // The word of the last row goes first.
  for (std::int64_t column = 0; column < fold.columns; ++column)
    gather_held(fold, column, panel + (round.loads - 1) * words + column, -words);
  panel += round.loads * words + round.used.columns;
  for (Count step = 0; step < steps_; ++step) gather_streamed(fold, step, panel + step * words);
}

void FoldProgram::gather_held(const mapping::Fold& fold, std::int64_t column, float* out, Count stride) const {
  const Terms terms{fold.term, fold.terms};
  if (array_.stationary_inputs) return gather_row(fold.batch, fold.column + column, terms, out, stride);
  gather_column(fold.batch, fold.column + column, terms, out, stride);
}

void FoldProgram::gather_streamed(const mapping::Fold& fold, Count step, float* out) const {
  const Terms terms{fold.term, fold.terms};
  if (array_.stationary_inputs) return gather_column(fold.batch, step, terms, out, 1);
  gather_row(fold.batch, step, terms, out, 1);
}

fabric::Stored FoldProgram::store(Count index, int lane, float value) {
  const auto [number, step] = folds_.sum(index, lane, array_.whole ? array_.columns : folds_.last_columns());
  const mapping::Fold fold = folds_.at(number);
  if (lane >= fold.columns) return fabric::Stored::dropped;
  if (has_operands()) {
    const std::int64_t column = fold.column + lane;
    float& there = array_.stationary_inputs ? output(fold.batch, column, step) : output(fold.batch, step, column);
    there = fold.adds ? there + value : value;
  }
  return fold.adds ? fabric::Stored::added : fabric::Stored::written;
}

}  // namespace cairn::engine
