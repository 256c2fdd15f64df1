// What the programs of systolic arrays have in common: a matrix product, or a convolution as one, whose operands are
// gathered word by word and whose outputs go back to where they belong.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/run.h"

namespace cairn::engine {

class SystolicProgram : public fabric::Rounds, public fabric::Panels {
 public:
  // The rounds by what they cost, however many there are.
  struct Group {
    fabric::Round round;
    Count count;
  };
  virtual std::vector<Group> groups() const = 0;

 protected:
  SystolicProgram(const Operation& operation, Operands operands, Progress progress);

  const Gemm::Sizes& sizes() const { return gemm_.sizes(); }
  bool has_operands() const { return operands_.present(); }
  void tell(Count round) const {
    if (progress_) progress_(round, size());
  }
  using Terms = workload::Terms;
  // Of a row of the first operand, or a column of the second, to out[0], out[stride], ...
  void gather_row(std::int64_t batch, std::int64_t row, Terms terms, float* out, Count stride) const;
  void gather_column(std::int64_t batch, std::int64_t column, Terms terms, float* out, Count stride) const;
  float& output(std::int64_t batch, std::int64_t row, std::int64_t column) const;

 private:
  Gemm gemm_;
  std::optional<workload::Im2col> im2col_;
  Operands operands_;
  Progress progress_;
};

// That of the array: tiles of outputs, or folds of the operand that stays.
std::unique_ptr<SystolicProgram> systolic_program(const arch::SystolicArray& array, const Operation& operation,
                                                  const mapping::Tile& tile, const Operands& operands,
                                                  const Progress& progress = {});

}  // namespace cairn::engine
