// Turns folds of an operand that stays in a systolic array into the rounds of a program, with their operands.
#pragma once

#include "engine/systolic_program.h"
#include "mapping/folds.h"

namespace cairn::engine {

class FoldProgram final : public SystolicProgram {
 public:
  FoldProgram(const arch::SystolicArray& array, const Operation& operation, const mapping::Tile& tile,
              const Operands& operands, Progress progress);

  Count size() const override { return folds_.size(); }
  fabric::Round at(Count index) const override;
  std::vector<Group> groups() const override;
  void load(Count index, float* panel) const override;
  // `lane`: the column of the array; `index`: of its sums.
  fabric::Stored store(Count index, int lane, float value) override;

 private:
  fabric::Round round(std::int64_t terms, std::int64_t columns, bool adds) const;
  void gather_held(const mapping::Fold& fold, std::int64_t column, float* out, Count stride) const;
  void gather_streamed(const mapping::Fold& fold, Count step, float* out) const;

  arch::SystolicArray array_;
  Count steps_;  // that stream past a fold
  mapping::Folds folds_;
};

}  // namespace cairn::engine
