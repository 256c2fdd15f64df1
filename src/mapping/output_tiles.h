// The mapping of a matrix product onto an output-stationary array: which tile of outputs each round computes. A pure
// function of array, tile and sizes, without a clock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "arch/machine.h"
#include "cairn/operation.h"

namespace cairn::mapping {

// What is in the array at once, a row and a column of it for each: outputs (rows of A by columns of B), or words of the
// operand that stays (terms by columns of B, or by rows of A).
struct Tile {
  std::int64_t rows;
  std::int64_t columns;
  bool operator==(const Tile&) const = default;
};

// The dimensions that rows and columns of an array take.
struct Letters {
  std::string rows;
  std::string columns;
};
Letters letters(const arch::SystolicArray& array);

// The tile as the user gave it ("M" -> 4), completed with the whole array. Throws E401 with every fault.
Tile choose_tile(const arch::SystolicArray& array, const std::map<std::string, std::int64_t>& given);

// One tile of outputs.
struct Block {
  std::int64_t batch;
  std::int64_t row;  // of the output matrix
  std::int64_t column;
  std::int64_t rows;  // outputs in the tile, less than the tile at the edges of the matrix
  std::int64_t columns;
};

// A length cut into parts: so many whole ones and, if they do not fill it, a shorter one.
struct Parts {
  std::int64_t length;
  std::int64_t count;
};
std::vector<Parts> cut(std::int64_t length, std::int64_t part);

class OutputTiles {
 public:
  OutputTiles(const Gemm& gemm, const Tile& tile);

  std::int64_t size() const { return gemm_.sizes().batch * down_ * across_; }
  // Tiles in order: batch outermost, then down the rows, then across the columns.
  Block at(std::int64_t index) const;

  // The same tiles by shape: how many there are of each, at most four shapes. Costs nothing, however many tiles there
  // are.
  struct Group {
    std::int64_t rows;
    std::int64_t columns;
    std::int64_t count;
  };
  std::vector<Group> groups() const;

 private:
  Gemm gemm_;
  Tile tile_;
  std::int64_t down_;    // tiles along the rows of the output
  std::int64_t across_;  // and along its columns
};

}  // namespace cairn::mapping
