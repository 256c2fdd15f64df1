// The mapping of a matrix product onto an array that holds an operand: which block of it each round has in the array. A
// pure function of tile and sizes, without a clock. Written for weights that stay (the columns of B); where inputs stay
// the product is taken the other way round (`exchanged`).
#pragma once

#include <vector>

#include "mapping/output_tiles.h"

namespace cairn::mapping {

// The transposed product: what was the first operand is the second.
Gemm exchanged(const Gemm& gemm);

// One block: a row of the array for each of its terms, a column for each of its columns of B.
struct Fold {
  std::int64_t batch;
  std::int64_t term;
  std::int64_t column;
  std::int64_t terms;
  std::int64_t columns;
  bool adds;  // to the sums of the folds of the same outputs before
};

class Folds {
 public:
  Folds(const Gemm& gemm, const Tile& tile);

  std::int64_t size() const { return gemm_.sizes().batch * across_ * deep_; }
  // Folds in order: batch outermost, then across the columns, then down the terms.
  Fold at(std::int64_t index) const;

  // Which output the `index`-th sum of a column of the array is part of, where each fold uses `used` of them, the last
  // ones across `used_last`.
  struct Sum {
    std::int64_t fold;
    std::int64_t step;  // row of A
  };
  Sum sum(std::int64_t index, std::int64_t column, std::int64_t used_last) const;
  // Of the folds that are the last across.
  std::int64_t last_columns() const;

  // The same folds by what they cost.
  struct Group {
    std::int64_t terms;
    std::int64_t columns;
    bool adds;
    std::int64_t count;
  };
  std::vector<Group> groups() const;

 private:
  Gemm gemm_;
  Tile tile_;
  std::int64_t across_;  // folds along the columns of B
  std::int64_t deep_;    // and along its rows
};

}  // namespace cairn::mapping
