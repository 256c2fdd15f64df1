// How operands become sparse: weights by magnitude, patterns by a seeded draw.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "cairn/sparse.h"
#include "util/diagnostics.h"
#include "util/random.h"

namespace cairn {
namespace {

void check_fraction(const char* name, double fraction) {
  if (fraction >= 0 && fraction <= 1) return;  // a NaN is neither
  throw Error(Code::out_of_range, name, fmt::format("{} = {} is no fraction", name, fraction),
              "0 to 1, for instance 0.8");
}

std::int64_t row_length(std::span<const float> weights, std::int64_t rows) {
  const std::int64_t count = std::ssize(weights);
  if (count == 0) throw Error(Code::bad_size, "weights", "there are no weights", "at least one");
  if (rows < 1 || count % rows != 0) {
    throw Error(Code::bad_size, "weights", fmt::format("{} rows do not divide {} weights", rows, count),
                "as many rows as the weights have filters");
  }
  return count / rows;
}

std::size_t part_of(std::size_t count, double ratio) {
  return static_cast<std::size_t>(std::floor(ratio * static_cast<double>(count)));
}

// Floats order by magnitude as their bits do without the sign; all NaNs are one step above infinity.
std::uint32_t magnitude(float value) {
  constexpr std::uint32_t kInfinity = 0x7F800000U;
  return std::min(std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU, kInfinity + 1);
}

class Pruner {
 public:
  // Zeroes the `count` smallest weights.
  void prune(std::span<float> weights, std::size_t count) {
    if (count == 0) return;
    magnitudes_.resize(weights.size());
    std::ranges::transform(weights, magnitudes_.begin(), magnitude);
    const auto largest = magnitudes_.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    std::ranges::nth_element(magnitudes_, largest);
    const std::uint32_t limit = *largest;
    auto ties = std::count(magnitudes_.begin(), largest + 1, limit);
    for (float& weight : weights) {
      const std::uint32_t size = magnitude(weight);
      const bool tie = size == limit && ties > 0;
      ties -= tie ? 1 : 0;
      weight = size < limit || tie ? 0.0F : weight;
    }
  }

 private:
  std::vector<std::uint32_t> magnitudes_;  // memory that a row leaves to the next
};

}  // namespace

void prune(std::span<float> weights, double ratio) { prune_rows(weights, 1, ratio); }

void prune_rows(std::span<float> weights, std::int64_t rows, double ratio) {
  check_fraction("ratio", ratio);
  const auto length = static_cast<std::size_t>(row_length(weights, rows));
  Pruner pruner;
  for (; !weights.empty(); weights = weights.subspan(length))
    pruner.prune(weights.first(length), part_of(length, ratio));
}

void prune_n_of_m(std::span<float> weights, std::int64_t rows, std::int64_t n, std::int64_t m) {
  check_n_of_m(n, m);
  const auto length = static_cast<std::size_t>(row_length(weights, rows));
  const auto keep = static_cast<std::size_t>(n);
  Pruner pruner;
  for (; !weights.empty(); weights = weights.subspan(length)) {
    for (std::size_t begin = 0; begin < length; begin += static_cast<std::size_t>(m)) {
      const std::span<float> group = weights.subspan(begin, std::min(static_cast<std::size_t>(m), length - begin));
      if (group.size() > keep) pruner.prune(group, group.size() - keep);
    }
  }
}

Bitmap random_pattern(std::int64_t rows, std::int64_t columns, double sparsity, std::uint64_t seed) {
  check_fraction("sparsity", sparsity);
  Bitmap bits(rows, columns);
  // As whole numbers: sparsity * 2^53 is exact, and what reaches it reaches the next whole number above.
  const auto limit = static_cast<std::uint64_t>(std::ceil(sparsity * 0x1p53));
  util::SplitMix64 random(seed);
  const auto draw = [&](unsigned width) {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < width; ++i) word |= static_cast<std::uint64_t>(random.next() >> 11U >= limit) << i;
    return word;
  };
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t first = 0; first < columns; first += 64)
      bits.set_word(row, first / 64, columns - first >= 64 ? draw(64) : draw(static_cast<unsigned>(columns - first)));
  }
  return bits;
}

}  // namespace cairn
