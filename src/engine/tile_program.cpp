#include "engine/tile_program.h"

#include <algorithm>

namespace cairn::engine {

fabric::Round round_of(const fabric::Array& array, Count steps, std::int64_t rows, std::int64_t columns) {
  const fabric::Extent valid{static_cast<int>(rows), static_cast<int>(columns)};
  // Where tiles overlap the whole array works on every tile; what lies outside the outputs computes on zeros.
  fabric::Round round{.steps = steps, .used = array.overlapped ? array.extent : valid, .valid = valid};
  round.results = round.used.area();
  round.outputs = round.valid.area();
  round.awaited = round.results;
  return round;
}

TileProgram::TileProgram(const Operation& operation, const mapping::Tile& tile, const fabric::Array& array,
                         const Operands& operands, Progress progress)
    : gemm_(lowered(operation)),
      tiles_(gemm_, tile),
      array_(array),
      operands_(operands),
      progress_(std::move(progress)) {
  if (const Conv* conv = std::get_if<Conv>(&operation)) im2col_.emplace(*conv);
}

fabric::Round TileProgram::at(Count index) const {
  const mapping::Block block = tiles_.at(index);
  return round_of(array_, gemm_.sizes().k, block.rows, block.columns);
}

void TileProgram::load(Count index, float* panel) const {
  if (progress_) progress_(index, size());
  const mapping::Block block = tiles_.at(index);
  const fabric::Extent used = at(index).used;
  const Count words = used.columns + used.rows;
  if (!operands_.present() || used != fabric::Extent{static_cast<int>(block.rows), static_cast<int>(block.columns)}) {
    std::fill_n(panel, gemm_.sizes().k * words, 0.0F);
  }
  if (!operands_.present()) return;
  load_columns(block, panel, words);
  load_rows(block, panel + used.columns, words);
}

void TileProgram::load_columns(const mapping::Block& block, float* panel, Count words) const {
  for (std::int64_t column = 0; column < block.columns; ++column) {
    for (std::int64_t k = 0; k < gemm_.sizes().k; ++k) {
      panel[k * words + column] = operands_.b.at(block.batch, k, block.column + column);
    }
  }
}

void TileProgram::load_rows(const mapping::Block& block, float* panel, Count words) const {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    if (im2col_) {
      im2col_->gather(operands_.a.data, block.batch, block.row + row, panel + row, words);
      continue;
    }
    for (std::int64_t k = 0; k < gemm_.sizes().k; ++k)
      panel[k * words + row] = operands_.a.at(block.batch, block.row + row, k);
  }
}

fabric::Stored TileProgram::store(Count index, int lane, float value) {
  const mapping::Block block = tiles_.at(index);
  const int row = lane / array_.extent.columns;
  const int column = lane % array_.extent.columns;
  if (row >= block.rows || column >= block.columns) return fabric::Stored::dropped;
  if (!operands_.present()) return fabric::Stored::written;
  const std::int64_t i = block.row + row;
  const std::int64_t j = block.column + column;
  const Gemm::Sizes& s = gemm_.sizes();
  operands_.output[im2col_ ? im2col_->output_index(block.batch, i, j) : (block.batch * s.m + i) * s.n + j] = value;
  return fabric::Stored::written;
}

}  // namespace cairn::engine
