// Turns output tiles into the rounds of a program, with their operands.
#pragma once

#include <optional>

#include "engine/run.h"

namespace cairn::engine {

// The round that a tile of rows x columns makes on this array.
fabric::Round round_of(const fabric::Array& array, Count steps, std::int64_t rows, std::int64_t columns);

class TileProgram final : public fabric::Rounds, public fabric::Panels {
 public:
  TileProgram(const Operation& operation, const mapping::Tile& tile, const fabric::Array& array,
              const Operands& operands, Progress progress);

  Count size() const override { return tiles_.size(); }
  fabric::Round at(Count index) const override;
  void load(Count index, float* panel) const override;
  fabric::Stored store(Count index, int lane, float value) override;

 private:
  void load_columns(const mapping::Block& block, float* panel, Count words) const;
  void load_rows(const mapping::Block& block, float* panel, Count words) const;

  Gemm gemm_;
  std::optional<workload::Im2col> im2col_;
  mapping::OutputTiles tiles_;
  fabric::Array array_;
  Operands operands_;
  Progress progress_;
};

}  // namespace cairn::engine
