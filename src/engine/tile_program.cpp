#include "engine/tile_program.h"

#include <algorithm>

namespace cairn::engine {

TileProgram::TileProgram(const arch::SystolicArray& array, const Operation& operation, const mapping::Tile& tile,
                         const Operands& operands, Progress progress)
    : SystolicProgram(operation, operands, std::move(progress)), array_(array), tiles_(lowered(operation), tile) {}

// Where tiles take the whole array, what lies outside the outputs computes on zeros.
fabric::Round TileProgram::round(std::int64_t rows, std::int64_t columns) const {
  const fabric::Extent valid{static_cast<int>(rows), static_cast<int>(columns)};
  fabric::Round round{
      .steps = sizes().k, .used = array_.whole ? fabric::Extent{array_.rows, array_.columns} : valid, .valid = valid};
  round.results = round.used.area();
  round.outputs = round.valid.area();
  round.awaited = round.results;
  return round;
}

fabric::Round TileProgram::at(Count index) const {
  const mapping::Block block = tiles_.at(index);
  return round(block.rows, block.columns);
}

std::vector<SystolicProgram::Group> TileProgram::groups() const {
  std::vector<Group> all;
  for (const auto& group : tiles_.groups()) all.push_back({round(group.rows, group.columns), group.count});
  return all;
}

void TileProgram::load(Count index, float* panel) const {
  tell(index);
  const mapping::Block block = tiles_.at(index);
  const fabric::Round round = at(index);
  const Count words = round.used.columns + round.used.rows;
  if (!has_operands() || round.used != round.valid) std::fill_n(panel, sizes().k * words, 0.0F);
  if (!has_operands()) return;
  for (std::int64_t column = 0; column < block.columns; ++column)
    gather_column(block.batch, block.column + column, {0, sizes().k}, panel + column, words);
  panel += round.used.columns;
  for (std::int64_t row = 0; row < block.rows; ++row)
    gather_row(block.batch, block.row + row, {0, sizes().k}, panel + row, words);
}

fabric::Stored TileProgram::store(Count index, int lane, float value) {
  const mapping::Block block = tiles_.at(index);
  const int row = lane / array_.columns;
  const int column = lane % array_.columns;
  if (row >= block.rows || column >= block.columns) return fabric::Stored::dropped;
  if (has_operands()) output(block.batch, block.row + row, block.column + column) = value;
  return fabric::Stored::written;
}

}  // namespace cairn::engine
