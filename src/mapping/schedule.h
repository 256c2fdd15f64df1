// The schedule of a sparse machine: in which order the stationary vectors (the filters, of a convolution) go through
// it. Consecutive vectors share a fold while their non-zeros fit the multipliers, so the order decides how many folds
// there are. Pure functions, without a clock.
#pragma once

#include <cstdint>
#include <vector>

namespace cairn::mapping {

// none: as the model has them. random: shuffled. largest: the largest that fits is next, which is what the reference
// calls optimize. fullest: the largest, then those that fill the rest of the multipliers best.
enum class Schedule { none, random, largest, fullest };

// The order in which the vectors go through the machine: order[position] = vector. `sizes`: the multipliers that each
// of them needs, none negative. The seed is that of `random`; `fullest` never takes more folds than `largest`.
std::vector<std::int64_t> schedule(Schedule policy, const std::vector<std::int64_t>& sizes, std::int64_t multipliers,
                                   std::uint64_t seed);

// How a product is cut for a sparse machine. Bitmaps make their own virtual neurons; rows of a sparse matrix meet
// `columns` streaming vectors at once, in virtual neurons of `depth` multipliers.
struct SparseTile {
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  Schedule policy = Schedule::none;
  std::uint64_t seed = 0;
  bool operator==(const SparseTile&) const = default;
};

// What an order comes to.
struct Packing {
  std::int64_t folds = 0;
  std::int64_t occupied = 0;  // multipliers that hold a value of a vector, over all folds

  // The share of all multipliers that is occupied, mean over the folds; 0 without folds.
  double filled(std::int64_t multipliers) const;
  bool operator==(const Packing&) const = default;
};

// Packs vectors into folds in their order, each into the fold before if it still fits. One that is larger than all
// multipliers takes folds of its own: of as many values as there are multipliers, then one less, for the partial sum.
// (On a single multiplier, which cannot hand a partial sum on, of one value each.)
Packing pack(const std::vector<std::int64_t>& order, const std::vector<std::int64_t>& sizes, std::int64_t multipliers);

}  // namespace cairn::mapping
