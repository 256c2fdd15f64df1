#include "engine/systolic_program.h"

#include "engine/fold_program.h"
#include "engine/tile_program.h"

namespace cairn::engine {

SystolicProgram::SystolicProgram(const Operation& operation, Operands operands, Progress progress)
    : gemm_(lowered(operation)), operands_(std::move(operands)), progress_(std::move(progress)) {
  if (const Conv* conv = std::get_if<Conv>(&operation)) im2col_.emplace(*conv);
}

void SystolicProgram::gather_row(std::int64_t batch, std::int64_t row, Terms terms, float* out, Count stride) const {
  if (im2col_) {
    im2col_->gather(operands_.a.data, batch, row, terms, out, stride);
    return;
  }
  for (std::int64_t i = 0; i < terms.count; ++i) out[i * stride] = operands_.a.at(batch, row, terms.first + i);
}

void SystolicProgram::gather_column(std::int64_t batch, std::int64_t column, Terms terms, float* out,
                                    Count stride) const {
  for (std::int64_t i = 0; i < terms.count; ++i) out[i * stride] = operands_.b.at(batch, terms.first + i, column);
}

float& SystolicProgram::output(std::int64_t batch, std::int64_t row, std::int64_t column) const {
  return operands_
      .output[im2col_ ? im2col_->output_index(batch, row, column) : (batch * sizes().m + row) * sizes().n + column];
}

std::unique_ptr<SystolicProgram> systolic_program(const arch::SystolicArray& array, const Operation& operation,
                                                  const mapping::Tile& tile, const Operands& operands,
                                                  const Progress& progress) {
  if (array.holds) return std::make_unique<FoldProgram>(array, operation, tile, operands, progress);
  return std::make_unique<TileProgram>(array, operation, tile, operands, progress);
}

}  // namespace cairn::engine
