// Turns output tiles into the rounds of a program, with their operands.
#pragma once

#include "engine/systolic_program.h"
#include "mapping/output_tiles.h"

namespace cairn::engine {

class TileProgram final : public SystolicProgram {
 public:
  TileProgram(const arch::SystolicArray& array, const Operation& operation, const mapping::Tile& tile,
              const Operands& operands, Progress progress);

  Count size() const override { return tiles_.size(); }
  fabric::Round at(Count index) const override;
  std::vector<Group> groups() const override;
  void load(Count index, float* panel) const override;
  fabric::Stored store(Count index, int lane, float value) override;

 private:
  fabric::Round round(std::int64_t rows, std::int64_t columns) const;

  arch::SystolicArray array_;
  mapping::OutputTiles tiles_;
};

}  // namespace cairn::engine
